"""API calls with the answers so far.

Each query opens and closes its own connections.  None is open while a question
waits for an answer, so that Ctrl-C ends the command immediately.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from daemon import app, config
from daemon.clock import Clock
from daemon.config import Settings
from daemon.context import SourceContext
from daemon.service import log

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class ApiSession:
    """The current configuration, and API queries with it.

    Attributes:
        file: Path of postbrush.toml, which may not exist yet.
        tokens: Entered secrets by environment variable; they override all others.
    """

    file: Path
    environ: Mapping[str, str]
    cwd: Path
    clock: Clock | None = None
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def load_settings(self, text: str | None = None) -> Settings:
        """Read the configuration, with *text* in place of the file if it is given.

        The existing file may lack a token, because `init` asks for it.

        Raises:
            ConfigError: The configuration is invalid.
        """
        environ = {**self.environ, **self.tokens}
        if text is None and self.file.exists():
            return config.load_settings(self.file, environ, self.cwd, ready=False)
        return config.load_text(text or "", self.file, environ, self.cwd)

    def run_query(self, question: Callable[[SourceContext], Awaitable[T]]) -> T:
        """Run *question* with the first source, and raise what it raises."""
        settings = self.load_settings()
        values = settings.secrets.all_values()
        log.configure("error", "pretty", environ={}, stream=sys.stderr, secrets=values)

        async def run_question() -> T:
            async with app.open_context(
                settings, clock=self.clock, readonly=True
            ) as sources:
                return await question(sources.first)

        with _show_spinner():
            return asyncio.run(run_question())


def _show_spinner() -> AbstractContextManager[object]:
    """Return a spinner on stderr, or nothing without a terminal."""
    if not sys.stderr.isatty():
        return nullcontext()
    return Console(stderr=True).status("one moment ...")
