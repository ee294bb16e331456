"""The card's options on the command line: layouts, colors that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon import config
from daemon.cli.check import _check_card
from daemon.cli.generate import _parse_layout
from daemon.errors import SetupError


def test_an_unknown_layout_is_refused_with_the_names() -> None:
    assert _parse_layout("Quote") == "quote"
    with pytest.raises(
        SetupError, match=r"'poster' is not a layout\. The layouts are: auto"
    ):
        _parse_layout("poster")


@pytest.mark.parametrize(
    ("color", "found"),
    [
        ("#ffffff", "card.color on card.background has a contrast of 1.4:1"),
        ("#101010", None),
        ("", None),
    ],
)
def test_check_names_colors_that_cannot_be_read(
    tmp_path: Path, color: str, found: str | None
) -> None:
    (tmp_path / "postbrush.toml").write_text(
        f'[card]\nbackground = "#ffd400"\ncolor = "{color}"\n'
    )
    environ = {"NOTION_TOKEN": "ntn_" + "k" * 40}
    settings = config.load_settings(None, environ, tmp_path)
    results = _check_card(settings, "")
    assert [result.found for result in results] == ([found] if found else [])
    assert settings.with_layout("quote").options.card.layout == "quote"
