"""A database that moves: every row arrives, whatever it moves from and to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from db import (
    attempts,
    images,
    jobs,
    posts,
    queue,
    source_state,
    spending,
    transfer,
    upgrade,
)
from db.backend import Backend
from db.engine import Database, Tx
from db.errors import DatabaseError, DatabaseMissingError, DatabaseUnusableError
from db.models import AccountRecord, BreakerRecord, NewJob, Pause, Post, SourceState
from db.sqlite import Sqlite
from db.states import JobEventType, JobReason
from db.tables import metadata
from tests.cluster import cluster, rows

_NOW = datetime(2026, 11, 24, 10, 15, 30, 123456, tzinfo=UTC)
_ODD = "Ünï 'quoted' \\ %s :x 🍞\n\t\u2028"
_POSTS = 1100


def _new(page: str) -> NewJob:
    return NewJob(
        source="s",
        page_id=page,
        title=_ODD,
        reason=JobReason.NEW,
        due_at=_NOW,
        fingerprint="f",
        inputs={"text": _ODD, "list": [1, None, {"a": True}]},
    )


async def _fill(tx: Tx) -> None:
    columns = {"image": "Bild"}
    sync = SourceState(
        source="s", data_source="d", title=_ODD, columns=columns, sweep_scope="x"
    )
    await source_state.save_source_state(tx, sync)
    for number in range(_POSTS):
        post = Post(
            source="s",
            page_id=f"p{number}",
            url="",
            title=_ODD,
            date="",
            created_at=_NOW,
            seen_at=_NOW,
            changed_at=_NOW,
            fingerprint="f",
            inputs={},
            shown_files=("a.png",),
            matches_only=number % 2 == 0,
            matches_skip=False,
        )
        await posts.save(tx, post)
    await posts.hold_posts(tx, "s", [("p1", JobReason.NEW)], _NOW)
    await source_state.set_pause(tx, Pause(source="s", since=_NOW, until=None))
    job = await jobs.create(tx, _new("p0"), now=_NOW, why=_ODD)
    await jobs.create(tx, _new("p1"), now=_NOW, why="")
    await jobs.apply_event(
        tx, job, JobEventType.CLAIMED, now=_NOW, why="", again={"x": _ODD}
    )
    call = await attempts.start_attempt(
        tx,
        source="s",
        page_id="p0",
        job_id=job.id,
        number=1,
        round=1,
        provider="flux",
        generation=0,
        price=0.0035,
        cost=0.0035,
        included_cost=0.0,
        started_at=_NOW,
        seed=2**62,
        file_name="flux_1.png",
    )
    await images.add(
        tx,
        source="s",
        page_id="p0",
        job_id=job.id,
        attempt_id=call.id,
        number=1,
        provider="flux",
        is_card=True,
        card_why="",
        replaceable=True,
        name="flux_1.png",
        width=1,
        height=1,
        bytes=1,
        sha256="0",
        seed=2**62,
        model=None,
        prompt=_ODD,
        fingerprint="f",
        made_at=_NOW,
    )
    await source_state.save_breaker(
        tx,
        BreakerRecord(
            source="s",
            name="flux",
            state="open",
            reason=None,
            failures=1,
            consecutive_opens=1,
            opened_at=_NOW,
            until=_NOW + timedelta(days=1),
            probe_at=None,
            generation=3,
            probe_owner=None,
            probe_until=None,
            settings="x",
            message=_ODD,
        ),
    )
    await spending.save_account(
        tx,
        AccountRecord(
            provider="flux",
            settings="x",
            asked_at=_NOW,
            included=2.0,
            used=0.0035,
            spend_limit=None,
            counted_until=_NOW,
            resets_at=_NOW + timedelta(days=7),
            problem=_ODD,
            missing_rights="",
        ),
    )


def _made(kind: str, folder: Path, name: str, *, whole: bool) -> Backend:
    if kind == "postgres":
        return cluster().ready() if whole else cluster().empty()
    made = Sqlite(folder / f"{name}.db")
    if whole:
        upgrade.upgrade_schema(made)
    return made


def _everything(place: Backend) -> dict[str, list[Any]]:
    engine = place.create_engine(size=1)
    found: dict[str, list[Any]] = {}
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            rows_ = connection.execute(sa.select(table).order_by(*table.primary_key))
            found[table.name] = [dict(row) for row in rows_.mappings()]
    engine.dispose()
    return found


@pytest.mark.parametrize("to", ["sqlite", "postgres"])
@pytest.mark.parametrize("of", ["sqlite", "postgres"])
async def test_every_row_arrives_and_new_ones_follow(
    of: str, to: str, tmp_path: Path
) -> None:
    source = _made(of, tmp_path, "old", whole=True)
    db = Database(source)
    async with db.write_transaction() as tx:
        await _fill(tx)
    await db.close()
    target = _made(to, tmp_path, "new", whole=False)
    counts = transfer.copy_database(source, target)
    assert counts["posts"] == _POSTS
    assert counts["events"] == 3
    before, after = _everything(source), _everything(target)
    assert before == after
    assert all(before[name] for name in before if name != "daemons")
    moved = Database(target)
    async with moved.write_transaction() as tx:
        job = await jobs.create(tx, _new("p2"), now=_NOW, why="")
        assert (await queue.count_by_state(tx))[job.state] == 2
    assert job.id == 3
    await moved.close()
    # What is there by now stays.
    with pytest.raises(DatabaseUnusableError, match="is not empty"):
        transfer.copy_database(source, target)
    assert len(_everything(target)["jobs"]) == 3


def _set_revision(place: Backend, revision: str) -> None:
    rows(place, f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608 - our own


def test_what_cannot_be_copied_is_refused_and_nothing_is_made(
    tmp_path: Path, place: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Sqlite(tmp_path / "nothing.db")
    with pytest.raises(DatabaseMissingError, match="does not exist or is empty"):
        transfer.copy_database(nothing, place)
    _set_revision(place, "a1_first")
    with pytest.raises(DatabaseUnusableError, match="older postbrush"):
        transfer.copy_database(place, nothing)
    _set_revision(place, upgrade.HEAD)
    assert not nothing.path.exists()
    real = transfer._compare_counts

    def worse(counts: dict[str, int], *more: Any) -> None:  # noqa: ANN401 - passed on
        real({**counts, "posts": 1}, *more)

    monkeypatch.setattr(transfer, "_compare_counts", worse)
    with pytest.raises(DatabaseError, match="received 0 of 1 rows of posts"):
        transfer.copy_database(place, nothing)
    transfer.require_empty(nothing)
