"""Questions at a terminal; without one, options must give the answers."""

from __future__ import annotations

import getpass
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from daemon.errors import SetupError


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
        clean = "".join(
            character if character.isprintable() else " " for character in line
        )
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
            self.print_failure(f"type a number from 1 to {len(options)}")

    def wait_for_enter(self, prompt: str, missing: str) -> None:
        """Wait for Enter; raise SetupError(*missing*) without a terminal."""
        if not self.terminal:
            raise SetupError(missing)
        self.line(f"  {prompt}")


def read_hidden(prompt: str) -> str:
    """Read a line without echo; raise SetupError if the terminal shows it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except getpass.GetPassWarning:
            raise SetupError(
                "this terminal cannot hide what is typed: put the tokens into "
                "NOTION_TOKEN and HUGGINGFACE_TOKEN, and run init again"
            ) from None
