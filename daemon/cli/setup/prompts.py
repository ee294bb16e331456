"""Questions at a terminal; without one, what was said beforehand must do."""

from __future__ import annotations

import getpass
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from rich.console import Console
from rich.text import Text

from daemon.errors import SetupError


@dataclass(slots=True, kw_only=True)
class Prompter:
    """Says and asks.

    Attributes:
        terminal: Somebody is there to answer.
        yes: Whatever is proposed is accepted.
        line: Reads a line; `hidden` reads one without showing it.
    """

    console: Console
    terminal: bool
    yes: bool
    line: Callable[[str], str]
    hidden: Callable[[str], str]

    def print_line(self, words: str = "", *, style: str = "") -> None:
        """Print one line as it is; never read as markup."""
        clean = "".join(sign if sign.isprintable() else " " for sign in words)
        self.console.print(Text(clean, style=style), soft_wrap=True)

    def print_title(self, words: str) -> None:
        """Begin a question."""
        self.print_line()
        self.print_line(words, style="bold")

    def print_note(self, words: str) -> None:
        """Say what goes with a question."""
        self.print_line(f"  {words}")

    def print_success(self, words: str) -> None:
        """Say what went well."""
        self.print_line(f"  ✓ {words}", style="green")

    def print_failure(self, words: str) -> None:
        """Say what did not."""
        self.print_line(f"  ✗ {words}", style="red")

    def ask_secret(self, prompt: str, missing: str) -> str:
        """Ask for a line nobody sees; "" for none.

        Args:
            missing: Said when nobody can be asked.
        """
        if not self.terminal:
            raise SetupError(missing)
        return self.hidden(f"  {prompt}").strip()

    def ask_choice(
        self, options: Sequence[str], default: int | None, missing: str
    ) -> int:
        """Return which of *options* is wanted; shows them with numbers.

        Args:
            default: What Enter takes, and `yes`.
            missing: Said when nobody can be asked.
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
            said = self.line(f"  Which one?{hint} ").strip()
            if not said and default is not None:
                return default
            if said.isdecimal() and 1 <= int(said) <= len(options):
                return int(said) - 1
            self.print_failure(f"type a number from 1 to {len(options)}")

    def wait_for_enter(self, prompt: str, missing: str) -> None:
        """Wait until somebody has done something elsewhere."""
        if not self.terminal:
            raise SetupError(missing)
        self.line(f"  {prompt}")


def read_hidden(prompt: str) -> str:
    """Read a line without echo.  Raises SetupError where that cannot be had."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except getpass.GetPassWarning:
            _raise_cannot_hide()


def _raise_cannot_hide() -> NoReturn:
    raise SetupError(
        "this terminal cannot hide what is typed: put the tokens into NOTION_TOKEN "
        "and HUGGINGFACE_TOKEN, and run init again"
    )
