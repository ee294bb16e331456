"""`config --migrate`: renamed settings, and not one other character."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon import config
from daemon.cli import OPTIONS, service
from daemon.cli.setup.config_text import rename_keys
from daemon.config.problems import RENAMED_KEYS
from daemon.errors import ConfigError, SetupError

_OLD = """\
# Mine.
[posts]
hold  = 7   # not too many
settle = '5m'

[images]
"reserve" = "1GB"
format = "square"

[card]
tag = "hold = 3"

[sources.shop]
data_source = "0123456789abcdef0123456789abcdef"
posts = { settle = "1m", tries = 2 }
[sources.shop.images]
keep_days = 3
"""
_NEW = (
    _OLD.replace("hold  = 7", "approve_above  = 7")
    .replace("settle = '5m'", "wait_after_edit = '5m'")
    .replace('"reserve" = "1GB"', '"min_free_disk" = "1GB"')
    .replace('settle = "1m"', 'wait_after_edit = "1m"')
)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_renamed_settings_get_their_new_names(newline: str, mark: str) -> None:
    text, changes = rename_keys(mark + _OLD.replace("\n", newline))
    assert text == mark + _NEW.replace("\n", newline)
    assert changes == [
        "posts.hold is now posts.approve_above",
        "posts.settle is now posts.wait_after_edit",
        "images.reserve is now images.min_free_disk",
        "sources.shop.posts.settle is now sources.shop.posts.wait_after_edit",
    ]
    assert rename_keys(text) == (text, [])


def test_dotted_keys_are_renamed_too() -> None:
    text, _ = rename_keys("posts.hold = 5 # x\nposts.tries = 2\n")
    assert text == "posts.approve_above = 5 # x\nposts.tries = 2\n"


def test_every_renamed_setting_is_found() -> None:
    sections = {"hold": "posts", "settle": "posts", "reserve": "images"}
    assert set(sections) == set(RENAMED_KEYS)
    for old, new in RENAMED_KEYS.items():
        text, _ = rename_keys(f"[{sections[old]}]\n{old} = 1\n")
        assert text == f"[{sections[old]}]\n{new} = 1\n"


@pytest.mark.parametrize(
    "text", ["[posts]\nhold = 1\napprove_above = 2\n", "[posts\n", "hold = = 1"]
)
def test_what_cannot_be_renamed_stays(text: str) -> None:
    with pytest.raises(SetupError, match="correct it by hand"):
        rename_keys(text)


def test_the_old_file_is_kept(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "postbrush.toml"
    file.write_text(_OLD.partition("[sources")[0])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="postbrush config --migrate"):
        config.load_settings(file, {}, tmp_path)
    service.config(migrate=True)
    assert config.load_settings(file, {}, tmp_path).options.posts.approve_above == 7
    assert (tmp_path / "postbrush.toml.bak").read_text() in _OLD
    assert "posts.hold is now posts.approve_above" in capsys.readouterr().out
    service.config(migrate=True)
    assert "all settings have their current names" in capsys.readouterr().out
    assert len(os.listdir(tmp_path)) == 2  # noqa: PTH208 - names alone

    monkeypatch.setattr(OPTIONS, "config", tmp_path / "nothing.toml")
    with pytest.raises(FileNotFoundError):
        service.config(migrate=True)
