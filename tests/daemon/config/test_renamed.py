"""A setting under its old name is refused, in one line that says the new one."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon import config
from daemon.config.model import Options
from daemon.config.problems import RENAMED_KEYS, every_key
from daemon.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
SOURCE = f'[sources.a]\ndata_source = "{"a" * 32}"\n'
RENAMED = [
    ("posts", "settle", '"2m"', "wait_after_edit"),
    ("posts", "hold", "3", "approve_above"),
    ("images", "reserve", '"1GiB"', "min_free_disk"),
]


def problems_of(folder: Path, toml: str, **environ: str) -> list[str]:
    (folder / "postbrush.toml").write_text(toml)
    with pytest.raises(ConfigError) as caught:
        config.load_settings(None, environ, folder)
    *problems, where = caught.value.problems
    # The file is not named if only variables are wrong.
    if where.startswith("POSTBRUSH_"):
        return [*problems, where]
    file = folder / "postbrush.toml"
    assert where.startswith(f"The configuration file is {file}")
    renamed = [one for one in problems if " is now called " in one]
    in_file = any(not one.startswith("POSTBRUSH_") for one in renamed)
    assert (
        where.endswith("`postbrush config --migrate` renames settings in it") is in_file
    )
    return problems


def test_every_renamed_setting_is_tested_and_has_its_new_name() -> None:
    assert {old: new for _, old, _, new in RENAMED} == RENAMED_KEYS
    keys = set(every_key(Options))
    for section, old, _, new in RENAMED:
        assert f"{section}.{new}" in keys
        assert f"{section}.{old}" not in keys


def test_the_changelog_lists_every_renamed_setting() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    table = changelog.partition("### Renamed settings")[2]
    for section, old, _, new in RENAMED:
        variables = [f"POSTBRUSH_{section}__{key}".upper() for key in (old, new)]
        names = [f"{section}.{old}", f"{section}.{new}", *variables]
        assert "| " + " | ".join(f"`{name}`" for name in names) + " |" in table


@pytest.mark.parametrize(("section", "old", "value", "new"), RENAMED)
def test_an_old_name_in_the_file_is_refused_with_the_new_one(
    tmp_path: Path, section: str, old: str, value: str, new: str
) -> None:
    problems = problems_of(tmp_path, f"[{section}]\n{old} = {value}\n")
    assert problems == [f"{section}.{old} is now called {section}.{new}"]
    (tmp_path / "postbrush.toml").write_text(f"[{section}]\n{new} = {value}\n")
    config.load_settings(None, {}, tmp_path)


@pytest.mark.parametrize(("section", "old", "value", "new"), RENAMED)
def test_an_old_name_of_a_variable_is_refused_with_the_new_one(
    tmp_path: Path, section: str, old: str, value: str, new: str
) -> None:
    prefix = f"POSTBRUSH_{section.upper()}__"
    given = {f"{prefix}{old.upper()}": value.strip('"')}
    problems = problems_of(tmp_path, "", **given)
    assert problems == [f"{prefix}{old.upper()} is now called {prefix}{new.upper()}"]
    given = {f"{prefix}{new.upper()}": value.strip('"')}
    config.load_settings(None, given, tmp_path)


def test_all_old_names_are_named_at_once(tmp_path: Path) -> None:
    toml = '[posts]\nsettle = "2m"\nhold = 3\n[images]\nreserve = "1GiB"\n'
    problems = problems_of(tmp_path, toml, POSTBRUSH_POSTS__HOLD="4")
    assert problems == [
        "POSTBRUSH_POSTS__HOLD is now called POSTBRUSH_POSTS__APPROVE_ABOVE",
        "posts.settle is now called posts.wait_after_edit",
        "posts.hold is now called posts.approve_above",
        "images.reserve is now called images.min_free_disk",
    ]


def test_the_settings_of_one_source_are_renamed_likewise(tmp_path: Path) -> None:
    toml = f"{SOURCE}[sources.a.posts]\nhold = 3\n[sources.a.images]\nreserve = 1\n"
    assert problems_of(tmp_path, toml, POSTBRUSH_SOURCES__A__POSTS__SETTLE="1m") == [
        (
            "POSTBRUSH_SOURCES__A__POSTS__SETTLE is now called "
            "POSTBRUSH_SOURCES__A__POSTS__WAIT_AFTER_EDIT"
        ),
        "sources.a.posts.hold is now called sources.a.posts.approve_above",
        (
            "sources.a.images.reserve is not a setting. Did you mean "
            "images.min_free_disk?"
        ),
    ]


def test_an_old_name_in_the_wrong_section_is_shown_its_place(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "hold = 3\n[card]\nsettle = 1\n") == [
        "card.settle is not a setting. Did you mean posts.wait_after_edit?",
        "hold is not a setting. Did you mean posts.approve_above?",
    ]


def test_an_old_name_in_a_table_of_a_variable_is_refused(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, "", POSTBRUSH_POSTS='{"hold": 3}')
    assert problems == ["posts.hold is now called posts.approve_above"]


def test_a_wrong_variable_is_named_once(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, "", POSTBRUSH_POSTS__TRYS="3")
    assert problem == (
        "POSTBRUSH_POSTS__TRYS is not a setting. Did you mean POSTBRUSH_POSTS__TRIES?"
    )
