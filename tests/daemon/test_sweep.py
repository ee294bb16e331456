"""The sweep beside polls, people and our own writes: the newest view counts."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from daemon.notion.api import NotionApi
from daemon.sync.sweep import sweep_if_due
from db import posts, source_state
from db.models import Post
from tests.daemon.house import House, house
from tests.daemon.reading import HeldUp

_MANY = 130
_PICTURE = b"\xff\xd8\xff mine"


def _held_up(home: House, **about: object) -> HeldUp:
    held_up = HeldUp(home.source.notion, **about)  # type: ignore[arg-type]  # its fields
    object.__setattr__(home.source, "notion", cast("NotionApi", held_up))
    return held_up


def _posts(home: House, count: int = _MANY) -> list[str]:
    return [home.add(f"Post {number}", f"Bread {number}.") for number in range(count)]


async def _post(home: House, page: str) -> Post:
    async with home.source.app.db.read_transaction() as tx:
        post = await posts.get(tx, home.source.name, page)
    assert post is not None
    return post


def _asked(home: House) -> Counter[str]:
    """Return the requests by method and kind of path."""
    return Counter(
        f"{request.method} {request.path.split('/')[2]}"
        for request in home.space.requests
    )


async def test_a_tick_that_a_poll_obeyed_meanwhile_is_one_image(home: House) -> None:
    page = home.add()
    await home.live()
    home.clock.move(days=1, minutes=5)
    home.space.tick_box(page)

    async def obey(_window: int) -> None:
        home.clock.move(minutes=3)
        await home.poll()
        await home.work()

    _held_up(home, meanwhile=obey)
    await home.sweep()
    await home.work()
    assert [job.state for job in await home.jobs()] == ["done", "done"]
    assert (home.hub.painted, home.read(page)["Regenerate"]) == (2, False)


async def test_a_tick_shown_just_after_our_un_tick_is_confirmed(home: House) -> None:
    page = home.add()
    await home.live()
    home.clock.move(days=1, minutes=5)
    home.space.tick_box(page)
    await home.poll()
    await home.work()
    # Notion shows the page as it was before.
    _held_up(home, shows=lambda found: replace(found, regenerate=True))
    home.clock.move(seconds=30)
    home.forget()
    await home.sweep()
    await home.work()
    assert _asked(home)["GET pages"] == 1
    assert (len(await home.jobs()), home.hub.painted) == (2, 2)


async def test_words_that_a_poll_saw_meanwhile_are_not_overwritten(home: House) -> None:
    page = home.add(post="Old bread.")
    await home.live()
    home.clock.move(days=1, minutes=5)

    async def edit(_window: int) -> None:
        home.space.edit_page(page, {"Post": "New cake."})
        await home.poll()

    _held_up(home, meanwhile=edit)
    await home.sweep()
    assert (await _post(home, page)).inputs["words"] == "New cake."


async def test_an_older_poll_does_not_overwrite_what_a_sweep_saw(home: House) -> None:
    page = home.add(post="Old bread.")
    await home.live()
    home.clock.move(days=1, minutes=5)
    home.space.edit_page(page, {"Post": "Newer bread."})
    door = home.source.notion
    answered, go_on = asyncio.Event(), asyncio.Event()

    class Slow(HeldUp):
        async def fetch_changed_pages(self, *given: object, **about: object) -> object:
            found = await self.door.fetch_changed_pages(*given, **about)  # type: ignore[arg-type]
            answered.set()
            await go_on.wait()
            return found

    object.__setattr__(home.source, "notion", cast("NotionApi", Slow(door)))
    polling = asyncio.create_task(home.poll())
    await answered.wait()
    home.space.edit_page(page, {"Post": "Newest cake."})
    await home.sweep()
    go_on.set()
    await polling
    assert (await _post(home, page)).inputs["words"] == "Newest cake."


async def test_too_many_posts_of_several_answers_are_all_held(tmp_path: Path) -> None:
    async with house(tmp_path, toml="[posts]\napprove_above = 5\n") as home:
        pages = _posts(home)
        home.space.tick_box(pages[3])
        await home.begin()
        assert [job.page_id for job in await home.jobs()] == [pages[3]]
        async with home.source.app.db.read_transaction() as tx:
            assert await posts.count_held(tx) == _MANY - 1
        (said,) = [line for line in home.said if line.startswith("poll.held")]
        assert f"{_MANY - 1} posts" in said


async def test_few_posts_among_many_are_queued_with_their_newest_words(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        pages = _posts(home)
        for page in pages[2:-2]:
            home.space.add_file(page, "Image", "mine.jpg", _PICTURE)

        async def edit(window: int) -> None:
            if window == 2:
                home.space.edit_page(pages[0], {"Post": "Newer words."})

        _held_up(home, meanwhile=edit)
        await home.begin()
        words_by_page = {job.page_id: job.inputs["words"] for job in await home.jobs()}
        assert words_by_page.keys() == {*pages[:2], *pages[-2:]}
        assert words_by_page[pages[0]] == "Newer words."


async def test_pages_that_are_gone_are_found_whatever_answer_they_were_in(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, toml="[posts]\napprove_above = 0\n") as home:
        pages = _posts(home)
        await home.begin()
        gone = {pages[5], pages[-5]}
        for page in gone:
            home.space.trash_page(page)
        home.clock.move(days=1, minutes=1)
        home.forget()
        await home.sweep()
        assert _asked(home)["GET pages"] == len(gone)
        ended = {job.page_id for job in await home.jobs() if not job.is_open}
        assert ended == gone


async def test_an_edit_during_the_first_sweep_is_seen_by_the_next_poll(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, toml="[posts]\napprove_above = 0\n") as home:
        pages = _posts(home)

        async def pass_time(window: int) -> None:
            home.clock.move(minutes=10)
            if window == 1:
                home.space.edit_page(pages[0], {"Post": "Edited meanwhile."})
                home.clock.move(minutes=10)
                home.space.edit_page(pages[-1], {"Post": "Edited later."})
                # A poll sees the newest of all edits, and none of the others.
                home.space.tick_box(pages[1])
                await home.poll()

        _held_up(home, meanwhile=pass_time)
        await home.begin()
        await home.poll()
        assert (await _post(home, pages[0])).inputs["words"] == "Edited meanwhile."
        assert (await _post(home, pages[-1])).inputs["words"] == "Edited later."


async def test_polls_go_on_beside_a_sweep_and_no_second_one_begins(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        ticked = home.add()
        _posts(home)
        seen: list[object] = []

        async def look(window: int) -> None:
            if window == 1:
                home.space.tick_box(ticked)
                await home.poll()
                seen.append(await sweep_if_due(home.source))
                seen.append([job.reason for job in await home.jobs()])

        _held_up(home, meanwhile=look)
        await home.begin()
        assert seen == [None, ["regenerate"]]


async def test_a_sweep_ends_when_another_daemon_asks_notion(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        _posts(home)

        async def hand_over(_window: int) -> None:
            home.source.state.is_leader = False

        held_up = _held_up(home, meanwhile=hand_over)
        await home.begin()
        assert held_up.windows == 1
        async with home.source.app.db.read_transaction() as tx:
            state = await source_state.load_source_state(tx, home.source.name)
        assert state is not None
        assert state.last_sweep_at is None


@pytest.mark.parametrize("failing", [2, 4])
async def test_a_cursor_that_goes_stale_in_a_sweep_is_restarted(
    tmp_path: Path, failing: int
) -> None:
    async with house(tmp_path, toml="[posts]\napprove_above = 0\n") as home:
        pages = []
        for number in range(450):
            pages.append(home.add(f"Post {number}", f"Bread {number}."))
            home.clock.move(minutes=number % 90 == 0)
        stale = {
            "object": "error",
            "status": 400,
            "code": "validation_error",
            "message": "The start_cursor provided is invalid: s:1:100",
        }

        async def spoil(window: int) -> None:
            if window == failing:
                home.space.inject_fault("/query", status=400, body=stale)

        _held_up(home, meanwhile=spoil)
        await home.begin()
        assert {job.page_id for job in await home.jobs_all()} == set(pages)
