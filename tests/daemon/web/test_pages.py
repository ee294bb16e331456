"""Each page says what there is, and each button does what its command does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from daemon.web import rendering
from db import images, posts
from db.models import ImageRecord
from db.states import JobEventType, JobReason, JobState
from providers.outcomes import OUTCOMES, Outcome
from tests.daemon.house import House, house
from tests.daemon.web.visitor import Visitor, inhabited, open_page

Both = tuple[House, Visitor]


@pytest.fixture(name="both")
async def _both(tmp_path: Path) -> AsyncIterator[Both]:
    async with inhabited(tmp_path) as both:
        yield both


async def _newest(home: House) -> ImageRecord:
    async with home.source.app.db.read_transaction() as tx:
        return (await images.list_newest(tx, limit=1))[0]


def test_there_are_words_for_everything() -> None:
    assert set(rendering.STATES) == set(JobState)
    assert set(rendering.REASONS) == set(JobReason)
    assert set(rendering.EVENTS) == {"queued", "delayed", "resumed", *JobEventType}
    assert set(OUTCOMES) == set(Outcome)


async def test_an_empty_house_says_so_kindly(both: Both) -> None:
    _, visitor = both
    page = await visitor.see("/")
    assert "No posts yet." in page.words
    assert "No images yet." in page.words
    assert "No images yet." in (await visitor.see("/images")).words
    assert "No jobs yet." in (await visitor.see("/jobs")).words


async def test_the_front_page_shows_who_serves_and_what_was_made(both: Both) -> None:
    home, visitor = both
    home.add("Jollof or fried rice?")
    await home.live()
    page = await visitor.see("/")
    assert "Jollof or fried rice?" in page.text
    assert "Hugging Face FLUX available" in page.words
    assert "1 image or card $0.00 of the $5.00 budget" in page.words
    assert "$0.00 of $2.00 included credits used, renews 1 Dec" in page.words


async def test_a_rest_is_told_in_words_and_ended_by_its_button(both: Both) -> None:
    home, visitor = both
    home.hub.credits = 0
    page_id = home.add("Bread")
    await home.live()
    page = await visitor.see("/")
    assert "Hugging Face FLUX is out of credits: cards until 1 Dec." in page.words
    assert "out of credits, paused until 1 Dec" in page.words
    assert "“You have depleted" in page.words
    assert home.read(page_id)["Image status"] == "Card"
    home.hub.credits = 5
    answer = await visitor.press("/providers/flux/reset")
    assert "Hugging Face FLUX will be tried again now." in answer.words
    await home.work()
    assert home.read(page_id)["Image status"] == "Done"


async def test_a_message_is_shown_once(both: Both) -> None:
    _, visitor = both
    answer = await visitor.press("/pause", **{"for": "1h"})
    assert "Paused. New requests are queued" in answer.words
    again = await visitor.see("/")
    assert "no images are generated." not in again.words
    assert "until you resume." in again.words


async def test_paused_nothing_is_made_until_it_is_resumed(both: Both) -> None:
    home, visitor = both
    await visitor.press("/pause", **{"for": ""})
    page_id = home.add()
    await home.live()
    assert not home.read(page_id)["Image"]
    assert "Resumed." in (await visitor.press("/resume")).words
    assert home.source.app.signals.kick.is_set()
    await home.work()
    assert home.read(page_id)["Image"]


async def test_what_is_held_is_shown_and_approved(tmp_path: Path) -> None:
    async with inhabited(tmp_path, toml="[posts]\napprove_above = 2") as (
        home,
        visitor,
    ):
        for number in range(4):
            home.add(f"Post {number}")
        await home.live()
        page = await visitor.see("/")
        assert "4 posts waiting for approval" in page.words
        assert "Estimated cost for all of them: $0.0062" in page.words
        some = await visitor.press("/approve", newest="1")
        assert "1 post will get an image." in some.words
        assert "3 posts waiting for approval" in some.words
        everything = await visitor.press("/approve")
        assert "3 posts will get an image." in everything.words
        assert "approval" not in everything.words
        await home.work()
        assert len(await home.jobs()) == 4


async def test_another_and_then_the_first_one_back(both: Both) -> None:
    home, visitor = both
    page_id = home.add("Bread")
    await home.live()
    first = await _newest(home)
    answer = await visitor.press(
        f"/images/{first.id}/another", to=f"/images/{first.id}"
    )
    assert "“Bread” will get a new image." in answer.words
    await home.live()
    second = await _newest(home)
    assert second.id != first.id
    page = await visitor.see(f"/images/{first.id}")
    assert "No longer on the page." in page.words
    assert f'href="/images/{second.id}"' in page.text
    answer = await visitor.press(f"/images/{first.id}/use", to=f"/images/{first.id}")
    assert "will be put back on “Bread”" in answer.words
    await home.live()
    assert home.space.list_files(page_id)[0].name == first.name
    assert "On the page now." in (await visitor.see(f"/images/{first.id}")).words


async def test_an_image_has_its_story(both: Both) -> None:
    home, visitor = both
    home.add("Bread", "We bake bread.", Format="square")
    await home.live()
    made = await _newest(home)
    page = await visitor.see(f"/images/{made.id}")
    for part in ("Rustic loaves of bread", str(made.seed), "included", "1080 × 1080"):
        assert part in page.words
    assert "Open in Notion" in page.words


async def test_a_job_is_told_from_wish_to_page(both: Both) -> None:
    home, visitor = both
    home.hub.credits = 0
    home.add("Bread")
    await home.live()
    page = (await visitor.see("/jobs/1")).words
    told = (
        "Queued",
        "Started",
        "is out of credits – HTTP 402",
        "Card rendered a card – no charge",
        "Uploaded to Notion",
    )
    places = [page.index(part) for part in told]
    assert places == sorted(places)
    listed = (await visitor.see("/jobs")).words
    assert "Bread card new post Card, free" in listed


async def test_a_waiting_job_is_cancelled_and_tried_again(both: Both) -> None:
    home, visitor = both
    home.add("Bread")
    await home.poll()
    assert (
        "waiting until the post has not been edited for a while, until"
        in (await visitor.see("/")).words
    )
    answer = await visitor.press("/jobs/1/cancel", to="/jobs/1")
    assert "Job 1 was cancelled." in answer.words
    assert "cancelled by hand" in answer.words
    twice = await visitor.press("/jobs/1/cancel", to="/jobs/1")
    assert "Job 1 has already ended (cancelled)" in twice.words
    await visitor.press("/jobs/1/retry", to="/jobs/1")
    await home.work()
    assert (await home.jobs())[0].state is JobState.DONE


async def test_jobs_are_listed_by_state_and_a_page_at_a_time(both: Both) -> None:
    home, visitor = both
    for number in range(55):
        home.add(f"Post {number}")
    await home.poll()
    async with home.source.app.db.write_transaction() as tx:
        await posts.hold_posts(tx, "default", [], home.source.app.now())
    page = await visitor.see("/jobs")
    assert "posts are waiting for your approval" in (await visitor.see("/")).words
    assert "No jobs yet." in page.words
    await visitor.press("/approve")
    page = await visitor.see("/jobs?state=open")
    assert page.text.count('<li id="job-') == 50
    older = page.text.partition("/jobs?before=")[2].partition('"')[0]
    rest = await visitor.see(f"/jobs?before={older}".replace("&amp;", "&"))
    assert rest.text.count('<li id="job-') == 5
    assert "No failed jobs." in (await visitor.see("/jobs?state=failed")).words


async def test_small_images_are_made_once_and_kept(both: Both) -> None:
    home, visitor = both
    home.add(Format="square")
    await home.live()
    made = await _newest(home)
    first = await visitor.see(f"/thumbs/{made.name}")
    assert first.headers["Content-Type"] == "image/webp"
    assert "immutable" in first.headers["Cache-Control"]
    (kept,) = (home.source.app.image_folder.parent / "thumbs").iterdir()
    with Image.open(kept) as small:
        assert small.size == (400, 400)
    before = kept.stat().st_mtime_ns
    await visitor.see(f"/thumbs/{made.name}")
    assert kept.stat().st_mtime_ns == before
    (home.source.app.image_folder / made.name).unlink()
    assert (await visitor.see(f"/thumbs/{made.name}")).status == 200
    assert (await visitor.see(f"/images/{made.name}")).status == 404


async def test_a_damaged_file_is_no_traceback(both: Both) -> None:
    home, visitor = both
    home.add()
    await home.live()
    made = await _newest(home)
    (home.source.app.image_folder / made.name).write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    assert (await visitor.see(f"/thumbs/{made.name}")).status == 404


async def test_the_whole_file_is_sent_and_not_twice(both: Both) -> None:
    home, visitor = both
    home.add()
    await home.live()
    made = await _newest(home)
    got = await visitor.see(f"/images/{made.name}")
    assert got.headers["Content-Length"] == str(made.bytes)
    again = await visitor.see(f"/images/{made.name}", If_None_Match=f'"{made.sha256}"')
    assert again.status == 304


async def test_an_open_page_hears_of_changes_and_asks_nothing(both: Both) -> None:
    home, visitor = both
    async with visitor.session.get(f"{visitor.url}/live") as stream:
        lines = stream.content

        async def said() -> str:
            async with asyncio.timeout(10):
                while not (line := await lines.readline()).startswith(b"data:"):
                    pass
            return line.decode()

        first = await said()
        await visitor.see("/")
        home.add()
        await home.poll()
        assert await said() != first


async def test_pages_that_are_open_do_not_hold_up_the_end(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        async with aiohttp.ClientSession() as session, asyncio.timeout(5):
            async with open_page(home) as site:
                stream = await session.get(f"http://127.0.0.1:{site.port}/live")
                await stream.content.readline()
            # The page has closed while somebody was looking at it.
            assert await stream.content.read() is not None
            stream.close()


async def test_health_is_one_word_and_a_status(both: Both) -> None:
    home, visitor = both
    fine = await visitor.see("/healthz")
    assert (fine.status, fine.text) == (200, "ok\n")
    home.source.app.watchdog.set_deadline("poll", 5)
    home.clock.move(seconds=6)
    stuck = await visitor.see("/healthz")
    assert (stuck.status, stuck.text) == (503, "stuck: no progress in poll\n")


async def test_health_tells_strangers_no_paths(tmp_path: Path) -> None:
    toml = '[images]\nmin_free_disk = "900000GB"'
    async with inhabited(tmp_path, toml=toml, password="long enough") as (_, visitor):
        sick = await visitor.see("/healthz")
        assert (sick.status, sick.text) == (503, "disk\n")
