"""Queries that time out, lead in a circle, or name properties of another time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from daemon.notion.errors import NotionUnavailableError
from daemon.notion.responses import CursorTrail
from daemon.pretend.models import FakeProperty
from tests.daemon.house import House, house

_ONLY = '[posts]\nonly = { Stage = "Ready" }\n'


def _queries(home: House, *, sweep: bool) -> Sequence[Any]:
    asked = [
        request for request in home.space.requests if request.path.endswith("/query")
    ]
    return [one for one in asked if ("sorts" in one.body) is sweep]


def _sizes(home: House, *, sweep: bool = False) -> list[int]:
    return [query.body["page_size"] for query in _queries(home, sweep=sweep)]


def _schema_reads(home: House) -> int:
    return sum(
        request.method == "GET" and "/data_sources/" in request.path
        for request in home.space.requests
    )


async def test_a_query_that_times_out_is_for_fewer_rows_for_a_day(
    home: House,
) -> None:
    page = home.add()
    home.space.slow_above = 30
    home.forget()
    await home.poll()
    assert _sizes(home) == [100, 50, 25]
    home.clock.move(hours=23)
    home.forget()
    await home.poll()
    await home.sweep()
    assert (_sizes(home), _sizes(home, sweep=True)) == ([25], [])
    # It is answered again: a day later, a hundred are asked for.
    home.space.slow_above = None
    home.clock.move(hours=2)
    home.forget()
    await home.poll()
    await home.sweep()
    assert (_sizes(home), _sizes(home, sweep=True)) == ([100], [100])
    await home.live()
    assert home.read(page)["Image status"] == "Done"


async def test_a_sweep_reads_all_posts_in_small_answers(tmp_path: Path) -> None:
    async with house(tmp_path, toml="[posts]\napprove_above = 0\n") as home:
        home.space.slow_above = 10
        pages = {home.add(f"Post {number}") for number in range(35)}
        await home.begin()
        assert {job.page_id for job in await home.jobs()} == pages
        # What the poll before it has learnt is not learnt again.
        assert _sizes(home, sweep=True) == [10] * 4


async def test_a_notion_that_answers_no_size_leaves_the_size_as_it_was(
    home: House,
) -> None:
    home.space.slow_above = 0
    await home.poll()
    home.space.slow_above = None
    assert any(line.startswith("poll.failed") for line in home.said)
    home.clock.move(seconds=15)
    home.forget()
    await home.poll()
    assert _sizes(home) == [100]


def _circle(results: Sequence[object] = ()) -> dict[str, object]:
    return {
        "object": "list",
        "results": list(results),
        "next_cursor": "s:1:100",
        "has_more": True,
        "type": "page_or_data_source",
        "page_or_data_source": {},
    }


async def test_a_cursor_that_repeats_itself_is_said_and_paused_for(home: House) -> None:
    home.space.inject_fault("/query", times=10_000, status=200, body=_circle())
    home.forget()
    for _ in range(60):
        await home.poll()
        home.clock.move(seconds=1)
    # Twice at 0, 10 and 30 seconds; 176 queries a minute before.
    assert len(_queries(home, sweep=False)) == 6
    (said,) = [line for line in home.said if line.startswith("poll.failed")]
    assert "cursors form a loop" in said
    home.space.faults.waiting.clear()
    home.clock.move(minutes=5)
    page = home.add()
    await home.live()
    assert home.read(page)["Image status"] == "Done"


async def test_a_cursor_that_repeats_itself_ends_a_sweep(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.company.recover_work()
        await home.poll()
        home.space.inject_fault("/query", times=10_000, status=200, body=_circle())
        await home.sweep()
        assert len(_queries(home, sweep=True)) == 2
        assert any("cursors form a loop" in line for line in home.said)


async def test_a_search_cursor_that_repeats_itself_is_said(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.space.inject_fault("/search", times=10_000, status=200, body=_circle())
        await home.company.recover_work()
        await home.poll()
        searches = [
            request for request in home.space.requests if "/search" in request.path
        ]
        assert len(searches) == 2
        assert any("search cursors form a loop" in line for line in home.said)


def test_cursors_lead_nowhere_when_they_repeat_or_bring_no_rows() -> None:
    trail = CursorTrail()
    assert trail.follow_cursor("a", 100)
    assert trail.follow_cursor("b", 0)
    assert not trail.follow_cursor("a", 100)
    barren = CursorTrail()
    led = [barren.follow_cursor(str(number), 0) for number in range(30)]
    assert led.index(False) == 19


async def test_a_select_of_posts_only_that_becomes_a_status_is_read_again(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, toml=_ONLY) as home:
        stage = FakeProperty("stage", "Stage", "select")
        stage.add_option("Ready")
        source = home.town.source.id
        home.space.add_column(source, stage)
        await home.begin()
        home.space.retype_column(source, "Stage", "status")
        page = home.add(Stage="Ready")
        home.forget()
        await home.live()
        assert home.read(page)["Image status"] == "Done"
        assert not any(line.startswith("poll.failed") for line in home.said)


async def test_a_box_that_is_made_again_is_read_again(home: House) -> None:
    source = home.town.source.id
    page = home.add()
    await home.live()
    home.space.remove_column(source, "Regenerate")
    home.space.add_column(source, FakeProperty("anew", "Regenerate", "checkbox"))
    home.space.tick_box(page)
    await home.live()
    assert (home.hub.painted, home.read(page)["Regenerate"]) == (2, False)
    assert not any(line.startswith("poll.failed") for line in home.said)


async def test_a_text_property_that_is_made_again_is_read_again(home: House) -> None:
    source = home.town.source.id
    home.space.remove_column(source, "Post")
    home.space.add_column(source, FakeProperty("anew", "Post", "rich_text"))
    page = home.add("A title", "The words of the new property.")
    await home.poll()
    await home.sweep()
    (job,) = await home.jobs()
    assert (job.page_id, job.inputs["words"]) == (
        page,
        "The words of the new property.",
    )
    # That is noticed by what a poll reads anyway.
    home.forget()
    await home.poll()
    assert _schema_reads(home) == 0


async def test_a_box_that_stays_away_has_the_properties_read_once_a_minute(
    home: House,
) -> None:
    refused = {
        "object": "error",
        "status": 400,
        "code": "validation_error",
        "message": "Could not find property with name or id: x",
    }
    home.space.inject_fault("/query", times=10_000, status=400, body=refused)
    home.forget()
    for _ in range(60):
        await home.poll()
        home.clock.move(seconds=10)
    # Resolved and read each time.
    assert 4 <= _schema_reads(home) / 2 <= 10
    (said,) = [line for line in home.said if line.startswith("poll.failed")]
    assert "Could not find property" in said


async def test_a_query_of_more_posts_in_a_minute_than_it_lists_is_refused(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        home.space.query_cap = 5
        for number in range(12):
            home.add(f"Post {number}")
        await home.company.recover_work()
        await home.poll()
        await home.sweep()
        assert any(
            "more pages were created in one minute" in line for line in home.said
        )
        door, schema = home.source.notion, home.source.known_schema
        batches = door.iterate_page_batches(schema)
        pages, _ = await anext(batches)
        assert len(pages) == 5
        with pytest.raises(NotionUnavailableError, match="in one minute"):
            await anext(batches)
