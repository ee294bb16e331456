"""What was paid for is used: whatever Notion says, and whatever became of the job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.pretend.errors import not_found, upload_not_ready
from db import jobs
from tests.daemon.house import House, house


def _unready() -> Mapping[str, Any]:
    """The 404 of a page write that is about a file just sent."""
    return {"status": 404, "body": upload_not_ready("39").to_json("r")}


def _attaches(_path: str, held: str) -> bool:
    return "'type': 'file_upload'" in held


def _missing(page: str) -> Mapping[str, Any]:
    return {"status": 404, "body": not_found("page", page).to_json("r")}


async def test_a_404_about_a_file_just_sent_is_waited_for(home: House) -> None:
    page = home.add()
    home.space.inject_fault("PATCH /v1/pages", times=2, **_unready())
    await home.live()
    await home.pass_time(minutes=2)
    assert home.hub.painted == 1
    assert home.read(page)["Image status"] == "Done"
    assert [job.state for job in await home.jobs()] == ["done"]
    # The same upload was used: nothing was sent again.
    assert home.writes().count("POST /v1/file_uploads") == 1
    assert sum("job.delayed" in line for line in home.said) == 1


async def test_a_file_that_notion_never_takes_is_no_loop(home: House) -> None:
    home.add()
    home.space.inject_fault(
        "PATCH /v1/pages", times=10_000, chosen=_attaches, **_unready()
    )
    await home.live()
    home.forget()
    await home.pass_time(minutes=60, steps=120)
    sent = [request for request in home.space.requests if request.method == "PATCH"]
    tries = [one for one in sent if _attaches(one.path, str(one.body))]
    assert 5 <= len(tries) <= 12
    assert home.hub.painted == 1
    assert [job.state for job in await home.jobs()] == ["uploading"]
    # Said once, and once an hour: the hour is over with the next refusal.
    await home.pass_time(minutes=30, steps=60)
    assert sum("job.delayed" in line for line in home.said) == 2


async def test_a_page_that_is_listed_and_answers_404_is_paid_for_once(
    home: House,
) -> None:
    page = home.add()
    home.space.hide_page(page)
    await home.live()
    await home.pass_time(minutes=30, steps=60)
    assert home.hub.painted == 1
    assert [job.state for job in await home.jobs()] == ["cancelled"]
    # Shared again and ticked: the image that was paid for.
    home.space.hide_page(page, hidden=False)
    home.space.tick_box(page)
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    assert home.hub.painted == 1
    # A tick on an image that was delivered wants another one.
    home.space.tick_box(page)
    await home.live()
    assert home.hub.painted == 2


async def test_one_404_on_a_page_is_not_its_end(home: House) -> None:
    page = home.add()
    # The write is carried out nowhere, its answer is lost, and then a 404.
    home.space.inject_fault("PATCH /v1/pages", drop=True)
    home.space.inject_fault("GET /v1/pages", **_missing(page))
    await home.live()
    await home.pass_time(minutes=2)
    assert home.read(page)["Image status"] == "Done"
    assert home.hub.painted == 1
    assert len(await home.jobs()) == 1


async def test_a_page_write_that_is_answered_404_once_is_asked_again(
    home: House,
) -> None:
    page = home.add()
    home.space.inject_fault("PATCH /v1/pages", **_missing(page))
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    assert home.hub.painted == 1


async def test_an_untick_that_is_answered_404_makes_one_job(home: House) -> None:
    page = home.add()
    await home.live()
    home.space.tick_box(page)
    home.space.hide_page(page)
    await home.poll()
    await home.work()
    home.forget()
    await home.pass_time(minutes=60, steps=120)
    assert [job.state for job in await home.jobs()] == ["done", "queued"]
    assert home.hub.painted == 1
    # Each try asks twice: 5 s, 10 s, 20 s ... 30 min.
    assert len([line for line in home.writes() if "PATCH" in line]) <= 24
    # It was only a matter of access: the tick is obeyed after all.
    home.space.hide_page(page, hidden=False)
    await home.pass_time(minutes=70)
    assert home.read(page)["Regenerate"] is False
    assert home.hub.painted == 2


async def test_an_untick_of_a_page_that_was_deleted_ends_its_job(home: House) -> None:
    page = home.add()
    await home.live()
    home.space.tick_box(page)
    await home.poll()
    row = home.space.get_page(page)
    del home.space.rows[row.id]
    await home.work()
    await home.poll()
    assert [job.state for job in await home.jobs()] == ["done", "cancelled"]
    assert not home.source.state.unreachable_pages


async def test_money_that_left_no_image_is_not_spent_again_after_the_trash(
    tmp_path: Path,
) -> None:
    toml = '[providers.flux]\ntimeout = "300ms"\n[posts]\ntries = 3\n'
    async with house(tmp_path, toml=f'chain = ["flux"]\n{toml}') as home:
        await home.begin()
        page = home.add()
        hangs = home.source.app.signals.stopping

        async def hang(_seconds: float) -> None:
            await hangs.wait()

        home.hub.sleep = hang
        await home.live()
        (call,) = await home.calls()
        assert call.outcome == "timeout"
        home.space.trash_page(page)
        home.clock.move(days=1, minutes=1)
        await home.sweep()
        assert [job.state for job in await home.jobs()] == ["cancelled"]
        home.space.trash_page(page, restore=True)
        await home.pass_time(minutes=30)
        assert len(await home.jobs()) == 1
        assert len(await home.calls()) == 1
        hangs.set()


async def test_an_image_whose_file_is_gone_is_made_again_at_a_tick(
    home: House,
) -> None:
    page = home.add()
    home.space.hide_page(page)
    await home.live()
    (path,) = home.source.app.image_folder.glob("*.png")
    path.unlink()
    home.space.hide_page(page, hidden=False)
    home.space.tick_box(page)
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    assert home.hub.painted == 2


async def test_an_image_of_an_earlier_version_is_used_by_a_tick(home: House) -> None:
    """Version 0.1 wrote other prompts; what was asked for is the same."""
    page = home.add(post="Bread for everyone.")
    home.space.hide_page(page)
    await home.live()
    (job,) = await home.jobs()
    former = {
        **job.inputs,
        "prompt": "Bread for everyone. No text, no letters, no logo.",
    }
    del former["request"], former["post_part"]
    async with home.source.app.db.write_transaction() as tx:
        await jobs._set(tx, job, inputs=former)
    home.space.hide_page(page, hidden=False)
    home.space.tick_box(page)
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    assert home.hub.painted == 1


async def test_feedback_makes_a_tick_another_request(home: House) -> None:
    page = home.add()
    home.space.hide_page(page)
    await home.live()
    home.space.hide_page(page, hidden=False)
    home.space.edit_page(page, {"Image feedback": "More bread.", "Regenerate": True})
    await home.live()
    assert home.hub.painted == 2
