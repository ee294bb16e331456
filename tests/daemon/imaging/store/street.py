"""Several houses on one store, in one town, and what can be done to them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path

from daemon.jobs import actions
from daemon.pretend.server import FakeServer
from db import images, posts
from db.models import ImageRecord
from tests.daemon.house import House, MovingClock, house
from tests.daemon.imaging.store.server import Shop


@asynccontextmanager
async def houses(
    shop: Shop, base: Path
) -> AsyncIterator[Callable[[str], AbstractAsyncContextManager[House]]]:
    """Yield what opens a house in a folder of that name; all are in one town."""
    clock = MovingClock()
    town = FakeServer(now=clock.now)
    town.workspace.requests_per_minute = None
    town.hub.sleep = clock.sleep

    @asynccontextmanager
    async def opened(name: str) -> AsyncIterator[House]:
        folder = base / name
        folder.mkdir(exist_ok=True)
        async with house(
            folder, toml=shop.toml(), town=town, clock=clock, environ=shop.environ
        ) as home:
            yield home

    async with town:
        yield opened


async def made_for(home: House, page: str) -> list[ImageRecord]:
    async with home.source.app.db.read_transaction() as tx:
        return await images.of_page(tx, "default", page)


async def two_images(home: House) -> tuple[str, ImageRecord, ImageRecord]:
    await home.begin()
    page = home.add()
    await home.live()
    home.space.tick_box(page)
    await home.live()
    newest, first = await made_for(home, page)
    return page, first, newest


def move_in(home: House, folder: Path) -> None:
    """Give another folder the database, and none of the images."""
    folder.mkdir(exist_ok=True)
    with (
        closing(sqlite3.connect(home.settings.data_dir / "postbrush.db")) as old,
        closing(sqlite3.connect(folder / "postbrush.db")) as new,
    ):
        old.backup(new)
        # Notion forgets an upload after a while: it is to be sent again.
        new.execute("UPDATE images SET upload_id = NULL")
        new.commit()


async def use(home: House, page: str, image: ImageRecord) -> None:
    async with home.source.app.db.write_transaction() as tx:
        post = await posts.get(tx, "default", page)
        assert post is not None
        await actions.reattach_image(tx, post, image, home.clock.now())


def here(home: House) -> set[str]:
    return {path.name for path in home.source.app.image_folder.iterdir()}


def at_each_wait(home: House, then: Callable[[int], Awaitable[None]]) -> None:
    """Do something each time half a minute is waited for."""
    slept, waits = home.clock.sleep, 0

    async def waited(seconds: float) -> None:
        nonlocal waits
        await slept(seconds)
        if seconds >= 30:
            waits += 1
            await then(waits)

    object.__setattr__(home.source.app.clock, "sleep", waited)


def shut_while_it_paints(home: House, shop: Shop) -> None:
    slept = home.hub.sleep

    async def shut(_seconds: float) -> None:
        home.hub.sleep = slept
        shop.gate.shut()

    home.hub.sleep = shut
