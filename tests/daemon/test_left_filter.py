"""A post that leaves posts.only while its job waits: no money, no image, no on_done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.house import house
from tests.daemon.test_hold_and_choice import _add_column

_ONLY = (
    '[posts]\nonly = { "State" = "Waiting" }\non_done = { "State" = "Illustrated" }\n'
)


@pytest.mark.parametrize("moment", ["waits", "waits, notion away", "in work"])
async def test_a_post_that_leaves_the_filter_is_not_pulled_back(
    tmp_path: Path, moment: str
) -> None:
    async with house(tmp_path, toml=_ONLY) as home:
        _add_column(home.space, home.town.source.id, "State", "select")
        await home.begin()
        page = home.add("Chosen", "Bread.", State="Waiting")

        async def leave(_seconds: float = 0.0) -> None:
            home.space.edit_page(page, {"State": "Posted"})

        await home.poll()
        await home.work()
        home.clock.move(seconds=65)
        if moment == "in work":
            home.hub.sleep = leave
        else:
            await leave()
        home.clock.move(seconds=65)
        if moment != "waits, notion away":
            await home.poll()
        await home.work()
        assert home.read(page)["State"] == "Posted"
        assert not home.space.list_files(page)
        assert [job.state for job in await home.jobs()] == ["cancelled"]
        assert home.hub.painted == (1 if moment == "in work" else 0)
        # Back again: what was paid for is used.
        home.hub.sleep = home.clock.sleep
        home.space.edit_page(page, {"State": "Waiting"})
        await home.pass_time(minutes=5)
        assert home.read(page)["State"] == "Illustrated"
        assert home.hub.painted == 1
