"""Looking outside with the answers so far: one short visit for each question.

Nothing is open while a person thinks, so that Ctrl-C at a question ends it at once.
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
    """What is configured, and the way out.

    Attributes:
        file: postbrush.toml, there already or not.
        tokens: The secrets that were given, by variable; they win over all others.
    """

    file: Path
    environ: Mapping[str, str]
    cwd: Path
    clock: Clock | None = None
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def load_settings(self, text: str | None = None) -> Settings:
        """Read the configuration as it is, or as it would be with *text* as file.

        As it is, a service may lack its token: that is what is asked for here.

        Raises:
            ConfigError: All that is wrong with it.
        """
        given = {**self.environ, **self.tokens}
        if text is None and self.file.exists():
            return config.load_settings(self.file, given, self.cwd, ready=False)
        return config.load_text(text or "", self.file, given, self.cwd)

    def run_query(self, question: Callable[[SourceContext], Awaitable[T]]) -> T:
        """Open everything for one question.  Raises what the question raises."""
        found = self.load_settings()
        values = found.secrets.all_values()
        log.configure("error", "pretty", environ={}, stream=sys.stderr, secrets=values)

        async def whole() -> T:
            async with app.open_context(
                found, clock=self.clock, readonly=True
            ) as flows:
                return await question(flows.first)

        with _show_spinner():
            return asyncio.run(whole())


def _show_spinner() -> AbstractContextManager[object]:
    """Show that something is on its way; nothing where nobody looks."""
    if not sys.stderr.isatty():
        return nullcontext()
    return Console(stderr=True).status("one moment ...")
