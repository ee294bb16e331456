"""What looks after the images looks after those on the store, too."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.errors import PostbrushError
from daemon.imaging.store import StoreUnavailableError
from daemon.maintenance.prune import prune_images
from daemon.maintenance.verify import verify_files
from tests.daemon.imaging.store.server import Shop
from tests.daemon.imaging.store.street import here, houses, two_images
from tests.daemon.web.visitor import open_page, visiting


async def test_pictures_are_fetched_and_a_page_works_without_them(
    shop: Shop, tmp_path: Path
) -> None:
    async with houses(shop, tmp_path) as opened, opened("one") as home:
        _, first, newest = await two_images(home)
        async with (
            open_page(home) as site,
            visiting(f"http://127.0.0.1:{site.port}") as visitor,
        ):
            (home.source.app.image_folder / first.name).unlink()
            (home.source.app.image_folder / newest.name).unlink()
            assert (await visitor.see(f"/thumbs/{first.name}")).status == 200
            assert here(home) == {first.name}
            shop.gate.shut()
            for path in (f"/images/{newest.name}", f"/thumbs/{newest.name}"):
                assert (await visitor.see(path)).status == 503
            for path in ("/", "/images", f"/images/{first.name}"):
                assert (await visitor.see(path)).status == 200
            shop.gate.open()
            home.clock.move(seconds=30)
            assert (await visitor.see(f"/images/{newest.name}")).status == 200
            assert here(home) == {first.name, newest.name}


async def test_old_images_go_from_both(shop: Shop, tmp_path: Path) -> None:
    async with houses(shop, tmp_path) as opened, opened("one") as home:
        _, first, newest = await two_images(home)
        home.clock.move(days=31)

        async def old_ones_go() -> tuple[str, ...]:
            source = home.source
            keep = timedelta(days=30)
            return (
                await prune_images(
                    source.app.db, source.app.store, now=source.app.now(), keep=keep
                )
            ).names

        shop.gate.shut()
        with pytest.raises(StoreUnavailableError):
            await old_ones_go()
        shop.gate.open()
        home.clock.move(seconds=30)
        assert await old_ones_go() == (first.name,)
        assert shop.names() == here(home) == {newest.name}
        # Another machine's cache follows, once its own copy is old.
        copy = home.source.app.image_folder / first.name
        copy.write_bytes(b"a copy")
        os.utime(copy, (0, 0))
        assert await old_ones_go() == ()
        assert here(home) == {newest.name}


async def test_what_does_not_fit_the_store_is_found_and_mended(
    shop: Shop, tmp_path: Path
) -> None:
    async with houses(shop, tmp_path) as opened, opened("one") as home:
        _, first, newest = await two_images(home)
        home.add("Third", "Third bread.")
        await home.live()
        third = max(here(home) - {first.name, newest.name})
        whole = shop.file(third).read_bytes()
        shop.file(first.name).unlink()
        shop.file(newest.name).write_bytes(b"cut")
        (home.source.app.image_folder / third).write_bytes(b"spoilt")
        shop.file("holiday.png").write_bytes(b"somebody's")
        asked = len(shop.gate.asked)
        problems = [problem async for problem in verify_files(home.source, fix=False)]
        assert [(problem.what, problem.wrong) for problem in problems] == [
            (first.name, "missing on the store"),
            (newest.name, "has another size on the store"),
            (third, "the file is damaged (its checksum differs)"),
            ("holiday.png", "the file on the store is not in the database"),
        ]
        # Listed, and not asked for one by one.
        assert len(shop.gate.asked) - asked == 1
        mended = [problem async for problem in verify_files(home.source, fix=True)]
        assert [bool(problem.fixed) for problem in mended] == [True, True, True, False]
        (left,) = [problem async for problem in verify_files(home.source, fix=False)]
        assert left.what == "holiday.png"
        assert home.source.app.store.ensure_local(third).read_bytes() == whole
        shop.gate.shut()
        with pytest.raises(PostbrushError, match="is not available"):
            _ = [problem async for problem in verify_files(home.source, fix=False)]
