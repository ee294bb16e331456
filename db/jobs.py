"""Jobs: made, moved (always guarded), found.  Every move leaves a row in `events`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.errors import StaleJobError
from db.models import Job, JobEvent, NewJob
from db.states import OPEN, JobEventType, JobReason, JobState, next_state
from db.tables import events, jobs, tallies

_OPEN = jobs.c.state.in_([state.value for state in OPEN])

_ONE = sa.select(jobs).where(jobs.c.id == sa.bindparam("which"))
_OPEN_OF_PAGES = sa.select(jobs).where(
    jobs.c.source == sa.bindparam("of"),
    jobs.c.page_id.in_(sa.bindparam("pages", expanding=True)),
    _OPEN,
)
_IN_STATE = (
    sa.select(jobs)
    .where(jobs.c.state.in_(sa.bindparam("states", expanding=True)))
    .order_by(jobs.c.id.desc())
)
_MOVE = jobs.update().where(
    jobs.c.id == sa.bindparam("which"),
    jobs.c.state == sa.bindparam("was"),
    jobs.c.claimed_by == sa.bindparam("claimer"),
)
_WAKE = jobs.update().where(
    jobs.c.state == JobState.QUEUED,
    jobs.c.waits_for == sa.bindparam("awaited"),
    jobs.c.due_at > sa.bindparam("now"),
)


async def create(tx: Tx, new: NewJob, *, now: datetime, why: str) -> Job:
    """Make a queued job; the unique index refuses a second open one of a page."""
    values: dict[str, Any] = {
        **mapping.values_of(new),
        "inputs": dict(new.inputs),
        "state": JobState.QUEUED,
        "created_at": now,
        "moved_at": now,
        "rounds": 0,
        "tries": 0,
        "waited_since": None,
        "waits_for": None,
        "owed_note": "",
        "told_waiting": False,
        "reopened_at": None,
        "again": None,
        "outcome": "",
        "claimed_by": "",
        "read_at": None,
    }
    job = Job(id=await mapping.insert_row(tx, jobs, values), **values)
    await record_event(tx, job, "queued", now, why)
    return job


async def apply_event(
    tx: Tx, job: Job, event: JobEventType, *, now: datetime, why: str, **changes: object
) -> Job:
    """Carry out one move, only from the state, and the claim, *job* was read in.

    Args:
        changes: Further columns to set in the same UPDATE.

    Raises:
        IllegalMoveError: No such move.
        MovedElsewhereError: The row is in another state by now.
    """
    to = next_state(job.state, event)
    values: dict[str, Any] = {"state": to, "moved_at": now, **changes}
    which = {"which": job.id, "was": job.state, "claimer": job.claimed_by}
    result = await tx.execute(_MOVE, {**values, **which})
    if result.rowcount != 1:
        raise StaleJobError(f"job {job.id} is no longer {job.state}")
    moved = replace(job, **values)
    await record_event(tx, moved, event, now, why)
    return moved


async def record_event(tx: Tx, job: Job, event: str, now: datetime, why: str) -> None:
    """Write what happened to a job into its history."""
    values = {
        "source": job.source,
        "job_id": job.id,
        "at": now,
        "event": str(event),
        "state": job.state,
        "reason": why,
    }
    await mapping.insert_row(tx, events, values)


async def list_waiting(tx: Tx, *, moved_after: datetime | None = None) -> list[Job]:
    """Return the jobs whose time to go on is stored, whether or not it has come."""
    states = [JobState.QUEUED, JobState.UPLOADING]
    query = sa.select(jobs).where(jobs.c.state.in_(states))
    if moved_after is not None:
        query = query.where(jobs.c.moved_at > moved_after)
    return await mapping.fetch_all(tx, Job, query)


async def clear_pending_write(tx: Tx, job: Job, owed: str) -> None:
    """Notion confirmed the write that was *owed*; a newer debt stays."""
    await tx.execute(
        jobs.update()
        .where(jobs.c.id == job.id, jobs.c.owed == owed)
        .values(owed="", owed_note="")
    )


async def set_pending_write(tx: Tx, job: Job, owed: str, note: str) -> None:
    """Remember a write the page still needs."""
    await tx.execute(
        jobs.update().where(jobs.c.id == job.id).values(owed=owed, owed_note=note)
    )


async def mark_page_read(tx: Tx, job: Job, now: datetime) -> None:
    """Its page was read, and nothing spoke against it."""
    await tx.execute(jobs.update().where(jobs.c.id == job.id).values(read_at=now))


async def mark_waiting_notified(tx: Tx, job: Job) -> None:
    await tx.execute(jobs.update().where(jobs.c.id == job.id).values(told_waiting=True))


async def wake_waiting(tx: Tx, provider: str, now: datetime) -> bool:
    """Make the jobs that wait for *provider* due: it moved; say whether there were."""
    woken = await tx.execute(
        _WAKE, {"awaited": provider, "now": now, "due_at": now, "waits_for": None}
    )
    return woken.rowcount > 0


async def get(tx: Tx, job_id: int) -> Job | None:
    return await mapping.fetch_one(tx, Job, _ONE, which=job_id)


async def get_many(tx: Tx, job_ids: Sequence[int]) -> list[Job]:
    """Return several jobs, in any order."""
    found: list[Job] = []
    for start in range(0, len(job_ids), 500):  # SQLite's limit of parameters
        some = job_ids[start : start + 500]
        found += await mapping.fetch_all(
            tx, Job, sa.select(jobs).where(jobs.c.id.in_(some))
        )
    return found


async def renew_fingerprint(
    tx: Tx, source: str, page_id: str, former: str, newest: str
) -> None:
    """Put today's fingerprint in the place of an earlier version's."""
    await tx.execute(
        jobs.update()
        .where(
            jobs.c.source == source,
            jobs.c.page_id == page_id,
            jobs.c.fingerprint == former,
        )
        .values(fingerprint=newest)
    )


async def require_state(tx: Tx, job_id: int, state: JobState, claimed_by: str) -> None:
    """Make sure that a job is where its worker believes it to be.

    Raises:
        MovedElsewhereError: It is not, is gone, or is in work elsewhere.
    """
    job = await get(tx, job_id)
    if job is None or job.state is not state or job.claimed_by != claimed_by:
        raise StaleJobError(f"job {job_id} is no longer {state}")


async def find_open(tx: Tx, source: str, page_id: str) -> Job | None:
    """Return the page's one open job."""
    return await mapping.fetch_one(
        tx,
        Job,
        sa.select(jobs).where(
            jobs.c.source == source,
            jobs.c.page_id == page_id,
            jobs.c.state.in_([state.value for state in OPEN]),
        ),
    )


