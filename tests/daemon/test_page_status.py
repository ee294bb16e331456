"""Statuses in Notion that another one follows: Queued, and Waiting for approval."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from daemon.jobs import actions
from daemon.pretend.models import FakeProperty
from daemon.pretend.scenes import render_scene
from db import posts, source_state
from db.models import Pause
from tests.daemon.house import House, house

_APPROVAL = "Waiting for approval"
#: Eight of them may say that they wait.
_TWO = "[posts]\napprove_above = 2\n"


def _shown(home: House, page: str) -> str:
    return str(home.read(page)["Image status"] or "")


def _statuses(home: House, pages: list[str]) -> list[str]:
    return [_shown(home, page) for page in pages]


async def _old_posts(home: House, count: int) -> list[str]:
    """Start with so many old posts, the newest last; return them."""
    pages = []
    for number in range(count):
        pages.append(home.add(f"Old {number}", f"The old bread {number}."))
        home.clock.move(minutes=1)
    home.clock.move(days=3)
    await home.begin()
    await home.work()
    return pages


async def _approve(home: House, newest: int | None = None) -> int:
    async with home.source.app.db.write_transaction() as tx:
        made = await actions.approve_held(tx, newest, home.source.app.now())
    home.clock.move(seconds=1)
    return len(made)


def writes_by_page(home: House) -> Counter[str]:
    paths = (r.path for r in home.space.requests if r.method == "PATCH")
    return Counter(path.rsplit("/", 1)[-1].replace("-", "") for path in paths)


async def pause(home: House) -> None:
    async with home.source.app.db.write_transaction() as tx:
        pause = Pause(source="default", since=home.clock.now(), until=None)
        await source_state.set_pause(tx, pause)


async def resume(home: House) -> None:
    async with home.source.app.db.write_transaction() as tx:
        await source_state.clear_pause(tx, "default")


async def test_the_newest_posts_say_that_they_wait_for_approval_once(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, toml=_TWO) as home:
        pages = await _old_posts(home, 12)
        assert _statuses(home, pages) == [""] * 4 + [_APPROVAL] * 8
        assert set(writes_by_page(home).values()) == {1}
        note = home.read(pages[-1])["Image note"]
        assert note == (
            "Waiting for approval. Tick Regenerate to get an image for this post."
        )
        home.forget()
        await home.pass_time(minutes=30)
        # Neither an edit of the owner's nor a reason to write again.
        assert home.writes() == []
        assert home.hub.served == []
        await home.die()
        again = house(tmp_path, toml=_TWO, town=home.town, clock=home.clock)
        async with again as later:
            await later.begin()
            await later.pass_time(minutes=30)
            assert later.writes() == []
            # What is approved makes room for the next.
            assert await _approve(later, 3) == 3
            await later.work()
            await later.live(1)
            assert _statuses(later, pages) == [""] + [_APPROVAL] * 8 + ["Done"] * 3
            assert later.read(pages[-1])["Image note"] == ""


async def test_an_approved_post_that_has_to_wait_is_queued(tmp_path: Path) -> None:
    async with house(tmp_path, toml=_TWO) as home:
        pages = await _old_posts(home, 3)
        await pause(home)
        await _approve(home)
        await home.work()
        assert _statuses(home, pages) == [_APPROVAL] * 3
        home.clock.move(seconds=15)
        await home.work()
        assert _statuses(home, pages) == ["Queued"] * 3
        assert home.read(pages[0])["Image note"] == ""
        await resume(home)
        await home.work()
        assert _statuses(home, pages) == ["Done"] * 3


async def test_a_tick_approves_one_post_and_pays_once(tmp_path: Path) -> None:
    async with house(tmp_path, toml=_TWO) as home:
        pages = await _old_posts(home, 3)
        home.space.tick_box(pages[1])
        # Two people tick it, and it is edited before postbrush has seen that.
        home.space.tick_box(pages[1])
        home.space.edit_page(pages[1], {"Post": "Cake."})
        await home.live(10)
        assert _statuses(home, pages) == [_APPROVAL, "Done", _APPROVAL]
        assert home.read(pages[1])["Regenerate"] is False
        assert home.read(pages[1])["Image note"] == ""
        (request,) = home.hub.served
        assert "cake" in request.prompt.casefold()
        assert await _approve(home) == 2
        await home.live()
        assert len(home.hub.served) == 3
        assert len(await home.jobs()) == 3


@pytest.mark.parametrize("poll_first", [True, False])
async def test_ticked_and_approved_by_a_command_at_once_is_one_image(
    tmp_path: Path, *, poll_first: bool
) -> None:
    async with house(tmp_path, toml=_TWO) as home:
        pages = await _old_posts(home, 3)
        home.space.tick_box(pages[0])
        if poll_first:
            await home.poll()
        await asyncio.gather(_approve(home), _approve(home), home.poll())
        await home.work()
        await home.live()
        assert _statuses(home, pages) == ["Done"] * 3
        assert home.read(pages[0])["Regenerate"] is False
        assert len(home.hub.served) == 3


async def test_posts_that_need_no_image_any_more_do_not_say_that_they_wait(
    tmp_path: Path,
) -> None:
    toml = f'{_TWO}skip = {{ "Name" = "internal" }}\n'
    async with house(tmp_path, toml=toml) as home:
        pages = await _old_posts(home, 5)
        own, skipped, emptied, trashed, edited = pages
        home.space.add_file(own, "Image", "own.png", render_scene("bread", 1, 64, 64))
        home.space.edit_page(skipped, {"Name": "internal note"})
        home.space.edit_page(emptied, {"Post": "", "Name": ""})
        home.space.trash_page(trashed)
        home.space.edit_page(edited, {"Post": "Cake."})
        home.forget()
        await home.poll()
        await home.work()
        home.clock.move(days=1)
        await home.poll()
        await home.sweep()
        await home.work()
        assert _statuses(home, [own, skipped, emptied]) == ["", "", ""]
        assert home.read(own)["Image note"] == ""
        assert _shown(home, edited) == _APPROVAL
        assert writes_by_page(home) == Counter([own, skipped, emptied])
        # Back from the trash it needs an image, which is no longer one of many.
        home.space.trash_page(trashed, restore=True)
        await home.live()
        assert _shown(home, trashed) == "Done"
        assert await _approve(home) == 1
        await home.live()
        assert _shown(home, edited) == "Done"
        assert len(home.hub.served) == 2


async def test_a_status_that_a_person_has_changed_stays(tmp_path: Path) -> None:
    toml = f'{_TWO}skip = {{ "Name" = "internal" }}\n'
    async with house(tmp_path, toml=toml) as home:
        pages = await _old_posts(home, 3)
        home.space.edit_page(pages[0], {"Image status": "Mine"})
        await home.pass_time(minutes=10)
        assert _shown(home, pages[0]) == "Mine"
        home.space.edit_page(pages[0], {"Name": "internal"})
        await home.pass_time(minutes=10)
        assert _shown(home, pages[0]) == "Mine"
        async with home.source.app.db.read_transaction() as tx:
            post = await posts.get(tx, "default", pages[0])
        assert post is not None
        assert post.interim_status == ""


async def test_a_refused_status_is_not_tried_again(tmp_path: Path) -> None:
    async with house(tmp_path, toml=_TWO) as home:
        home.town.source.columns["Image status"].refusal = "No new options."
        home.town.source.columns["Image note"].refusal = "No."
        pages = await _old_posts(home, 6)
        home.forget()
        await home.pass_time(minutes=200, steps=20)
        assert home.writes() == []
        assert _statuses(home, pages) == [""] * 6
        assert len([line for line in home.warned if "refused" in line]) <= 2
        home.town.source.columns["Image status"].refusal = ""
        home.town.source.columns["Image note"].refusal = ""
        await _approve(home)
        await home.live()
        assert _statuses(home, pages) == ["Done"] * 6


async def test_a_page_that_notion_refuses_holds_up_no_other(tmp_path: Path) -> None:
    async with house(tmp_path, toml=_TWO) as home:
        newest = "Old 5"

        def is_newest(path: str, _about: str) -> bool:
            page = path.rsplit("/", 1)[-1].replace("-", "")
            cells = home.space.read_cells(page)
            return bool(cells["Name"] == newest)

        home.space.inject_fault(
            "PATCH /v1/pages/", times=None, status=404, chosen=is_newest
        )
        pages = await _old_posts(home, 6)
        assert _statuses(home, pages) == [_APPROVAL] * 5 + [""]


async def test_notion_away_is_waited_for(tmp_path: Path) -> None:
    async with house(tmp_path, toml=_TWO) as home:
        home.space.inject_fault("PATCH /v1/pages/", times=9, status=503)
        pages = await _old_posts(home, 3)
        await home.pass_time(minutes=10)
        assert _statuses(home, pages) == [_APPROVAL] * 3


@pytest.mark.parametrize("kind", ["rich_text", "status"])
async def test_a_property_shows_what_its_type_can(kind: str, tmp_path: Path) -> None:
    async with house(tmp_path, toml=_TWO) as home:
        column = FakeProperty("stat", "Image status", kind)
        if kind == "status":
            for option in ("Not started", "Done"):
                column.add_option(option)
        home.town.source.columns["Image status"] = column
        pages = await _old_posts(home, 3)
        is_text = kind == "rich_text"
        assert _statuses(home, pages) == [_APPROVAL if is_text else ""] * 3
        # A write that could say nothing is not sent.
        assert len(home.writes()) == (3 if is_text else 0)
        await _approve(home)
        await home.live()
        assert _statuses(home, pages) == ["Done"] * 3


async def test_a_property_that_a_filter_reads_is_left_alone(tmp_path: Path) -> None:
    toml = f'{_TWO}only = {{ "Image status" = "Ready" }}\n'
    async with house(tmp_path, toml=toml) as home:
        pages = [home.add(**{"Image status": "Ready"}) for _ in range(3)]
        home.clock.move(days=3)
        await home.begin()
        await home.pass_time(minutes=10)
        assert _statuses(home, pages) == ["Ready"] * 3
        await _approve(home)
        await pause(home)
        await home.pass_time(minutes=10)
        assert _statuses(home, pages) == ["Ready"] * 3


@pytest.mark.parametrize("is_still_true", [True, False])
async def test_a_status_whose_confirmation_was_lost_is_not_left_on_the_page(
    tmp_path: Path, *, is_still_true: bool
) -> None:
    async with house(tmp_path, toml=_TWO) as home:
        pages = await _old_posts(home, 3)
        async with home.source.app.db.write_transaction() as tx:
            for page in pages:
                # As after a crash between the write and its confirmation.
                values = {"interim_status": f"?{_APPROVAL}"}
                await posts.update_fields(tx, "default", page, **values)
        if not is_still_true:
            for page in pages:
                data = render_scene("bread", 1, 64, 64)
                home.space.add_file(page, "Image", "own.png", data)
        home.clock.move(seconds=1)
        await home.poll()
        await home.work()
        assert _statuses(home, pages) == [_APPROVAL if is_still_true else ""] * 3
