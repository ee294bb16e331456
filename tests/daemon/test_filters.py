"""posts.only and posts.skip in a whole daemon: renamed, misspelt, refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.pretend.models import FakeProperty
from tests.daemon.house import house
from tests.daemon.web.visitor import inhabited

_ONLY = '[posts]\nonly = { Stage = "Ready" }\n'


def _stage() -> FakeProperty:
    column = FakeProperty("stage", "Stage", "select")
    for name in ("Ready", "Idea"):
        column.add_option(name)
    return column


async def test_a_renamed_property_is_filtered_by_its_id(tmp_path: Path) -> None:
    async with house(tmp_path, toml=_ONLY) as home:
        source = home.town.source.id
        home.space.add_column(source, _stage())
        await home.begin()
        home.space.rename_column(source, "Stage", "State")
        page = home.add(State="Ready")
        other = home.add("Other", "Other bread.", State="Idea")
        await home.live()
        assert (len(home.space.list_files(page)), home.space.list_files(other)) == (
            1,
            [],
        )
        # And after a restart, when the schema is read anew.
        home.clock.move(hours=2)
        later = home.add("Later", "Later bread.", State="Ready")
        await home.live()
        assert len(home.space.list_files(later)) == 1
        assert not [line for line in home.said if line.startswith("filter.")]


async def test_an_option_that_is_gone_is_one_warning_until_it_is_back(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, toml=_ONLY) as home:
        column = _stage()
        home.space.add_column(home.town.source.id, column)
        await home.begin()
        ready = column.find_option("Ready")
        assert ready is not None
        ready["name"] = "Ready to go"
        home.add(Stage="Ready to go")
        for _ in range(5):
            home.clock.move(minutes=61)
            await home.poll()
        (said,) = [line for line in home.said if line.startswith("filter.")]
        assert said == (
            'filter.unmatched posts.only wants "Stage" to be "Ready", which is not one '
            'of its options. Did you mean "Ready to go"?'
        )
        ready["name"] = "Ready"
        home.clock.move(minutes=61)
        await home.poll()
        await home.sweep()
        await home.live()
        assert home.hub.painted == 1


@pytest.mark.parametrize("setting", ["only", "skip"])
async def test_a_property_that_cannot_be_compared_is_refused_at_start(
    tmp_path: Path, setting: str
) -> None:
    async with house(tmp_path, toml=f'[posts]\n{setting} = {{ Link = "x" }}\n') as home:
        home.space.add_column(
            home.town.source.id, FakeProperty("l", "Link", "relation")
        )
        home.add()
        await home.begin()
        await home.live()
        (said,) = [line for line in home.said if line.startswith("poll.failed")]
        assert f'posts.{setting} cannot compare the property "Link"' in said
        assert "Multi-select, Person, Checkbox" in said
        assert home.hub.painted == 0


async def test_of_several_options_any_one_is_enough(tmp_path: Path) -> None:
    toml = '[posts]\nonly = { Where = "Facebook" }\n'
    async with house(tmp_path, toml=toml) as home:
        where = FakeProperty("w", "Where", "multi_select")
        home.space.add_column(home.town.source.id, where)
        where.add_option("Facebook")
        await home.begin()
        both = home.add(Where=["Instagram", "Facebook"])
        one = home.add("One", "One bread.", Where=["Instagram"])
        await home.live()
        assert (len(home.space.list_files(both)), home.space.list_files(one)) == (1, [])


async def test_a_filter_that_never_matches_is_named_on_the_page(tmp_path: Path) -> None:
    toml = '[posts]\nonly = { Stauts = "x" }'
    async with inhabited(tmp_path, toml=toml) as (_, visitor):
        words = (await visitor.see("/")).words
    assert 'posts.only names the property "Stauts"' in words