async def has_open(tx: Tx, source: str, reason: JobReason) -> bool:
    """Say whether a job of that reason is open."""
    query = sa.select(jobs.c.id).where(
        jobs.c.source == source, jobs.c.reason == reason, _OPEN
    )
    return (await tx.execute(query.limit(1))).first() is not None


async def has_automatic_open(tx: Tx, source: str) -> bool:
    """Say whether a job is open that nobody has ticked a box for."""
    query = sa.select(jobs.c.id).where(
        jobs.c.source == source, jobs.c.reason != JobReason.REGENERATE, _OPEN
    )
    return (await tx.execute(query.limit(1))).first() is not None


async def open_of_pages(tx: Tx, source: str, page_ids: list[str]) -> list[Job]:
    """Return the open jobs of several pages."""
    found: list[Job] = []
    for start in range(0, len(page_ids), 500):  # SQLite's limit of parameters
        some = page_ids[start : start + 500]
        found += await mapping.fetch_all(tx, Job, _OPEN_OF_PAGES, of=source, pages=some)
    return found


async def of_page(tx: Tx, source: str, page_id: str) -> list[Job]:
    """Return all jobs of a page, newest first."""
    return await mapping.fetch_all(
        tx,
        Job,
        sa.select(jobs)
        .where(jobs.c.source == source, jobs.c.page_id == page_id)
        .order_by(jobs.c.id.desc()),
    )


async def in_state(
    tx: Tx,
    states: Sequence[JobState],
    *,
    limit: int | None = None,
    sources: Sequence[str] | None = None,
) -> list[Job]:
    """Return jobs in any of *states*, newest first; None: of all sources."""
    query = _IN_STATE if limit is None else _IN_STATE.limit(limit)
    if sources is not None:
        query = query.where(jobs.c.source.in_(sources))
    return await mapping.fetch_all(tx, Job, query, states=list(states))


async def list_latest(tx: Tx, *, limit: int, source: str | None = None) -> list[Job]:
    """Return the newest jobs, newest first; None: of all sources."""
    query = sa.select(jobs).order_by(jobs.c.id.desc()).limit(limit)
    if source is not None:
        query = query.where(jobs.c.source == source)
    return await mapping.fetch_all(tx, Job, query)


async def count_by_state(tx: Tx, *, source: str | None = None) -> dict[JobState, int]:
    """Return how many jobs are in each state; None: of all sources."""
    query = (
        sa.select(tallies.c.what, sa.func.sum(tallies.c.count))
        .where(tallies.c.what.in_([state.value for state in JobState]))
        .group_by(tallies.c.what)
    )
    if source is not None:
        query = query.where(tallies.c.source == source)
    found = await tx.execute(query)
    return {JobState(state): count for state, count in found if count}


async def list_events(tx: Tx, job_id: int) -> list[JobEvent]:
    """Return what happened to a job, oldest first."""
    return await mapping.fetch_all(
        tx,
        JobEvent,
        sa.select(events).where(events.c.job_id == job_id).order_by(events.c.id),
    )
