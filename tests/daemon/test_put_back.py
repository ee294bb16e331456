"""`use`: exactly the file that was named, first or alone, in one write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daemon.jobs import actions
from daemon.pretend.models import FakeProperty
from db import images, posts
from db.models import ImageRecord
from tests.daemon.house import House, house


async def _of(home: House, page: str) -> list[ImageRecord]:
    """Return a page's images, oldest first."""
    async with home.source.app.db.read_transaction() as tx:
        return list(reversed(await images.of_page(tx, "default", page)))


async def _use(home: House, page: str, image: ImageRecord, *, alone: bool) -> None:
    async with home.source.app.db.write_transaction() as tx:
        post = await posts.get(tx, "default", page)
        assert post is not None
        await actions.reattach_image(tx, post, image, home.clock.now(), alone=alone)
    home.forget()
    await home.work()


def _shown(home: House, page: str) -> list[str]:
    return [file.name for file in home.space.list_files(page)]


def _page_writes(home: House) -> int:
    return sum(write.startswith("PATCH /v1/pages/") for write in home.writes())


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        number = FakeProperty("variants", "Variants", "number")
        made.space.add_column(made.town.source.id, number)
        await made.begin()
        yield made


@pytest.mark.parametrize("alone", [False, True])
async def test_the_named_variant_comes_first_or_alone(
    home: House, *, alone: bool
) -> None:
    page = home.add(Variants=3)
    home.space.add_file(page, "Image", "mine.jpg", b"\xff\xd8\xff mine")
    home.space.tick_box(page)
    await home.live()
    first, second, third = [image.name for image in await _of(home, page)]
    assert _shown(home, page) == [first, second, third, "mine.jpg"]
    await _use(home, page, (await _of(home, page))[1], alone=alone)
    others = [] if alone else [first, third]
    assert _shown(home, page) == [second, *others, "mine.jpg"]
    assert (_page_writes(home), home.hub.painted) == (1, 3)
    assert home.read(page)["Image note"] in {None, ""}
    # The same once more changes nothing on the page.
    await _use(home, page, (await _of(home, page))[1], alone=alone)
    assert _shown(home, page) == [second, *others, "mine.jpg"]
    assert (_page_writes(home), home.hub.painted) == (0, 3)
    # And what is not shown may be pruned.
    async with home.source.app.db.read_transaction() as tx:
        old = await images.list_prunable(tx, home.clock.now())
    assert {one.name for one in old} == ({first, third} if alone else set())


async def test_an_image_of_older_words_is_that_image_and_costs_nothing(
    tmp_path: Path,
) -> None:
    toml = '[posts]\non_edit = "regenerate"\n'
    async with house(tmp_path, toml=toml) as home:
        await home.begin()
        page = home.add(post="First words.")
        await home.poll()
        home.clock.move(seconds=125)
        # Its image is on disk when the words change, before Notion has it.
        home.space.inject_fault("POST /v1/file_uploads", times=60, status=503)
        await home.work()
        home.space.faults.waiting.clear()
        (older,) = await _of(home, page)
        home.space.edit_page(page, {"Post": "Second words."})
        home.clock.move(minutes=20)
        for _ in range(3):
            await home.live()
        newest = (await _of(home, page))[-1]
        assert _shown(home, page) == [newest.name]
        paid = home.hub.painted
        await _use(home, page, older, alone=False)
        for _ in range(3):
            await home.live()
        assert (_shown(home, page), home.hub.painted) == ([older.name], paid)


async def test_a_variant_whose_file_is_gone_is_left_out(home: House) -> None:
    page = home.add(Variants=2)
    await home.live()
    first, second = await _of(home, page)
    (home.source.app.image_folder / first.name).unlink()
    await _use(home, page, second, alone=False)
    assert _shown(home, page) == [second.name]
