"""Which posts get an image: hold, only, skip, on_done, replace, crash and restart."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from daemon.jobs import actions
from daemon.pretend.workspace import Workspace
from db import posts
from tests.daemon.house import House, house


async def _held(home: House) -> int:
    async with home.source.app.db.read_transaction() as tx:
        return await posts.count_held(tx)


async def test_a_first_start_on_old_posts_holds_them_and_spends_nothing(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        old: list[str] = []
        for n in range(120):
            old.append(home.add(f"Old {n}", f"The old bread {n}."))
            home.clock.move(minutes=1)
        home.clock.move(days=3)
        await home.begin()
        await home.work()
        assert await _held(home) == 120
        assert home.hub.served == []
        assert any(line.startswith("poll.held 120 posts") for line in home.said)
        home.space.tick_box(old[0])
        home.add("New", "A new bread.")
        await home.live()
        assert len(home.hub.served) == 2
        assert await _held(home) == 119
        async with home.source.app.db.write_transaction() as tx:
            made = await actions.approve_held(tx, 5, home.source.app.now())
        await home.work()
        assert [job.page_id for job in made] == list(reversed(old[-5:]))
        assert len(home.hub.served) == 7
        assert await _held(home) == 114


@pytest.mark.parametrize(
    ("kind", "column"),
    [("rich_text", "State"), ("select", "State"), ("status", "State")],
)
async def test_only_and_on_done_with_text_select_and_status_columns(
    tmp_path: Path, kind: str, column: str
) -> None:
    toml = (
        f'[posts]\nonly = {{ "{column}" = "Waiting" }}\n'
        f'on_done = {{ "{column}" = "Illustrated" }}\n'
    )
    async with house(tmp_path, toml=toml) as home:
        _add_column(home.space, home.town.source.id, column, kind)
        await home.begin()
        chosen = home.add("Chosen", "Bread.", State="Waiting")
        other = home.add("Other", "Cake.", State="Posted")
        await home.live()
        assert home.read(chosen)["State"] == "Illustrated"
        assert home.space.list_files(chosen)
        assert not home.space.list_files(other)
        # A tick is obeyed outside `only`, and a posted post is not pulled back.
        home.space.tick_box(other)
        await home.live()
        assert home.space.list_files(other)
        assert home.read(other)["State"] == "Posted"


def _add_column(space: Workspace, source: str, name: str, kind: str) -> None:
    columns = space.sources[source].columns
    made = type(columns["Name"])("stat", name, kind)
    for option in ("Waiting", "Illustrated", "Posted"):
        made.add_option(option)
    columns[name] = made


async def test_skipped_posts_get_nothing_by_themselves_and_a_tick_works(
    tmp_path: Path,
) -> None:
    async with house(
        tmp_path, toml='[posts]\nskip = { "Name" = "internal" }\n'
    ) as home:
        await home.begin()
        page = home.add("Internal note", "Not for everybody.")
        await home.live()
        assert await home.jobs() == []
        home.space.tick_box(page)
        await home.live()
        assert home.space.list_files(page)


async def test_an_edit_keeps_the_image_unless_told_otherwise(tmp_path: Path) -> None:
    for setting, jobs in (("keep", 1), ("regenerate", 2)):
        folder = tmp_path / setting
        folder.mkdir()
        toml = f'[posts]\non_edit = "{setting}"\n'
        async with house(folder, toml=toml) as home:
            await home.begin()
            page = home.add()
            await home.live()
            home.space.edit_page(page, {"Post": "Quite another bread."})
            await home.live()
            await home.live()
            assert len(await home.jobs()) == jobs


async def test_text_must_be_still_before_an_image_is_made(home: House) -> None:
    page = home.add(post="Bre")
    await home.poll()
    home.clock.move(seconds=90)
    home.space.edit_page(page, {"Post": "Bread"})
    await home.poll()
    home.clock.move(seconds=90)
    await home.poll()
    await home.work()
    assert home.hub.served == []
    home.clock.move(seconds=40)
    await home.work()
    (request,) = home.hub.served
    assert request.prompt.startswith("Rustic loaves of bread")


async def test_feedback_goes_into_the_next_image_and_is_cleared(home: House) -> None:
    page = home.add()
    await home.live()
    home.space.edit_page(page, {"Image feedback": "more blue", "Regenerate": True})
    await home.live()
    assert "more blue" in home.hub.served[-1].prompt
    assert home.read(page)["Image feedback"] == ""


async def test_the_owners_alt_text_is_not_overwritten(home: House) -> None:
    page = home.add()
    home.space.edit_page(page, {"Alt text": "My own words"})
    await home.live()
    assert home.read(page)["Alt text"] == "My own words"


@pytest.mark.parametrize(
    ("name", "size"),
    [("portrait", (1080, 1350)), ("1.91:1", (1200, 630)), ("Story", (1080, 1920))],
)
async def test_formats_are_followed(
    home: House, name: str, size: tuple[int, int]
) -> None:
    page = home.add(Format=name)
    await home.live()
    (file,) = home.space.list_files(page)
    assert Image.open(io.BytesIO(file.data)).size == size


async def test_an_unknown_format_fails_before_any_call(home: House) -> None:
    page = home.add(Format="poster")
    await home.live()
    await home.work()
    assert home.hub.served == []
    cells = home.read(page)
    assert cells["Image status"] == "Failed"
    assert "landscape" in cells["Image note"]


async def test_an_image_too_large_for_the_workspace_is_coarsened_on_the_way(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        home.space.upload_limit = 100_000
        home.space.uploads.limit = 100_000
        await home.begin()
        page = home.add(post="Jollof or fried rice?", Format="square")
        await home.live()
        (file,) = home.space.list_files(page)
        on_disk = home.source.app.image_folder / file.name
        assert len(file.data) <= 100_000 < on_disk.stat().st_size
        assert Image.open(io.BytesIO(file.data)).size == (1080, 1080)


async def test_a_crash_between_image_and_upload_pays_nothing_twice(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        page = home.add()
        await home.poll()
        home.clock.move(seconds=125)
        home.space.inject_fault("POST /v1/file_uploads", times=60, status=503)
        await home.work()
        assert [job.state for job in await home.jobs()] == ["uploading"]
        home.space.faults.waiting.clear()
        await home.die()
        async with house(tmp_path, town=home.town, clock=home.clock) as later:
            await later.begin()
            await later.work()
            assert [job.state for job in await later.jobs()] == ["done"]
            assert later.space.list_files(page)
            assert later.hub.painted == 1
            assert any(line.startswith("job.rescued") for line in later.said)


async def test_a_write_whose_answer_was_lost_is_not_repeated(home: House) -> None:
    page = home.add()
    await home.poll()
    home.clock.move(seconds=125)
    home.space.inject_fault("PATCH /v1/pages/", status=503, after=True)
    await home.work()
    assert [job.state for job in await home.jobs()] == ["done"]
    patches = [request for request in home.space.requests if request.method == "PATCH"]
    assert len(patches) == 1 + 1  # the lost one is noted with both its answers
    assert len(home.space.list_files(page)) == 1


async def test_notion_away_is_one_line_at_the_start_and_one_at_the_end(
    home: House,
) -> None:
    home.space.inject_fault("/query", times=200, status=502, html=True)
    for _ in range(30):
        home.clock.move(seconds=60)
        await home.poll()
    lines = [line for line in home.said if line.startswith("poll.")]
    assert len([line for line in lines if line.startswith("poll.failed")]) <= 2
    home.space.faults.waiting.clear()
    home.clock.move(minutes=6)
    await home.poll()
    lines = [line for line in home.said if line.startswith("poll.")]
    assert lines[-1].startswith("poll.recovered Notion is available again after")


async def test_a_source_that_is_no_longer_shared_stops_generation(home: House) -> None:
    home.add()
    await home.poll()
    home.space.set_shared(home.town.source.id, shared=False)
    home.clock.move(seconds=125)
    await home.poll()
    await home.work()
    assert home.hub.served == []
    assert any("Connections" in line for line in home.said)
    home.space.set_shared(home.town.source.id, shared=True)
    home.clock.move(minutes=1)
    await home.poll()
    await home.work()
    assert len(home.hub.served) == 1


async def test_too_many_requests_are_answered_with_patience(home: House) -> None:
    home.space.inject_fault("/query", status=429, retry_after=70)
    page = home.add()
    await home.live()
    await home.live()
    assert home.space.list_files(page)
    assert any(line.startswith("notion.limited") for line in home.said)


async def test_a_stale_cursor_restarts_the_query(tmp_path: Path) -> None:
    async with house(tmp_path, toml="[posts]\napprove_above = 0\n") as home:
        await home.company.recover_work()
        pages = [home.add(f"Post {n}", f"Bread {n}.") for n in range(130)]
        stale = {
            "object": "error",
            "status": 400,
            "code": "validation_error",
            "message": "The start_cursor provided is invalid: s:1:100",
        }
        await home.poll()
        home.space.inject_fault("/query", status=400, body=stale)
        await home.sweep()
        assert len(await home.jobs()) == len(pages)


async def test_a_replacement_asks_first_whether_the_card_is_still_there(
    home: House,
) -> None:
    home.hub.credits = 0
    page = home.add()
    await home.live()
    home.space.edit_page(page, {"Image": []})
    home.space.add_file(page, "Image", "mine.jpg", b"\xff\xd8\xff mine")
    home.hub.add_credits(5)
    home.forget()
    async with home.source.app.db.write_transaction() as tx:
        await actions.reset_breaker(tx, "flux", home.source.app.now())
    await home.work()
    assert home.hub.served == []
    assert [file.name for file in home.space.list_files(page)] == ["mine.jpg"]


async def test_a_post_whose_date_is_past_keeps_its_card(home: House) -> None:
    home.hub.credits = 0
    home.add(Date="2026-11-01")
    await home.live()
    home.hub.add_credits(5)
    async with home.source.app.db.write_transaction() as tx:
        await actions.reset_breaker(tx, "flux", home.source.app.now())
    await home.work()
    assert [job.reason for job in await home.jobs()] == ["new"]
