"""Looking through many rows costs what is shown, and not what there is."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from daemon.context import SourceContext
from db import attempts, gallery, jobs, posts, queue
from db.engine import Tx
from db.gallery import GalleryFilter
from db.states import JobState
from tests.daemon.house import house
from tests.daemon.web.many import many_images

_NOW = datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)
_SOME = 150

Look = Callable[[Tx], Awaitable[object]]


@pytest_asyncio.fixture(name="source")
async def _source(tmp_path: Path) -> AsyncIterator[SourceContext]:
    async with house(tmp_path) as home:
        await many_images(home.source, _SOME)
        yield home.source


async def _walk(source: SourceContext, wanted: GalleryFilter, limit: int) -> list[int]:
    """Go through all pages to the oldest, and back to the newest."""
    seen: list[int] = []
    back: list[int] = []
    async with source.app.db.read_transaction() as tx:
        page = await gallery.load_page(tx, wanted, limit=limit)
        assert not page.newer
        while True:
            seen += [tile.image.id for tile in page.tiles]
            if not page.older:
                break
            page = await gallery.load_page(tx, wanted, limit=limit, before=seen[-1])
            assert page.newer
        while True:
            back = [tile.image.id for tile in page.tiles] + back
            if not page.newer:
                break
            page = await gallery.load_page(tx, wanted, limit=limit, after=back[0])
    assert sorted(set(back), reverse=True) == seen
    return seen


@pytest.mark.parametrize("limit", [7, 50, 149, 150, 151])
async def test_every_image_is_seen_once_newest_first(
    source: SourceContext, limit: int
) -> None:
    seen = await _walk(source, GalleryFilter(), limit)
    assert seen == list(range(_SOME, 0, -1))


async def test_what_is_asked_for_is_what_is_seen(source: SourceContext) -> None:
    cards = await _walk(source, GalleryFilter(provider="freeapi"), 20)
    assert len(cards) == _SOME // 5
    day = GalleryFilter(
        since=_NOW - timedelta(hours=10), until=_NOW - timedelta(hours=5)
    )
    assert len(await _walk(source, day, 20)) == 15
    assert await _walk(source, GalleryFilter(words="no such words"), 20) == []


_LOOKS: dict[str, Look] = {
    "newest": lambda tx: gallery.load_page(tx, GalleryFilter(), limit=60),
    "older": lambda tx: gallery.load_page(tx, GalleryFilter(), limit=60, before=90),
    "provider": lambda tx: gallery.load_page(
        tx, GalleryFilter(provider="flux"), limit=60
    ),
    "day": lambda tx: gallery.load_page(
        tx, GalleryFilter(since=_NOW, until=_NOW), limit=60
    ),
    "one": lambda tx: gallery.load_item(tx, 5),
    "of page": lambda tx: gallery.of_page(tx, "default", "0" * 32, limit=12),
    "makers": lambda tx: gallery.providers_with_images(tx, ["flux"]),
    "jobs": lambda tx: queue.list_jobs(tx, [], limit=50),
    "failed": lambda tx: queue.list_jobs(tx, [JobState.FAILED], limit=50),
    "waiting": lambda tx: queue.list_queued(tx, limit=8),
    "counts": queue.count_open_by_state,
    "oldest": lambda tx: queue.oldest_due_at(tx, _NOW),
    "job": lambda tx: jobs.list_events(tx, 5),
    "place": attempts.current_feed_position,
    "moves": lambda tx: attempts.events_after(tx, 100),
    "calls": lambda tx: attempts.attempts_after(tx, 100),
    "held": lambda tx: posts.latest_held(tx, limit=4),
}


@pytest.mark.sqlite_only  # it is asked how it would go about it
@pytest.mark.parametrize("look", _LOOKS)
async def test_no_look_goes_through_a_whole_table(
    source: SourceContext, look: str, tmp_path: Path
) -> None:
    asked: list[tuple[str, tuple[object, ...]]] = []
    async with source.app.db.read_transaction() as tx:
        engine = source.app.db._reader.engine

        def note(*args: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own signature
            asked.append((args[2], tuple(args[3])))

        sa.event.listen(engine, "before_cursor_execute", note)
        await _LOOKS[look](tx)
        sa.event.remove(engine, "before_cursor_execute", note)
        assert asked
    with closing(sqlite3.connect(tmp_path / "postbrush.db")) as db:
        for text, values in asked:
            rows = db.execute(f"EXPLAIN QUERY PLAN {text}", values)
            plan = [str(row[3]) for row in rows]
            scanned = [step for step in plan if re.match(r"SCAN ", step)]
            # In the order of a key and up to a limit, it ends when it has enough.
            ordered = not any("TEMP B-TREE" in step for step in plan)
            assert not scanned or ("LIMIT" in text and ordered), (text, plan)
