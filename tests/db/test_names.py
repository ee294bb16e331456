"""A database of the release before its columns got the names of the field."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command

from db import attempts, instances, jobs, posts, queue, source_state, upgrade
from db.backend import Backend
from db.engine import Database
from db.sqlite import Sqlite
from db.states import JobEventType, JobReason, JobState
from tests.cluster import cluster, rows

_AT = "2026-11-24 10:15:30.000000"
_NOW = datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)
_PAGE = {"source": "s", "page_id": "p"}
_INPUTS = json.dumps({"text": "Bread"})
_NEXT = {"reason": "new", "title": "Next", "fingerprint": "g", "inputs": {}}

_OUTCOMES = (None, "credits", "token", "unusable", "rejected", "gone", "throttled")

#: One row of each table, or more, by the names of `a6_claimed`.
_ROWS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    (
        "sync",
        {
            "source": "s",
            "data_source": "d",
            "title": "Posts",
            "columns": "{}",
            "scope": "hash",
            "watermark": _AT,
            "swept_at": _AT,
            "shut": "refused",
        },
    ),
    (
        "posts",
        {
            **_PAGE,
            "url": "",
            "title": "Bread",
            "date": "",
            "fingerprint": "f",
            "created_at": _AT,
            "seen_at": _AT,
            "changed_at": _AT,
            "inputs": _INPUTS,
            "shows": '["a.png"]',
            "chosen": True,
            "skipped": False,
            "gone": True,
            "answered": "f1",
            "made": "f2",
            "alt": "A loaf",
        },
    ),
    *(
        (
            "jobs",
            {
                "source": "s",
                "page_id": page,
                "title": "Bread",
                "state": state,
                "reason": "regenerate",
                "created_at": _AT,
                "due_at": _AT,
                "moved_at": _AT,
                "fingerprint": "f",
                "inputs": _INPUTS,
                "rounds": 1,
                "tries": 1,
                "waited_since": _AT,
                "waits_for": "flux",
                "acked_at": _AT,
                "owed": "waiting",
                "owed_note": "Waiting: flux",
                "told_waiting": told,
                "again": json.dumps(_NEXT),
                "outcome": "",
            },
        )
        for page, state, told in (("p", "queued", True), ("q", "failed", False))
    ),
    (
        "events",
        {
            "source": "s",
            "job_id": 1,
            "at": _AT,
            "event": "queued",
            "state": "queued",
            "reason": "the box was ticked",
        },
    ),
    *(
        (
            "attempts",
            {
                **_PAGE,
                "job_id": 1,
                "number": 1,
                "round": 1,
                "provider": "flux",
                "generation": 0,
                "price": 0.5,
                "cost": 0.0,
                "covered": 0.5,
                "started_at": _AT,
                "outcome": outcome,
                "remote": "job-1",
                "seed": 1,
                "file_name": f"{outcome}.png",
                "error": "",
            },
        )
        for outcome in _OUTCOMES
    ),
    *(
        (
            "breakers",
            {
                "source": "default",
                "name": name,
                "state": "open",
                "reason": reason,
                "failures": 1,
                "trips": 3,
                "generation": 1,
                "settings": "",
                "message": "",
            },
        )
        for name, reason in (("flux", "token"), ("fal", "gone"), ("horde", "throttled"))
    ),
    (
        "daemons",
        {
            "id": "a",
            "name": "box",
            "started_at": _AT,
            "renewed_at": _AT,
            "beats": 7,
            "roles": "",
            "store": "",
        },
    ),
)


def _literal(value: str | float | None) -> str:
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "TRUE", False: "FALSE"}[value]
    return f"'{value}'" if isinstance(value, str) else str(value)


def _upgrade_to(monkeypatch: pytest.MonkeyPatch, place: Backend, revision: str) -> None:
    whole = command.upgrade
    with monkeypatch.context() as then:
        then.setattr(command, "upgrade", lambda config, _: whole(config, revision))
        upgrade.upgrade_schema(place)


@pytest.fixture(params=["sqlite", "postgres"])
def older(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Backend:
    """A database of the release before, with rows in its tables."""
    on_server = request.param == "postgres"
    place: Backend = cluster().empty() if on_server else Sqlite(tmp_path / "some.db")
    _upgrade_to(monkeypatch, place, "a6_claimed")
    for table, values in _ROWS:
        literals = ", ".join(_literal(value) for value in values.values())
        rows(place, f"INSERT INTO {table} ({', '.join(values)}) VALUES ({literals})")  # noqa: S608 - our own
    return place


async def test_every_row_is_found_by_the_new_names(older: Backend) -> None:
    backup = upgrade.upgrade_schema(older)
    assert older.current_revision() == upgrade.HEAD
    if isinstance(older, Sqlite):
        assert backup is not None
        assert Sqlite(backup).current_revision() == "a6_claimed"
        assert rows(Sqlite(backup), "SELECT owed FROM jobs") == [("waiting",)] * 2
    db = Database(older)
    async with db.write_transaction() as tx:
        state = await source_state.load_source_state(tx, "s")
        post = await posts.get(tx, "s", "p")
        told, untold = await jobs.get(tx, 1), await jobs.get(tx, 2)
        (event,) = await jobs.list_events(tx, 1)
        calls = await attempts.of_job(tx, 1)
        breakers = await source_state.load_breakers(tx)
        (daemon,) = await instances.list_others(tx)
        counts = await queue.count_by_state(tx)
        post_count = await posts.count(tx)
    assert state is not None
    assert (state.sweep_scope, state.access_error) == ("hash", "refused")
    assert state.last_sweep_at == state.watermark == _NOW
    assert post is not None
    assert (post.shown_files, post.matches_only) == (("a.png",), True)
    assert (post.matches_skip, post.removed) == (False, True)
    assert (post.rejected_fingerprint, post.image_fingerprint) == ("f1", "f2")
    assert (post.our_alt_text, post.inputs) == ("A loaf", {"text": "Bread"})
    assert told is not None
    assert untold is not None
    assert (told.pending_write, told.pending_note) == ("waiting", "Waiting: flux")
    assert (told.waiting_for_provider, told.first_waited_at) == ("flux", _NOW)
    assert (told.waiting_notified_at, untold.waiting_notified_at) == (_NOW, None)
    assert (told.acked_at, told.again, told.reason) == (
        *(_NOW, _NEXT),
        JobReason.REGENERATE,
    )
    assert event.reason == "the box was ticked"
    assert [call.outcome for call in calls] == [
        *(None, "credits", "unauthorized", "invalid_image", "bad_request"),
        *("not_found", "rate_limited"),
    ]
    assert {(call.included_cost, call.remote_id) for call in calls} == {(0.5, "job-1")}
    reasons = {name: breaker.reason for name, breaker in breakers.items()}
    assert reasons == {
        "flux": "unauthorized",
        "fal": "not_found",
        "horde": "rate_limited",
    }
    assert {breaker.consecutive_opens for breaker in breakers.values()} == {3}
    assert daemon.heartbeat_count == 7
    assert counts == {JobState.QUEUED: 1, JobState.FAILED: 1}
    assert post_count == 1
    await _expect_counting(db)
    await db.close()


async def _expect_counting(db: Database) -> None:
    """Change a job, and expect that the database still counts the states."""
    async with db.write_transaction() as tx:
        job = await jobs.get(tx, 1)
        assert job is not None
        await jobs.apply_event(tx, job, JobEventType.CLAIMED, now=_NOW, why="")
        counts = await queue.count_by_state(tx)
    assert counts == {JobState.GENERATING: 1, JobState.FAILED: 1}
