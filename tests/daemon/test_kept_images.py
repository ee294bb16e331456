"""A page that is put away is left alone, and a picture is never called a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.pretend.posts import COLUMNS
from tests.daemon.house import House, house

_NSFW = {"status": 400, "body": {"error": "NSFW content detected"}}


@pytest.mark.parametrize("where", ["trash", "another database"])
@pytest.mark.parametrize("moment", ["un-tick", "image"])
async def test_a_page_that_is_put_away_is_cancelled_quietly(
    home: House, where: str, moment: str
) -> None:
    page = home.add()
    await home.live()
    other = home.space.add_database("Archive", COLUMNS)

    async def put_away(_seconds: float = 0.0) -> None:
        if where == "trash":
            home.space.trash_page(page)
        else:
            home.space.move_page(page, other.id)

    home.space.tick_box(page)
    if moment == "un-tick":
        await home.poll()
        await put_away()
    else:
        home.hub.sleep = put_away
        await home.poll()
    said = len(home.said)
    await home.work()
    await home.poll()
    assert [job.state for job in await home.jobs()] == ["done", "cancelled"]
    assert home.hub.painted == (1 if moment == "un-tick" else 2)
    assert len(list(home.source.app.image_folder.glob("*.png"))) == home.hub.painted
    loud = ("refused", "failed", "broke", "error")
    assert not [line for line in home.said[said:] if any(w in line for w in loud)]


async def test_a_refused_tick_on_a_good_image_says_that_it_was_kept(
    home: House,
) -> None:
    page = home.add()
    await home.live()
    home.hub.inject_fault("POST", times=1, **_NSFW)
    home.space.tick_box(page)
    await home.live()
    cells = home.read(page)
    assert len(home.space.list_files(page)) == 1
    assert cells["Image status"] == "Done"
    assert cells["Image note"] == (
        "Hugging Face FLUX refused this prompt. The current image was kept. Edit the "
        "post and tick Regenerate to try again."
    )


async def test_a_refused_prompt_on_an_empty_page_fails(home: House) -> None:
    page = home.add()
    home.hub.inject_fault("POST", times=1, **_NSFW)
    await home.live()
    cells = home.read(page)
    assert cells["Image status"] == "Failed"
    assert cells["Image note"] == (
        "Hugging Face FLUX refused this prompt. Edit the post and tick Regenerate to "
        "try again."
    )


async def test_a_refused_replacement_of_a_card_leaves_the_page_as_it_is(
    home: House,
) -> None:
    page = home.add()
    home.hub.spend_all()
    await home.live()
    before = home.read(page)
    assert before["Image status"] == "Card"
    home.hub.add_credits(8)
    home.hub.inject_fault("POST", times=1, **_NSFW)
    home.clock.move(days=10)
    await home.poll()
    await home.work()
    made = await home.jobs()
    assert [(job.reason, job.state) for job in made] == [
        ("new", "done"),
        ("replace", "cancelled"),
    ]
    assert home.read(page) == before


async def test_a_replacement_that_waits_for_its_upload_says_nothing(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        page = home.add()
        home.hub.spend_all()
        await home.live()
        before = home.read(page)
        home.hub.add_credits(8)
        home.space.inject_fault("POST /v1/file_uploads", times=None, status=403)
        home.clock.move(days=10)
        await home.poll()
        await home.work()
        await home.pass_time(minutes=10)
        assert (await home.jobs())[-1].state == "uploading"
        assert home.read(page) == before


async def test_a_replacement_that_cannot_be_put_there_leaves_the_page_as_it_is(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        page = home.add()
        home.hub.spend_all()
        await home.live()
        before = home.read(page)
        home.hub.add_credits(8)
        refusal = {"code": "validation_error", "message": "No.", "object": "error"}
        home.space.inject_fault("PATCH /v1/pages", times=None, status=400, body=refusal)
        home.clock.move(days=10)
        await home.poll()
        await home.work()
        # The third refusal in the same words ends it.
        await home.pass_time(minutes=1)
        home.space.faults.lasting.clear()
        await home.poll()
        await home.work()
        assert (await home.jobs())[-1].state == "failed"
        assert home.read(page) == before
