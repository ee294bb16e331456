"""Whatever text comes is kept, on either database, but for what neither should keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from db import attempts, instances, posts, spending
from db.backend import Backend
from db.engine import Database
from db.models import DaemonRecord, Post

_NOW = datetime(2026, 11, 24, 1, tzinfo=timezone(timedelta(hours=5)))
_LONG = "ä" * 400
_ODD = "A\0 post \\ 'of' %s :name \ud7ff🍞\u2028"


def _post(page: str, title: str) -> Post:
    return Post(
        source=_LONG,
        page_id=page,
        url="",
        title=title,
        date=_LONG,
        created_at=_NOW,
        seen_at=_NOW,
        changed_at=_NOW,
        fingerprint="f",
        inputs={"text": _ODD, "n": 1.5, "none": None},
        shown_files=("a", "b\0"),
        matches_only=True,
        matches_skip=False,
    )


async def test_any_text_comes_back_without_what_no_text_has(place: Backend) -> None:
    db = Database(place)
    post = _post("page\0", _ODD)
    async with db.write_transaction() as tx:
        await posts.save(tx, post)
    async with db.read_transaction() as tx:
        found = await posts.get(tx, _LONG, "page")
        again = await posts.get(tx, _LONG, "pa\0ge")
        by_words = await posts.find_by_title(tx, "OF 🍞")
    assert found is not None
    assert found == again == by_words[0]
    assert found.title == _ODD.replace("\0", "")
    assert (found.date, found.source) == (_LONG, _LONG)
    assert found.inputs == post.inputs
    assert found.created_at == _NOW
    assert found.created_at.tzinfo is UTC
    await db.close()


async def _begun(db: Database, name: str, at: datetime, cost: float) -> None:
    async with db.write_transaction() as tx:
        await attempts.start_attempt(
            tx,
            source="s",
            page_id="p",
            job_id=None,
            number=1,
            round=1,
            provider="flux",
            generation=0,
            price=cost,
            cost=cost,
            included_cost=0.0,
            started_at=at,
            seed=2**62,
            file_name=name,
        )


async def test_names_are_found_by_how_they_begin_and_months_by_the_zone(
    place: Backend,
) -> None:
    db = Database(place)
    names = ["flux_2", "flux_2_1", "Flux_2", "flux2", "flux_2é", "flux_3", "flux-2"]
    for name in names:
        await _begun(db, name, _NOW, 0.25)
    # The first hours of a month in Berlin, the last of another by UTC.
    zone = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 12, 1, 0, 30, tzinfo=zone)
    await _begun(db, "late", first, 0.5)
    await _begun(db, "before", first - timedelta(hours=1), 1.0)
    async with db.read_transaction() as tx:
        assert await attempts.file_names_with_prefix(tx, "flux_2") == {
            *("flux_2", "flux_2_1", "flux_2é")
        }
        span = await spending.started_range(tx)
        assert span == (_NOW, first)
        november, december = (datetime(2026, one, 1, tzinfo=zone) for one in (11, 12))
        january = datetime(2027, 1, 1, tzinfo=zone)
        months = [(december, january), (november, december)]
        lines = await spending.load_cost_rows(tx, months, by_page=True)
        sums = await spending.totals_since(tx, _NOW)
        seeds = {one.seed for one in await attempts.list_open(tx)}
    assert [(line.month, line.page_id, line.calls, line.cost) for line in lines] == [
        ("2026-12", "p", 1, 0.5),
        ("2026-11", "p", 8, 2.75),
    ]
    assert (type(sums.cost), type(sums.calls), type(sums.images)) == (float, int, int)
    assert seeds == {2**62}
    await db.close()


async def test_daemons_know_of_each_other_until_they_are_forgotten(
    place: Backend,
) -> None:
    db = Database(place)
    one = DaemonRecord(id="a", name="box", started_at=_NOW, renewed_at=_NOW)
    later = _NOW + timedelta(minutes=1)
    two = DaemonRecord(id="b", name="den", started_at=later, renewed_at=later)
    async with db.write_transaction() as tx:
        assert (await instances.record_heartbeat(tx, one)).heartbeat_count == 1
        assert (await instances.record_heartbeat(tx, one)).heartbeat_count == 2
        await instances.record_heartbeat(tx, two)
        assert [each.id for each in await instances.list_others(tx)] == ["a", "b"]
        assert [each.name for each in await instances.list_others(tx, "a")] == ["den"]
        assert await instances.deregister_daemon(tx, "b")
        assert not await instances.deregister_daemon(tx, "b")
        assert await instances.list_others(tx, "a") == []
    await db.close()
