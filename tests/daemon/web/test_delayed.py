"""The page of a daemon whose job Notion refuses."""

from __future__ import annotations

from pathlib import Path

from tests.daemon.web.visitor import inhabited


async def test_the_page_says_what_waits_why_and_until_when(tmp_path: Path) -> None:
    async with inhabited(tmp_path) as (home, visitor):
        page = home.add("Bread day")
        home.add("Soup day")
        await home.live()
        home.space.tick_box(page)
        home.space.inject_fault(f"PATCH /v1/pages/{page}", times=None, status=403)
        await home.poll()
        await home.work()
        queued = (await visitor.see("/")).words
        assert (
            "Bread day waiting, because clearing the Regenerate box failed (Notion "
            "denies" in queued
        )
        home.space.faults.lasting.clear()
        home.space.inject_fault("POST /v1/file_uploads", times=None, status=403)
        await home.live(10)
        shown = (await visitor.see("/")).words
        assert (
            "waiting, because uploading the image failed (Notion denies access" in shown
        )
        assert "next try at" in shown
        assert "Retrying later" in (await visitor.see("/jobs/3")).words


async def test_a_request_without_an_available_service_says_why(tmp_path: Path) -> None:
    async with inhabited(tmp_path) as (home, visitor):
        page_id = home.add("Bread")
        await home.live()
        home.hub.credits = 0
        home.space.tick_box(page_id)
        await home.live(seconds=5)
        await home.pass_time(minutes=5)
        page = await visitor.see("/")
        assert "1 post in the queue." in page.words
        reason = (
            "waiting, because Hugging Face FLUX is out of credits (paused until 1 Dec)"
        )
        assert reason in page.words
