"""Questions at a terminal, and API calls with the answers so far.

Each query opens and closes its own connections.  None is open while a question
waits for an answer, so that Ctrl-C ends the command immediately.
"""

from __future__ import annotations

import asyncio
import getpass
import sys
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.text import Text

from daemon import app, config
from daemon.clock import Clock
from daemon.config import Settings
from daemon.context import SourceContext
from daemon.errors import SetupError
from daemon.places import address_commands
from daemon.service import log

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Prompter:
    """Prints texts and reads answers.

    Attributes:
        terminal: Whether input and output are a terminal.
        yes: Whether to accept defaults without a question.
        line: Reads a line.
        hidden: Reads a line without echo.
    """

    console: Console
    terminal: bool
    yes: bool
    line: Callable[[str], str]
    hidden: Callable[[str], str]

    def print_line(self, line: str = "", *, style: str = "") -> None:
        """Print one line without parsing Rich markup."""
        line = address_commands(line)
        clean = "".join(char if char.isprintable() else " " for char in line)
        self.console.print(Text(clean, style=style), soft_wrap=True)

    def print_title(self, line: str) -> None:
        """Print the title of a question."""
        self.print_line()
        self.print_line(line, style="bold")

    def print_note(self, line: str) -> None:
        """Print an explanation of a question."""
        self.print_line(f"  {line}")

    def print_success(self, line: str) -> None:
        """Print a success with a check mark."""
        self.print_line(f"  ✓ {line}", style="green")

    def print_failure(self, line: str) -> None:
        """Print a failure with a cross."""
        self.print_line(f"  ✗ {line}", style="red")

    def ask_secret(self, prompt: str, missing: str) -> str:
        """Read a line without echo; raise SetupError(*missing*) off a terminal."""
        if not self.terminal:
            raise SetupError(missing)
        return self.hidden(f"  {prompt}").strip()

    def ask_choice(
        self, options: Sequence[str], default: int | None, missing: str
    ) -> int:
        """Print numbered *options* and return the index of the chosen one.

        Args:
            default: Index that Enter and `yes` choose.
            missing: Message of the SetupError without a terminal.
        """
        for number, option in enumerate(options, 1):
            self.print_note(f"{number:>2}  {option}")
        if default is not None and self.yes:
            self.print_success(options[default])
            return default
        if not self.terminal:
            raise SetupError(missing)
        hint = f" [{default + 1}]" if default is not None else ""
        while True:
            answer = self.line(f"  Which one?{hint} ").strip()
            if not answer and default is not None:
                return default
            if answer.isdecimal() and 1 <= int(answer) <= len(options):
                return int(answer) - 1
            self.print_failure(f"Type a number from 1 to {len(options)}.")


def read_hidden(prompt: str) -> str:
    """Read a line without echo; raise SetupError if the terminal shows it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except getpass.GetPassWarning:
            raise SetupError(
                "This terminal cannot hide what you type. Set the environment "
                "variables NOTION_TOKEN and HUGGINGFACE_TOKEN, then run `postbrush "
                "init` again"
            ) from None


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

    def run_query(self, query: Callable[[SourceContext], Awaitable[T]]) -> T:
        """Run *query* with the first source, and raise what it raises."""
        settings = self.load_settings()
        secrets = settings.secrets.all_values()
        log.configure("error", "pretty", environ={}, stream=sys.stderr, secrets=secrets)

        async def run() -> T:
            context = app.open_context(settings, clock=self.clock, readonly=True)
            async with context as sources:
                return await query(sources.first)

        spinner = Console(stderr=True).status("One moment ...")
        with spinner if sys.stderr.isatty() else nullcontext():
            return asyncio.run(run())
