"""Whole houses on one store: what one has made, another has; and when it is away."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon import app
from daemon.generation.recovery import recover_claims
from daemon.maintenance.backup import BackupSource, create_backup
from daemon.maintenance.verify import verify_files
from daemon.web import dashboard
from tests.daemon.imaging.store.server import Shop
from tests.daemon.imaging.store.street import (
    at_each_wait,
    here,
    houses,
    made_for,
    move_in,
    shut_while_it_paints,
    two_images,
    use,
)
from tests.daemon.web.visitor import open_page


async def test_what_one_has_made_another_puts_on_the_page(
    shop: Shop, tmp_path: Path
) -> None:
    async with houses(shop, tmp_path) as opened:
        async with opened("one") as home:
            page, first, newest = await two_images(home)
            assert shop.names() == here(home) == {first.name, newest.name}
            move_in(home, tmp_path / "other")
        async with opened("other") as home:
            await home.begin()
            await use(home, page, first)
            await home.work()
            (file,) = home.space.list_files(page)
            assert file.name == first.name
            assert here(home) == {first.name}
            assert home.hub.painted == 2
            # Nothing is fetched to compare it.
            assert [
                problem async for problem in verify_files(home.source, fix=False)
            ] == []
            assert here(home) == {first.name}
            source = BackupSource(
                place=app.database_backend(home.settings), store=home.source.app.store
            )
            made = create_backup(source, tmp_path / "copy.tar", home.clock.now())
            assert f"images/{newest.name}" in made["files"]


async def test_while_the_store_is_away_nothing_is_lost_or_paid_for_twice(
    shop: Shop, tmp_path: Path
) -> None:
    async with houses(shop, tmp_path) as opened, opened("one") as home:
        await home.begin()
        pages = [home.add()]
        shut_while_it_paints(home, shop)
        painted = []

        async def meanwhile(wait: int) -> None:
            if wait == 1:
                pages.append(home.add("Another", "Another bread."))
                home.clock.move(minutes=3)
                await home.poll()
            await home.dispatcher.tick()
            painted.append(home.hub.painted)
            assert [job.state for job in await home.jobs()][:1] == ["generating"]
            if wait == 4:
                assert "store" in await dashboard.find_problems(site)
                shop.gate.open()

        at_each_wait(home, meanwhile)
        async with open_page(home) as site:
            for _ in range(3):
                await home.live()
            assert await dashboard.find_problems(site) == {}
        assert painted == [1] * len(painted)
        assert len(painted) >= 4
        for page in pages:
            assert home.read(page)["Image status"] == "Done"
        assert home.hub.painted == 2
        assert shop.names() == here(home)
        assert {call.outcome for call in await home.calls_all()} == {"image"}
        away, back = [
            [line for line in home.said if f"store.{event} " in line]
            for event in ("away", "back")
        ]
        assert (len(away), len(back)) == (1, 1)
        assert away[0].endswith("No images are generated until this is fixed")
        assert not any("disk." in line for line in home.said)


@pytest.mark.parametrize("back", ["before it starts", "later"])
async def test_stopped_while_the_store_is_away_it_goes_on(
    shop: Shop, tmp_path: Path, back: str
) -> None:
    async with houses(shop, tmp_path) as opened:
        async with opened("one") as home:
            await home.begin()
            page = home.add()
            shut_while_it_paints(home, shop)

            async def stop(_wait: int) -> None:
                home.source.app.signals.stopping.set()

            at_each_wait(home, stop)
            await home.live()
            assert home.hub.painted == 1
            assert len(here(home)) == 1
            assert await made_for(home, page) == []
        if back == "before it starts":
            shop.gate.open()
        async with opened("one") as home:
            await recover_claims(home.sources, None)

            async def mended(wait: int) -> None:
                if wait == 2:
                    shop.gate.open()

            at_each_wait(home, mended)
            for _ in range(3):
                await home.live(31)
                shop.gate.open()
            assert home.read(page)["Image status"] == "Done"
            assert home.hub.painted == 1
            assert [call.outcome for call in await home.calls_all()] == ["image"]
            assert shop.names() == here(home)


async def test_an_upload_waits_for_the_store_and_fails_nothing(
    shop: Shop, tmp_path: Path
) -> None:
    async with houses(shop, tmp_path) as opened:
        async with opened("one") as home:
            page, first, _ = await two_images(home)
            move_in(home, tmp_path / "other")
        async with opened("other") as home:
            await home.begin()
            await use(home, page, first)
            shop.gate.shut()
            await home.work()
            (job,) = [job for job in await home.jobs() if job.id == first.job_id]
            before = len(await home.history(job.id))
            home.forget()
            for _ in range(5):
                home.clock.move(seconds=10)
                await home.work()
            (now,) = [job for job in await home.jobs() if job.id == first.job_id]
            assert (now.state, now.tries) == ("uploading", job.tries)
            assert len(await home.history(job.id)) == before
            # Once in half a minute it looks, and announces nothing.
            assert len(home.space.requests) <= 2
            assert not any("file_uploads" in write for write in home.writes())
            shop.gate.open()
            home.clock.move(seconds=31)
            await home.work()
            (file,) = home.space.list_files(page)
            assert file.name == first.name


async def test_an_image_that_neither_has_is_said_to_be_gone(
    shop: Shop, tmp_path: Path
) -> None:
    async with houses(shop, tmp_path) as opened:
        async with opened("one") as home:
            page, first, _ = await two_images(home)
            move_in(home, tmp_path / "other")
        async with opened("other") as home:
            await home.begin()
            shop.file(first.name).write_bytes(b"spoilt")
            await use(home, page, first)
            await home.work()
            note = (
                f"The stored image file {first.name} is damaged. The current image "
                "was kept. Tick Regenerate to try again."
            )
            assert home.read(page)["Image note"] == note
            assert here(home) == set()
