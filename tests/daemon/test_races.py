"""A person interferes, the clock jumps, Notion changes under our feet."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from daemon.delivery.outbox import send_pending_write
from daemon.pretend.scenes import render_scene
from daemon.pretend.server import FakeServer
from db import postgres, posts, sqlite
from db.engine import Database
from db.errors import DatabaseBusyError
from tests.daemon.house import House, MovingClock, house
from tests.daemon.test_chain_at_work import house_again


@pytest.mark.parametrize("moment", ["before", "while", "after"])
async def test_a_tick_at_any_moment_is_obeyed_and_removed(
    home: House, moment: str
) -> None:
    page = home.add()
    await home.live()
    painted = home.hub.painted

    async def tick_meanwhile(seconds: float) -> None:
        home.hub.sleep = home.clock.sleep
        await home.clock.sleep(seconds)
        home.space.tick_box(page)
        await home.poll()

    home.space.tick_box(page)
    if moment == "before":
        await home.poll()
        home.space.tick_box(page)
    if moment == "while":
        home.hub.sleep = tick_meanwhile
    await home.poll()
    await home.work()
    if moment == "after":
        home.clock.move(seconds=3)
        home.space.tick_box(page)
    for _ in range(3):
        await home.live()
    assert home.read(page)["Regenerate"] is False
    assert home.hub.painted - painted == (2 if moment == "after" else 1)
    assert {job.state for job in await home.jobs()} == {"done"}


async def test_a_tick_between_a_poll_and_its_untick_is_the_same_wish(
    home: House,
) -> None:
    page = home.add()
    await home.live()
    home.space.tick_box(page)
    await home.poll()
    (job,) = [job for job in await home.jobs() if job.is_open]
    await send_pending_write(home.source, job)
    home.space.tick_box(page)
    await home.live()
    assert home.read(page)["Regenerate"] is False
    assert home.hub.painted == 2


async def test_a_page_trashed_in_flight_is_paid_for_once(home: House) -> None:
    page = home.add()

    async def trash_meanwhile(_seconds: float) -> None:
        home.space.trash_page(page)

    home.hub.sleep = trash_meanwhile
    await home.live()
    assert not [job for job in await home.jobs() if job.is_open]
    assert len(list(home.source.app.image_folder.glob("*.png"))) == 1
    home.hub.sleep = home.clock.sleep
    home.space.trash_page(page, restore=True)
    await home.live()
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    assert home.hub.painted == 1


async def test_a_file_added_in_flight_is_not_replaced(home: House) -> None:
    page = home.add()

    async def add_meanwhile(_seconds: float) -> None:
        home.space.add_file(page, "Image", "mine.png", render_scene("mine", 1, 64, 64))
        await home.poll()

    home.hub.sleep = add_meanwhile
    await home.live()
    assert [file.name for file in home.space.list_files(page)] == ["mine.png"]
    assert [job.state for job in await home.jobs()] == ["cancelled"]


async def test_a_column_that_is_gone_costs_no_image(home: House) -> None:
    source = home.town.source.id
    page = home.add()
    home.space.remove_column(source, "Image note")
    home.space.remove_column(source, "Alt text")
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    assert home.space.list_files(page)


async def test_a_column_retyped_in_flight_costs_no_image(home: House) -> None:
    page = home.add()

    async def retype_meanwhile(_seconds: float) -> None:
        home.space.retype_column(home.town.source.id, "Image status", "number")

    home.hub.sleep = retype_meanwhile
    await home.live()
    assert len(home.space.list_files(page)) == 1
    assert home.hub.painted == 1


async def test_a_token_that_is_rotated_stops_it_and_lets_it_go_on(home: House) -> None:
    body = {
        "object": "error",
        "status": 401,
        "code": "unauthorized",
        "message": "API token is invalid.",
    }
    home.space.inject_fault("/v1/", times=3, status=401, body=body)
    page = home.add()
    await home.live()
    assert home.hub.served == []
    assert len([line for line in home.said if "poll.failed" in line]) == 1
    for _ in range(4):
        home.clock.move(minutes=5)
        await home.live()
    assert home.read(page)["Image status"] == "Done"
    assert any("poll.recovered" in line for line in home.said)


async def test_a_long_pause_of_notions_is_kept_to_the_second(home: House) -> None:
    page = home.add()
    await home.live()
    home.space.tick_box(page)
    home.forget()
    home.space.inject_fault("PATCH", status=429, retry_after=95)
    before = home.clock.now()
    await home.poll()
    await home.work()
    assert home.clock.now() - before >= timedelta(seconds=95)
    assert home.read(page)["Image status"] == "Done"
    assert home.hub.painted == 2


class OurClock(MovingClock):
    """Set wrong, while Notion's goes on as before."""

    other: MovingClock

    def move(self, **by: float) -> None:
        super().move(**by)
        self.other.move(**by)


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
async def test_a_clock_that_was_wrong_stops_nothing(
    tmp_path: Path, jump: timedelta
) -> None:
    clock, notions = OurClock(), MovingClock()
    clock.other = notions
    town = FakeServer(now=notions.now)
    town.hub.sleep = clock.sleep
    async with town, house(tmp_path, clock=clock, town=town) as home:
        await home.begin()
        home.hub.credits = 0
        first = home.add()
        await home.live()
        assert home.read(first)["Image status"] == "Card"
        clock.time += jump
        home.hub.credits = None
        second = home.add("Second", "Second bread.")
        for _ in range(3):
            await home.live()
            clock.move(days=1, minutes=20)
        await home.live()
        assert home.space.list_files(second)
        assert home.read(second)["Image status"] in {"Done", "Card"}
        assert not [job for job in await home.jobs() if job.is_open]


