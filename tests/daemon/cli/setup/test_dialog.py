"""Asking: nothing is shown that must not be, and a wrong number is asked again."""

from __future__ import annotations

import getpass
import io
import warnings

import pytest
from rich.console import Console

from daemon.cli.setup.dialog import Prompter, read_hidden
from daemon.errors import SetupError


def _talk(*lines: str, yes: bool = False, terminal: bool = True) -> Prompter:
    said = iter(lines)
    return Prompter(
        console=Console(file=io.StringIO(), width=200),
        terminal=terminal,
        yes=yes,
        line=lambda _prompt: next(said),
        hidden=lambda _prompt: next(said),
    )


def _shown(talk: Prompter) -> str:
    assert isinstance(talk.console.file, io.StringIO)
    return talk.console.file.getvalue()


def test_a_terminal_that_shows_what_is_typed_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def shows(_prompt: str) -> str:
        warnings.warn("cannot hide", getpass.GetPassWarning, stacklevel=1)
        return "ntn_shown"

    monkeypatch.setattr(getpass, "getpass", shows)
    with pytest.raises(SetupError, match="cannot hide what you type"):
        read_hidden("Token: ")


@pytest.mark.parametrize(
    ("lines", "chosen"), [(["2"], 1), ([""], 0), (["3", "0", "-1", "²", "a", "1"], 0)]
)
def test_a_number_is_asked_for_until_it_is_one(lines: list[str], chosen: int) -> None:
    talk = _talk(*lines)
    assert talk.ask_choice(["a", "b"], 0, "") == chosen
    assert _shown(talk).count("Type a number from 1 to 2") == len(lines) - 1


def test_without_a_proposal_yes_does_not_choose() -> None:
    assert _talk("2", yes=True).ask_choice(["a", "b"], None, "") == 1
    with pytest.raises(SetupError, match="which one"):
        _talk(yes=True, terminal=False).ask_choice(["a", "b"], None, "which one")


def test_a_title_is_shown_as_it_is_but_moves_no_cursor() -> None:
    talk = _talk()
    talk.print_note("[red]Bread[/] \x1b[2J\x07 & butter\nday")
    assert _shown(talk) == "  [red]Bread[/]  [2J  & butter day\n"
