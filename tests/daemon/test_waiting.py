"""A page says that its post is queued, or why it waits, and until when."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.jobs import actions
from tests.daemon.house import House, house
from tests.daemon.test_page_status import pause, resume, writes_by_page

_LOADING = {"error": "Model is currently loading", "estimated_time": 40}
_SHORTLY = {"error": "Model is currently loading", "estimated_time": 9}
_NO_CARD = 'chain = ["flux"]\n'


def _shown(home: House, page: str) -> tuple[str, str]:
    cells = home.read(page)
    return str(cells["Image status"] or ""), str(cells["Image note"])


async def _due(home: House) -> None:
    """Let the text of new posts settle."""
    await home.poll()
    home.clock.move(seconds=125)
    await home.work()


async def test_a_model_that_loads_is_named_with_its_time_in_one_write(
    home: House,
) -> None:
    home.hub.inject_fault(status=503, body=_LOADING)
    page = home.add()
    await _due(home)
    status, note = _shown(home, page)
    assert status == "Waiting"
    assert note == (
        "Waiting: Hugging Face FLUX is loading the model (paused until 24 Nov 11:18). "
        "postbrush will try again automatically."
    )
    home.clock.move(seconds=16)
    await home.work()
    # What it waits for is known, so nothing else is said.
    assert len(home.writes()) == 1
    await home.live(60)
    assert _shown(home, page) == ("Done", "")
    assert len(home.writes()) == 1 + 3


async def test_a_model_that_is_loaded_soon_is_not_worth_a_write(home: House) -> None:
    home.hub.inject_fault(status=503, body=_SHORTLY)
    page = home.add()
    await _due(home)
    await home.live(10)
    assert _shown(home, page) == ("Done", "")
    assert len(home.writes()) == 3


async def test_a_model_that_is_never_loaded_soon_is_told_once(home: House) -> None:
    home.hub.inject_fault(status=503, body=_SHORTLY, times=4)
    page = home.add()
    await _due(home)
    assert _shown(home, page) == ("", "")
    for _ in range(6):
        home.clock.move(seconds=10)
        await home.work()
    assert len(home.writes()) <= 1 + 3


@pytest.mark.parametrize("ticked", [True, False])
async def test_credits_that_are_used_up_are_told_at_once(
    tmp_path: Path, *, ticked: bool
) -> None:
    async with house(tmp_path, toml=_NO_CARD) as home:
        await home.begin()
        page = home.add(Regenerate=ticked)
        home.hub.credits = 0
        await _due(home)
        home.clock.move(seconds=61)
        await home.work()
        status, note = _shown(home, page)
        assert status == "Waiting"
        assert note.startswith("Waiting: Hugging Face FLUX is out of credits")
        # The un-tick, if there was a tick, and the note.
        assert len(home.writes()) == ticked + 1
        await home.pass_time(minutes=300)
        assert len(home.writes()) == ticked + 1


async def test_a_note_that_is_not_sent_before_the_wait_is_over_is_dropped(
    home: House,
) -> None:
    home.hub.inject_fault(status=503, body=_LOADING)
    page = home.add()
    await home.poll()
    home.clock.move(seconds=125)
    home.space.inject_fault("PATCH /v1/pages/", times=None, status=503)
    await home.work()
    home.clock.move(seconds=60)
    await home.work()
    home.space.faults.lasting.clear()
    await home.pass_time(minutes=10)
    assert _shown(home, page) == ("Done", "")
    ok = [r for r in home.space.requests if (r.method, r.status) == ("PATCH", 200)]
    assert len(ok) == 1


async def test_an_image_that_is_made_at_once_takes_three_writes(home: House) -> None:
    page = home.add()
    await home.live()
    assert _shown(home, page)[0] == "Done"
    assert len(home.writes()) == 3
    await home.pass_time(minutes=10)
    assert len(home.writes()) == 3


async def test_a_post_that_cannot_be_made_is_queued_with_one_write(
    home: House,
) -> None:
    await pause(home)
    page = home.add()
    await home.live(120)
    assert _shown(home, page)[0] == ""
    home.clock.move(seconds=14)
    await home.work()
    assert _shown(home, page)[0] == ""
    home.clock.move(seconds=1)
    await home.work()
    assert _shown(home, page)[0] == "Queued"
    await home.pass_time(minutes=10)
    assert len(home.writes()) == 1
    await resume(home)
    await home.work()
    assert _shown(home, page)[0] == "Done"
    assert len(home.writes()) == 1 + 3


async def test_a_long_queue_and_a_slow_service(home: House) -> None:
    home.hub.seconds_per_image = 40
    pages = [home.add(f"Post {number}") for number in range(6)]
    await home.poll()
    home.clock.move(seconds=125)
    await home.work()
    await home.live()
    assert [_shown(home, page)[0] for page in pages] == ["Done"] * 6
    assert max(writes_by_page(home).values()) == 2
    assert home.hub.painted == 6


@pytest.mark.parametrize("shows", ["nothing", "an image", "a card"])
async def test_a_cancelled_job_leaves_the_status_of_what_the_page_shows(
    home: House, shows: str
) -> None:
    before = {"nothing": "", "an image": "Done", "a card": "Card"}[shows]
    page = home.add()
    if shows != "nothing":
        home.hub.credits = None if shows == "an image" else 0
        await home.live()
    assert _shown(home, page)[0] == before
    await pause(home)
    home.space.tick_box(page)
    await home.live(20)
    assert _shown(home, page)[0] == "Queued"
    async with home.source.app.db.write_transaction() as tx:
        await actions.cancel_job(tx, (await home.jobs())[-1], home.clock.now())
    await home.work()
    home.clock.move(seconds=1)
    await home.work()
    assert _shown(home, page)[0] == before


async def test_a_tick_on_a_post_that_waits_is_answered_with_why_it_waits(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, toml=_NO_CARD) as home:
        await home.begin()
        home.hub.credits = 0
        page = home.add()
        await home.live()
        before = _shown(home, page)
        assert before[0] == "Waiting"
        home.space.tick_box(page)
        await home.live(20)
        assert _shown(home, page) == before


async def test_the_note_of_a_wait_ends_with_it_without_a_status(tmp_path: Path) -> None:
    async with house(tmp_path, toml=_NO_CARD) as home:
        home.space.remove_column(home.town.source.id, "Image status")
        await home.begin()
        home.hub.credits = 0
        page = home.add()
        await home.live()
        assert home.read(page)["Image note"].startswith("Waiting: ")
        async with home.source.app.db.write_transaction() as tx:
            await actions.cancel_job(tx, (await home.jobs())[-1], home.clock.now())
        await home.work()
        home.clock.move(seconds=1)
        await home.work()
        assert home.read(page)["Image note"] == ""


@pytest.mark.parametrize("repair", ["another token", "reset"])
async def test_a_repaired_service_makes_the_waiting_image_at_once(
    tmp_path: Path, repair: str
) -> None:
    async with house(tmp_path, toml=_NO_CARD) as home:
        await home.begin()
        page = home.add()
        valid, home.hub.token = home.hub.token, "hf_the_new_one"
        await home.live()
        job = (await home.jobs())[-1]
        assert job.due_at > home.clock.now()
        if repair == "reset":
            home.hub.token = valid
            async with home.source.app.db.write_transaction() as tx:
                await actions.reset_breaker(tx, "flux", home.clock.now())
            await home.work()
            assert _shown(home, page) == ("Done", "")
            return
        await home.die()
        async with house(
            tmp_path, toml=_NO_CARD, town=home.town, clock=home.clock
        ) as again:
            await again.begin()
            await again.work()
            assert _shown(again, page) == ("Done", "")