@pytest.mark.parametrize("days", [1, 8])
async def test_a_machine_that_was_off_finds_what_happened_meanwhile(
    home: House, tmp_path: Path, days: int
) -> None:
    kept, gone = home.add("Kept", "Kept bread."), home.add("Gone", "Gone bread.")
    await home.live()
    home.space.tick_box(kept)
    home.space.trash_page(gone)
    fresh = home.add("Fresh", "Fresh bread.")
    home.clock.move(days=days)
    async with house_again(tmp_path, home) as later:
        await later.begin()
        await later.live()
        assert later.read(kept)["Regenerate"] is False
        assert later.read(fresh)["Image status"] == "Done"
        assert later.hub.painted == 4


async def test_more_posts_than_a_query_ends_at_are_all_seen(tmp_path: Path) -> None:
    async with house(
        tmp_path, toml="[posts]\napprove_above = 0\n", hugging=False
    ) as home:
        home.space.query_cap = 12
        pages = []
        for number in range(30):
            pages.append(home.add(f"Post {number}", f"Bread number {number}."))
            home.clock.move(minutes=1)
        home.clock.move(minutes=10)
        await home.begin()
        await home.work()
        await home.live()
        assert all(home.space.list_files(page) for page in pages)


async def test_a_database_somebody_else_holds_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Ten seconds, by the clock of the database, are as good as a third of one.
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT_MS", 300)
    monkeypatch.setattr(postgres, "_LOCK_TIMEOUT", "300ms")
    async with house(tmp_path) as home:
        await home.begin()
        page = home.add()
        other = Database(home.source.app.db.backend)
        async with other.write_transaction() as tx:
            await posts.count(tx)
            home.clock.move(seconds=130)
            with pytest.raises(DatabaseBusyError, match="has locked"):
                await home.poll()
        await other.close()
        await home.live()
        assert home.read(page)["Image status"] == "Done"
        assert home.hub.painted == 1


async def test_two_variants_and_a_prompt_nobody_accepts_cost_three_calls(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        home.hub.inject_fault(times=100, status=200, body=b"\x89PNG\r\n\x1a\ncut short")
        home.add()
        for _ in range(6):
            await home.live()
            home.clock.move(minutes=30)
        flux = [call for call in await home.calls() if call.provider == "flux"]
        assert len(flux) <= 3 + 5 * 1
        first = [one for one in flux if one.job_id == 1]
        assert len(first) <= 3


async def test_an_old_job_is_left_alone_while_notion_is_away(home: House) -> None:
    home.hub.loading_seconds = 60
    home.hub.unload_model()
    page = home.add()
    await home.live()
    home.clock.move(minutes=20)
    home.space.inject_fault("/v1/", times=10_000, status=503, html=True)
    await home.poll()
    home.forget()
    before = len(await home.history(1))
    for _ in range(10):
        await home.work()
        home.clock.move(seconds=20)
    # Not a row and not a request for a job that cannot go on.
    assert len(await home.history(1)) - before <= 2
    assert len(home.space.requests) <= 10
    home.space.faults.waiting.clear()
    home.clock.move(minutes=6)
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    assert home.hub.painted == 1
