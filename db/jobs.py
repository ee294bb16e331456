"""Jobs: create, change their state, find.

A state changes only from the one that was read.  Every change adds a row to `events`.
"""

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
from db.tables import events, images, jobs, tallies

_OPEN = jobs.c.state.in_([state.value for state in OPEN])

_BY_ID = sa.select(jobs).where(jobs.c.id == sa.bindparam("which"))
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
    """Insert a queued job; a unique index refuses a second open job of a page."""
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
    """Change a job's state, if its state and claim are still those of *job*.

    Args:
        changes: Further columns to set in the same UPDATE.

    Raises:
        IllegalTransitionError: *event* cannot happen in the job's state.
        StaleJobError: The stored job has another state or claim by now.
    """
    state = next_state(job.state, event)
    values: dict[str, Any] = {"state": state, "moved_at": now, **changes}
    guard = {"which": job.id, "was": job.state, "claimer": job.claimed_by}
    updated = await tx.execute(_MOVE, {**values, **guard})
    if updated.rowcount != 1:
        raise StaleJobError(f"job {job.id} is no longer {job.state}")
    moved = replace(job, **values)
    await record_event(tx, moved, event, now, why)
    return moved


async def record_event(tx: Tx, job: Job, event: str, now: datetime, why: str) -> None:
    """Add a row to a job's history."""
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
    """Return the queued and the uploading jobs, whether or not they are due.

    Args:
        moved_after: Only jobs whose state changed later.
    """
    states = [JobState.QUEUED, JobState.UPLOADING]
    query = sa.select(jobs).where(jobs.c.state.in_(states))
    if moved_after is not None:
        query = query.where(jobs.c.moved_at > moved_after)
    return await mapping.fetch_all(tx, Job, query)


async def clear_pending_write(tx: Tx, job: Job, owed: str) -> None:
    """Clear the pending write *owed*, which Notion confirmed; a newer one stays."""
    await tx.execute(
        jobs.update()
        .where(jobs.c.id == job.id, jobs.c.owed == owed)
        .values(owed="", owed_note="")
    )


async def set_pending_write(tx: Tx, job: Job, owed: str, note: str) -> None:
    """Store the write that a page still needs, with its note."""
    await tx.execute(
        jobs.update().where(jobs.c.id == job.id).values(owed=owed, owed_note=note)
    )


async def mark_page_read(tx: Tx, job: Job, now: datetime) -> None:
    """Store when a job's page was read and its request was still valid."""
    await tx.execute(jobs.update().where(jobs.c.id == job.id).values(read_at=now))


async def mark_waiting_notified(tx: Tx, job: Job) -> None:
    """Store that people were notified of the job's long wait."""
    await tx.execute(jobs.update().where(jobs.c.id == job.id).values(told_waiting=True))


async def wake_waiting(tx: Tx, provider: str, now: datetime) -> bool:
    """Make the jobs that wait for *provider* due now; return whether there were any."""
    updated = await tx.execute(
        _WAKE, {"awaited": provider, "now": now, "due_at": now, "waits_for": None}
    )
    return updated.rowcount > 0


async def get(tx: Tx, job_id: int) -> Job | None:
    """Return a job by its id."""
    return await mapping.fetch_one(tx, Job, _BY_ID, which=job_id)


async def get_many(tx: Tx, job_ids: Sequence[int]) -> list[Job]:
    """Return several jobs, in any order."""
    return [
        job
        for chunk in mapping.in_chunks(job_ids)
        for job in await mapping.fetch_all(
            tx, Job, sa.select(jobs).where(jobs.c.id.in_(chunk))
        )
    ]


async def replace_fingerprint(
    tx: Tx, source: str, page_id: str, former: str, newest: str
) -> None:
    """Replace the fingerprint *former* in all jobs and images of a page."""
    for table in (jobs, images):
        await tx.execute(
            table.update()
            .where(
                table.c.source == source,
                table.c.page_id == page_id,
                table.c.fingerprint == former,
            )
            .values(fingerprint=newest)
        )


async def require_state(tx: Tx, job_id: int, state: JobState, claimed_by: str) -> None:
    """Check that a job has this state and this claim.

    Raises:
        StaleJobError: It has another state or claim, or does not exist.
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
            jobs.c.source == source, jobs.c.page_id == page_id, _OPEN
        ),
    )


async def has_open(tx: Tx, source: str, reason: JobReason) -> bool:
    """Return whether a job of this reason is open."""
    query = sa.select(jobs.c.id).where(
        jobs.c.source == source, jobs.c.reason == reason, _OPEN
    )
    return (await tx.execute(query.limit(1))).first() is not None


async def has_automatic_open(tx: Tx, source: str) -> bool:
    """Return whether a job is open whose reason is not a tick."""
    query = sa.select(jobs.c.id).where(
        jobs.c.source == source, jobs.c.reason != JobReason.REGENERATE, _OPEN
    )
    return (await tx.execute(query.limit(1))).first() is not None


async def open_of_pages(tx: Tx, source: str, page_ids: list[str]) -> list[Job]:
    """Return the open jobs of several pages."""
    open_jobs: list[Job] = []
    for chunk in mapping.in_chunks(page_ids):
        open_jobs += await mapping.fetch_all(
            tx, Job, _OPEN_OF_PAGES, of=source, pages=chunk
        )
    return open_jobs


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
    """Return jobs in one of *states*, newest first.

    Args:
        limit: Number of jobs at most; None for all.
        sources: Only these sources; None for all.
    """
    query = _IN_STATE if limit is None else _IN_STATE.limit(limit)
    if sources is not None:
        query = query.where(jobs.c.source.in_(sources))
    return await mapping.fetch_all(tx, Job, query, states=list(states))


async def list_latest(tx: Tx, *, limit: int, source: str | None = None) -> list[Job]:
    """Return the newest jobs of a source, newest first; None for all sources."""
    query = sa.select(jobs).order_by(jobs.c.id.desc()).limit(limit)
    if source is not None:
        query = query.where(jobs.c.source == source)
    return await mapping.fetch_all(tx, Job, query)


async def count_by_state(tx: Tx, *, source: str | None = None) -> dict[JobState, int]:
    """Count a source's jobs by state; None for all sources."""
    query = (
        sa.select(tallies.c.what, sa.func.sum(tallies.c.count))
        .where(tallies.c.what.in_([state.value for state in JobState]))
        .group_by(tallies.c.what)
    )
    if source is not None:
        query = query.where(tallies.c.source == source)
    rows = await tx.execute(query)
    return {JobState(state): count for state, count in rows if count}


async def list_events(tx: Tx, job_id: int) -> list[JobEvent]:
    """Return a job's events, oldest first."""
    return await mapping.fetch_all(
        tx,
        JobEvent,
        sa.select(events).where(events.c.job_id == job_id).order_by(events.c.id),
    )
