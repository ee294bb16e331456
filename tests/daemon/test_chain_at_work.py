"""What each answer of a service leads to, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.jobs import actions
from daemon.pretend.scenes import render_scene
from tests.daemon.house import House, house


async def _reset(home: House) -> None:
    async with home.source.app.db.write_transaction() as tx:
        await actions.reset_breaker(tx, "flux", home.source.app.now())


async def test_out_of_credits_makes_cards_and_costs_one_call_not_one_a_post(
    home: House,
) -> None:
    home.hub.credits = 0
    pages = [home.add(f"Post {n}", f"The bread number {n}.") for n in range(5)]
    await home.live()
    assert [home.read(page)["Image status"] for page in pages] == ["Card"] * 5
    note = home.read(pages[0])["Image note"]
    assert "Hugging Face FLUX is out of credits (paused until" in note
    assert "postbrush will replace the card" in note
    assert [request.status for request in home.hub.served] == [402]


async def test_cards_are_not_paid_for_again_after_a_restart(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        home.hub.credits = 0
        home.add()
        await home.live()
        async with house_again(tmp_path, home) as later:
            await later.begin()
            later.add("Another", "More bread.")
            await later.live()
            assert len(later.hub.served) == 1
            assert len(await later.jobs()) == 2


@asynccontextmanager
async def house_again(folder: Path, home: House) -> AsyncIterator[House]:
    """A second data folder would be another daemon: in this one, the first is dead."""
    await home.die()
    async with house(folder, town=home.town, clock=home.clock) as later:
        yield later


async def test_a_reset_replaces_cards_by_real_images_each_paid_once(
    home: House,
) -> None:
    home.hub.credits = 0
    pages = [home.add(f"Post {n}", f"The bread number {n}.") for n in range(3)]
    await home.live()
    home.hub.add_credits(10)
    home.forget()
    await _reset(home)
    await home.work()
    assert [home.read(page)["Image status"] for page in pages] == ["Done"] * 3
    assert len(home.hub.served) == 3
    for page in pages:
        assert [file.name.split("_")[0] for file in home.space.list_files(page)] == [
            "flux"
        ]
    reasons = [job.reason for job in await home.jobs()]
    assert reasons == ["new"] * 3 + ["replace"] * 3


async def test_the_reset_of_the_month_ends_the_rest_and_one_job_goes_first(
    home: House,
) -> None:
    home.hub.credits = 0
    home.add()
    await home.live()
    home.forget()
    home.clock.move(hours=2)
    await home.work()
    assert home.hub.served == []
    home.clock.move(days=8)
    home.hub.credits = 10
    home.add("New", "A new month.")
    await home.live()
    assert next(request.status for request in home.hub.served) == 200


async def test_a_card_never_replaces_a_real_image(home: House) -> None:
    page = home.add()
    await home.live()
    home.hub.spend_all()
    home.space.tick_box(page)
    await home.poll()
    await home.work()
    home.clock.move(minutes=11)
    await home.work()
    assert home.read(page)["Image status"] == "Waiting"
    home.clock.move(hours=1)
    await home.work()
    cells = home.read(page)
    # A picture is there: nobody is to read "Failed" above it.
    assert cells["Image status"] == "Done"
    assert cells["Image note"].startswith("Hugging Face FLUX is out of credits")
    assert "The current image was kept." in cells["Image note"]
    (file,) = home.space.list_files(page)
    assert file.name.startswith("flux_")
    assert [job.state for job in await home.jobs()] == ["done", "failed"]


async def test_while_nobody_can_serve_no_row_is_touched(home: House) -> None:
    page = home.add()
    await home.live()
    home.hub.spend_all()
    home.space.tick_box(page)
    await home.poll()
    await home.work()
    before = await home.history(2)
    for _ in range(5):
        home.clock.move(seconds=60)
        await home.work()
    assert await home.history(2) == before
    assert [request.status for request in home.hub.served] == [200, 402]


async def test_a_loading_model_is_waited_for_by_all_and_asked_by_one(
    home: House,
) -> None:
    home.hub.loading_seconds = 40
    home.hub.unload_model()
    pages = [home.add(f"Post {n}", f"The bread number {n}.") for n in range(6)]
    home.hub.loaded_at = None
    await home.poll()
    home.clock.move(seconds=125)
    home.hub.unload_model()
    await home.work()
    # Those that were claimed together are asked together; nobody after them.
    asked = len(home.hub.served)
    assert asked <= 4
    home.clock.move(seconds=10)
    await home.work()
    assert len(home.hub.served) == asked
    home.clock.move(seconds=31)
    await home.work()
    assert [home.read(page)["Image status"] for page in pages] == ["Done"] * 6
    assert [request.status for request in home.hub.served[asked:]] == [200] * 6


async def test_a_model_that_loads_for_longer_than_the_patience_is_passed_over(
    home: House,
) -> None:
    home.hub.loading_seconds = 500
    home.add()
    await home.poll()
    home.clock.move(seconds=125)
    home.hub.unload_model()
    await home.work()
    (job,) = await home.jobs()
    assert job.state == "done"
    assert [call.provider for call in await home.calls()] == ["flux", "freeapi"]


async def test_over_budget_is_a_card_and_not_a_call(tmp_path: Path) -> None:
    toml = "[budget]\nmonth = 0.0\n[providers.flux]\nincluded = 0.004\n"
    async with house(tmp_path, toml=toml) as home:
        await home.begin()
        pages = [
            home.add(f"Post {n}", f"The bread number {n}.", Format="square")
            for n in range(3)
        ]
        await home.live()
        statuses = sorted(home.read(page)["Image status"] for page in pages)
        assert statuses == ["Card", "Card", "Done"]
        assert len(home.hub.served) == 1
        note = next(
            home.read(p)["Image note"] for p in pages if home.read(p)["Image note"]
        )
        assert "is over budget (paused until" in note


async def test_a_full_disk_makes_no_call_and_loses_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, toml='[images]\nmin_free_disk = "900000GB"\n') as home:
        await home.begin()
        page = home.add()
        await home.live()
        await home.live()
        assert home.hub.served == []
        assert [job.state for job in await home.jobs()] == ["queued"]
        assert [line for line in home.said if line.startswith("disk.full")]
        assert len([line for line in home.said if line.startswith("disk.full")]) == 1
        assert home.read(page)["Image status"] == "Queued"


async def test_three_calls_that_brought_nothing_put_a_provider_out_of_the_job(
    tmp_path: Path,
) -> None:
    toml = 'chain = ["flux"]\n[providers.flux]\nroute = "hf-inference"\n'
    async with house(tmp_path, toml=toml) as home:
        await home.begin()
        home.hub.inject_fault(
            "POST", times=9, status=200, body=render_scene("a", 1, 256, 256)[:4000]
        )
        page = home.add(Format="square")
        await home.live()
        for _ in range(6):
            home.clock.move(minutes=31)
            await home.work()
        assert len(home.hub.served) == 3
        assert home.read(page)["Image status"] == "Failed"
        assert sum(
            call.cost + call.included_cost for call in await home.calls()
        ) == pytest.approx(3 * 0.01)


@pytest.mark.sqlite_only  # every byte of its files
async def test_nothing_secret_is_said_or_stored(home: House) -> None:
    home.hub.inject_fault(
        "POST", status=401, body={"error": f"bad token {home.hub.token}"}
    )
    home.add()
    await home.live()
    database = home.settings.data_dir / "postbrush.db"
    stored = database.read_bytes()
    stored += database.with_name("postbrush.db-wal").read_bytes()
    for secret in (home.hub.token, home.space.token):
        assert secret.encode() not in stored
        assert not any(secret in line for line in home.said)


async def test_times_far_ahead_count_as_now(home: House) -> None:
    home.hub.credits = 0
    home.add()
    await home.live()
    home.hub.add_credits(9)
    home.clock.time -= timedelta(days=400)
    await home.work()
    assert [request.status for request in home.hub.served] == [402, 200]
    assert [job.reason for job in await home.jobs()] == ["new", "replace"]
