"""A free account without credits: its Space makes the images, and costs nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from db import source_state
from db.models import BreakerRecord
from tests.daemon.house import House, house
from tests.providers.fakes.space import FakeSpace


@asynccontextmanager
async def free_account(
    folder: Path, chain: str = "['flux', 'space', 'freeapi']"
) -> AsyncIterator[tuple[House, FakeSpace]]:
    """Open a house whose credits are gone, with a Space."""
    async with FakeSpace().serving() as fake:
        environ = {
            "POSTBRUSH_PROVIDERS__SPACE__BASE_URL": fake.url,
            "POSTBRUSH_PROVIDERS__SPACE__HUB_URL": fake.url,
        }
        toml = f"chain = {chain}\nfree_only = true\n[providers.flux]\nincluded = 0.1\n"
        async with house(folder, toml=toml, environ=environ) as home:
            fake.token = home.hub.token
            home.hub.spend_all()
            await home.begin()
            yield home, fake


async def stored(home: House) -> Mapping[str, BreakerRecord]:
    async with home.source.app.db.read_transaction() as tx:
        return await source_state.load_breakers(tx)


async def test_a_free_account_gets_its_images_and_is_charged_nothing(
    tmp_path: Path,
) -> None:
    async with free_account(tmp_path) as (home, fake):
        pages = [home.add(f"Post {n}", f"Bread number {n}.") for n in range(2)]
        await home.live()
        for page in pages:
            assert home.read(page)["Image provider"] == "Hugging Face Space"
            (file,) = home.space.list_files(page)
            assert file.name.startswith("space_generated_")
        assert fake.painted == 2
        assert {call.cost for call in await home.calls()} == {0.0}
        assert fake.token not in "\n".join(home.said)


async def test_a_used_up_quota_rests_until_its_own_reset(tmp_path: Path) -> None:
    async with free_account(tmp_path) as (home, fake):
        reset = home.clock.now() + timedelta(hours=3, minutes=7)
        runs = {"remaining": 0, "resetsAt": reset.isoformat()}
        fake.quota = {"base": 300, "current": 190, "resetsAt": None, "runs": runs}
        page = home.add()
        await home.live()
        # The card stands in, and no call was made.
        assert home.read(page)["Image status"] == "Card"
        assert fake.orders == []
        rows = await stored(home)
        assert (rows["space"].until, rows["space"].reason) == (reset, "credits")
        # Each provider has a breaker of its own; flux was not asked, as it may charge.
        assert rows["flux"].until is None
        assert home.hub.painted == 0
        asked = fake.quota_asked
        await home.pass_time(minutes=170)
        assert fake.quota_asked == asked
        fake.quota = {"base": 300, "current": 300, "resetsAt": None}
        await home.pass_time(minutes=30)
        # The card was replaced as soon as the quota was back.
        assert home.read(page)["Image provider"] == "Hugging Face Space"
        assert fake.painted == 1


async def test_an_image_that_came_before_a_crash_is_fetched(tmp_path: Path) -> None:
    async with free_account(tmp_path, "['space', 'freeapi']") as (home, fake):
        page = home.add()
        await home.poll()
        home.clock.move(seconds=130)

        async def stop(_seconds: float) -> None:
            # The event is committed; its stream was not opened.
            home.source.app.signals.stopping.set()

        runner = home.source.app.provider_runner
        wait, runner._sleep = runner._sleep, stop
        await home.poll()
        await home.dispatcher.tick()
        await home.dispatcher.drain()
        (call,) = await home.calls()
        assert (call.outcome, call.remote_id) == (None, fake.remote_id("job-0"))
        home.source.app.signals.stopping.clear()
        runner._sleep = wait
        await home.company.recover_work()
        await home.work()
        (call,) = await home.calls()
        assert call.outcome == "image"
        assert fake.painted == len(fake.orders) == 1
        assert home.read(page)["Image provider"] == "Hugging Face Space"
