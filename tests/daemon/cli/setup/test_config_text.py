"""The file that is written: it loads, and says what was chosen and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon import config
from daemon.cli.setup import config_text
from daemon.errors import SetupError

WANTED = {
    ("notion", "data_source"): "0" * 32,
    ("notion", "properties", "image"): 'My "picture"',
    ("posts", "only"): {"Status": "Waiting"},
}


def _load(text: str) -> config.Settings:
    environ = {"NOTION_TOKEN": "ntn_x"}
    return config.load_text(text, Path("/p/postbrush.toml"), environ, Path("/p"))


@pytest.mark.parametrize("title", ["My posts", "", "two\nlines = 3", "\x00\x1b[31m"])
def test_a_new_file_loads(title: str) -> None:
    settings = _load(config_text.new_config(title, WANTED))
    assert settings.options.notion.data_source == "0" * 32
    assert settings.options.notion.properties.image == 'My "picture"'
    assert settings.options.posts.only == {"Status": "Waiting"}


def test_what_it_hints_at_exists_and_is_the_default_or_an_example() -> None:
    lines = config_text.new_config("x", {}).splitlines()
    hints = [line.removeprefix("# ") for line in lines if " = " in line or "[" in line]
    hints = [line for line in hints if line[0] == "[" or " = " in line]
    written = "\n".join(line for line in hints if not line.startswith("To change"))
    settings = _load(written)
    bare = _load("")
    assert settings.options.images == bare.options.images
    assert settings.options.budget == bare.options.budget
    assert settings.options.prompt != bare.options.prompt


def test_an_odd_file_is_not_touched_and_what_belongs_into_it_is_said() -> None:
    text = "posts = { approve_above = 3 }\n"
    with pytest.raises(SetupError) as caught:
        config_text.edit_config(text, {("posts", "only"): {"A": "B"}}, "postbrush.toml")
    assert 'only = { "A" = "B" }' in str(caught.value)
    assert "\n" not in str(caught.value)
