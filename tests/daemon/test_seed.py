"""`regenerate --seed N`: the seed of a request, which no plain tick has."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.jobs import actions
from daemon.pretend.models import FakeProperty
from db import jobs, posts
from db.models import Job
from db.states import JobEventType
from tests.daemon.house import House, house

_EDITS = '[posts]\non_edit = "regenerate"\n'


async def _request(home: House, page: str, seed: int | None) -> Job:
    async with home.source.app.db.write_transaction() as tx:
        post = await posts.get(tx, home.source.name, page.replace("-", ""))
        assert post is not None
        now = home.source.app.now()
        return await actions.request_regeneration(tx, post, now, seed=seed)


async def _seeds(home: House, job: Job) -> list[int]:
    return [call.seed for call in await home.calls(job.id)]


async def test_it_is_sent_shown_and_not_used_by_the_next_tick(home: House) -> None:
    page = home.add()
    await home.live()
    job = await _request(home, page, 0)
    await home.live()
    assert home.hub.served[-1].seed == 0
    assert str(home.read(page)["Image details"]).endswith("seed 0")
    assert await _seeds(home, job) == [0]
    home.space.tick_box(page)
    await home.live()
    assert await _seeds(home, (await home.jobs())[-1]) != [0]


async def test_variants_count_from_it_and_start_again_after_the_last(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        number = FakeProperty("variants", "Variants", "number")
        home.space.add_column(home.town.source.id, number)
        await home.begin()
        page = home.add(Variants=3)
        await home.live()
        job = await _request(home, page, 2**31 - 2)
        await home.live()
        assert await _seeds(home, job) == [2**31 - 2, 2**31 - 1, 0]


async def test_an_edit_and_a_retry_keep_it(tmp_path: Path) -> None:
    async with house(tmp_path, toml=_EDITS) as home:
        await home.begin()
        page = home.add()
        await home.live()
        job = await _request(home, page, 7)
        home.space.edit_page(page, {"Post": "Cake."})
        await home.poll()
        async with home.source.app.db.write_transaction() as tx:
            queued = await jobs.get(tx, job.id)
            assert queued is not None
            assert "cake" in str(queued.inputs["prompt"])
            cancelled = await actions.cancel_job(tx, queued, home.source.app.now())
            await actions.retry_job(tx, cancelled, home.source.app.now())
        await home.live()
        assert await _seeds(home, job) == [7]


@pytest.mark.parametrize("seeds", [(7, None), (7, 8), (None, 7)])
async def test_another_seed_is_another_request(
    seeds: tuple[int | None, int | None], home: House
) -> None:
    page = home.add()
    await home.live()
    first, second = seeds
    job = await _request(home, page, first)
    # Of two queued requests the newer one counts.
    assert (await _request(home, page, second)).inputs.get("seed") == second
    async with home.source.app.db.write_transaction() as tx:
        queued = await jobs.get(tx, job.id)
        assert queued is not None
        now = home.source.app.now()
        await jobs.apply_event(tx, queued, JobEventType.CLAIMED, now=now, why="")
    # While one runs, the other is the next.
    noted = await _request(home, page, first)
    assert (noted.again or {})["inputs"].get("seed") == first


async def test_a_tick_on_a_queued_seed_draws_a_new_one(home: House) -> None:
    page = home.add()
    await home.live()
    job = await _request(home, page, 7)
    home.space.tick_box(page)
    await home.live()
    assert await _seeds(home, job) != [7]
    assert home.hub.painted == 2


async def test_an_image_of_another_seed_is_not_used_for_it(home: House) -> None:
    page = home.add()
    home.space.hide_page(page)
    await home.live()
    home.space.hide_page(page, hidden=False)
    # The first job has paid for an image that no page shows.
    job = await _request(home, page, 7)
    await home.live()
    assert await _seeds(home, job) == [7]
