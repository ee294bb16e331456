"""The property *Pick*: which of the variants stays on the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from daemon.errors import PostbrushError
from daemon.jobs import actions
from daemon.pretend.models import FakeProperty
from daemon.pretend.scenes import render_scene
from db import images, posts
from tests.daemon.house import House, house

_ONLY = '[posts]\nonly = { "Name" = "Wanted" }\n'
_FOLLOW = '[posts]\non_edit = "regenerate"\n'


@asynccontextmanager
async def _three(
    folder: Path, *, kind: str = "number", toml: str = "", title: str = "A post"
) -> AsyncIterator[tuple[House, str, list[str]]]:
    """Yield a house with a page that shows three images, and their names."""
    async with house(folder, toml=toml) as home:
        for name, of in (("Variants", "number"), ("Pick", kind)):
            column = FakeProperty(name.casefold(), name, of)
            home.space.add_column(home.town.source.id, column)
        await home.begin()
        page = home.add(title, Variants=3, Regenerate=True)
        await home.live()
        names = _shown(home, page)
        assert len(names) == 3
        home.forget()
        yield home, page, names


def _shown(home: House, page: str) -> list[str]:
    return [file.name for file in home.space.list_files(page)]


async def _pick(home: House, page: str, number: object) -> None:
    home.space.edit_page(page, {"Pick": number})
    await home.poll()
    await home.work()


@pytest.mark.parametrize(
    ("kind", "first", "second"), [("number", 2, 3), ("select", "2", "Image 3")]
)
async def test_a_pick_is_shown_alone_with_one_write_and_no_call(
    kind: str, first: object, second: object, tmp_path: Path
) -> None:
    async with _three(tmp_path, kind=kind) as (home, page, names):
        for pick, wanted in ((first, names[1:2]), (second, names[2:]), (None, names)):
            await _pick(home, page, pick)
            assert _shown(home, page) == wanted
            assert len(home.writes()) == 1
            # Its own writes are no request.
            await home.live()
            assert (len(home.writes()), home.hub.served) == (1, [])
            home.forget()


@pytest.mark.parametrize("number", [0, 4, 99])
async def test_a_number_that_no_variant_has_changes_nothing(
    number: int, tmp_path: Path
) -> None:
    async with _three(tmp_path) as (home, page, names):
        await _pick(home, page, number)
        assert _shown(home, page) == names
        assert home.writes() == []
        await _pick(home, page, 1)
        assert _shown(home, page) == names[:1]


@pytest.mark.parametrize("toml", [_ONLY, _FOLLOW])
async def test_it_works_on_any_post_and_is_no_edit(toml: str, tmp_path: Path) -> None:
    async with _three(tmp_path, toml=toml) as (home, page, names):
        await _pick(home, page, 3)
        await home.pass_time(minutes=10)
        assert _shown(home, page) == names[2:]
        assert home.hub.served == []


async def test_new_variants_clear_the_pick_of_the_old_ones(tmp_path: Path) -> None:
    async with _three(tmp_path) as (home, page, names):
        await _pick(home, page, 2)
        home.space.tick_box(page)
        await home.live()
        assert len(_shown(home, page)) == 3
        assert not {*_shown(home, page)} & {*names}
        assert home.read(page)["Pick"] is None


async def test_of_two_picks_the_last_one_counts(tmp_path: Path) -> None:
    async with _three(tmp_path) as (home, page, names):
        home.space.edit_page(page, {"Pick": 2})
        await home.poll()
        home.space.edit_page(page, {"Pick": 3})
        await home.poll()
        await home.work()
        await home.live()
        assert _shown(home, page) == names[2:]


async def test_a_pick_during_the_work_on_new_images_is_not_about_them(
    tmp_path: Path,
) -> None:
    async with _three(tmp_path) as (home, page, names):
        home.space.tick_box(page)
        await home.poll()
        home.space.edit_page(page, {"Pick": 1})
        await home.poll()
        await home.work()
        await home.live()
        assert len(_shown(home, page)) == 3
        assert not {*_shown(home, page)} & {*names}


async def test_a_file_of_a_person_stays_and_use_is_not_undone(tmp_path: Path) -> None:
    async with _three(tmp_path) as (home, page, names):
        home.space.add_file(page, "Image", "team.png", render_scene("bread", 1, 64, 64))
        await _pick(home, page, 2)
        assert _shown(home, page) == [names[1], "team.png"]
        async with home.source.app.db.write_transaction() as tx:
            post = await posts.get(tx, home.source.name, page.replace("-", ""))
            image = await images.by_name(tx, names[0])
            assert post is not None
            assert image is not None
            now = home.clock.now()
            await actions.reattach_image(tx, post, image, now, alone=True)
        await home.live()
        assert _shown(home, page) == [names[0], "team.png"]


async def test_the_same_number_picked_twice_is_one_write(tmp_path: Path) -> None:
    async with _three(tmp_path) as (home, page, names):
        await _pick(home, page, 2)
        await _pick(home, page, 2)
        assert len(home.writes()) == 1
        # Another person corrects it, and takes that back, between two polls.
        home.space.edit_page(page, {"Pick": 3})
        await _pick(home, page, 2)
        assert (_shown(home, page), len(home.writes())) == (names[1:2], 1)


async def test_a_pick_beside_a_tick_is_not_about_the_new_images(tmp_path: Path) -> None:
    async with _three(tmp_path) as (home, page, names):
        home.space.edit_page(page, {"Pick": 2, "Regenerate": True})
        await home.live()
        shown = _shown(home, page)
        assert len(shown) == 3
        assert not {*shown} & {*names}
        cells = home.read(page)
        assert (cells["Pick"], cells["Regenerate"]) == (None, False)
        assert len(home.hub.served) == 3


async def test_a_pick_before_there_are_images_is_cleared_with_them(
    tmp_path: Path,
) -> None:
    async with _three(tmp_path) as (home, _, _):
        page = home.add("Another", "Cake.", Variants=3, Pick=2)
        await home.live()
        await home.live()
        assert len(_shown(home, page)) == 3
        assert home.read(page)["Pick"] is None


@pytest.mark.parametrize("wanted", [3, None, 99])
async def test_a_pick_that_changes_while_it_is_put_on_the_page(
    wanted: int | None, tmp_path: Path
) -> None:
    async with _three(tmp_path) as (home, page, names):
        home.space.edit_page(page, {"Pick": 1})
        await home.poll()
        home.space.inject_fault("/send", status=503, times=2)
        home.space.edit_page(page, {"Pick": wanted})
        await home.work()
        await home.live()
        shown = {3: names[2:], None: names, 99: names[:1]}[wanted]
        assert _shown(home, page) == shown
        assert home.hub.served == []


async def test_two_people_one_in_notion_and_one_by_command(tmp_path: Path) -> None:
    async with _three(tmp_path) as (home, page, names):
        home.space.edit_page(page, {"Pick": 1})
        await home.poll()
        async with home.source.app.db.write_transaction() as tx:
            post = await posts.get(tx, home.source.name, page.replace("-", ""))
            image = await images.by_name(tx, names[2])
            assert post is not None
            assert image is not None
            now = home.clock.now()
            with pytest.raises(PostbrushError, match="has an open job"):
                await actions.reattach_image(tx, post, image, now, alone=True)
        await home.work()
        await home.live()
        assert _shown(home, page) == names[:1]


async def test_a_crash_while_a_pick_is_put_on_the_page(tmp_path: Path) -> None:
    async with _three(tmp_path) as (home, page, names):
        home.space.inject_fault("PATCH /v1/pages/", times=60, status=503)
        await _pick(home, page, 2)
        await home.die()
        home.space.faults.waiting.clear()
        async with house(tmp_path, town=home.town, clock=home.clock) as later:
            await later.begin()
            await later.live()
            assert _shown(later, page) == names[1:2]
            assert later.hub.served == []
