"""Jobs: create, change their state, find; and the history of each job.

A state changes only from the one that was read.  Every change adds a row to `events`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from db.engine import Tx
from db.errors import StaleJobError
from db.mapping import (
    fetch_all,
    fetch_one,
    in_chunks,
    insert_record,
    insert_row,
    values_of,
)
from db.models import Job, JobEvent, Json, NewJob
from db.states import OPEN, JobEventType, JobReason, JobState, next_state
from db.tables import events, images, jobs

_OPEN = jobs.c.state.in_(OPEN)

_BY_ID = sa.select(jobs).where(jobs.c.id == sa.bindparam("which"))
_BY_IDS = sa.select(jobs).where(jobs.c.id.in_(sa.bindparam("ids", expanding=True)))
_OPEN_OF_PAGES = sa.select(jobs).where(
    jobs.c.source == sa.bindparam("of"),
    jobs.c.page_id.in_(sa.bindparam("pages", expanding=True)),
    _OPEN,
)
_MOVE = jobs.update().where(
    jobs.c.id == sa.bindparam("which"),
    jobs.c.state == sa.bindparam("was"),
    jobs.c.claimed_by == sa.bindparam("claimer"),
)
_WAKE = jobs.update().where(
    jobs.c.state == JobState.QUEUED,
    jobs.c.waiting_for_provider == sa.bindparam("awaited"),
    jobs.c.due_at > sa.bindparam("now"),
)
_WAKE_PAUSED = jobs.update().where(
    jobs.c.state == JobState.QUEUED,
    jobs.c.rounds > 0,
    jobs.c.due_at > sa.bindparam("now"),
)
_NEWEST_EVENT = (
    sa.select(events)
    .where(events.c.job_id == sa.bindparam("which"))
    .order_by(events.c.id.desc())
    .limit(1)
)


async def create(tx: Tx, new: NewJob, *, now: datetime, why: str) -> Job:
    """Insert a queued job; a unique index refuses a second open job of a page."""
    values = {**values_of(new), "inputs": dict(new.inputs), "state": JobState.QUEUED}
    new_job = Job(id=0, created_at=now, moved_at=now, **values)
    job = await insert_record(tx, jobs, new_job)
    await _record_event(tx, job, "queued", now, why)
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
    await _record_event(tx, moved, event, now, why)
    return moved


async def record_delay(
    tx: Tx, job: Job, *, now: datetime, why: str, over: bool = False
) -> None:
    """Add an event to a job's history: a step failed and will be retried.

    Args:
        over: The step has succeeded: the event is "resumed" instead of "delayed".
    """
    await _record_event(tx, job, "resumed" if over else "delayed", now, why)


async def _record_event(tx: Tx, job: Job, event: str, now: datetime, why: str) -> None:
    values = {
        "source": job.source,
        "job_id": job.id,
        "at": now,
        "event": str(event),
        "state": job.state,
        "reason": why,
    }
    await insert_row(tx, events, values)


async def newest_delay(tx: Tx, job: Job) -> str:
    """Return why a step of a job is retried; empty if none is."""
    if not (job.is_open or job.pending_write):
        return ""
    newest = await fetch_one(tx, JobEvent, _NEWEST_EVENT, which=job.id)
    return newest.reason if newest and newest.event == "delayed" else ""


async def list_events(tx: Tx, job_id: int) -> list[JobEvent]:
    """Return a job's events, oldest first."""
    query = sa.select(events).where(events.c.job_id == job_id).order_by(events.c.id)
    return await fetch_all(tx, JobEvent, query)


async def set_waiting_note(tx: Tx, job: Job, note: str, now: datetime) -> None:
    """Store that the page must be told, once, that the job waits, and why."""
    await _set(
        tx, job, pending_write="waiting", pending_note=note, waiting_notified_at=now
    )


async def set_pending_prompt(tx: Tx, job: Job, prompt: str) -> None:
    """Store that *prompt* is to be written to the page, as the owner's own."""
    await _set(tx, job, pending_write="prompt", pending_note=prompt)


async def clear_pending_write(tx: Tx, job: Job) -> None:
    """Clear the pending write that *job* was read with; a newer one stays."""
    await tx.execute(
        jobs.update()
        .where(jobs.c.id == job.id, jobs.c.pending_write == job.pending_write)
        .values(pending_write="", pending_note="")
    )


async def mark_page_read(tx: Tx, job: Job, now: datetime) -> None:
    """Store when a job's page was read and its request was still valid."""
    await _set(tx, job, read_at=now)


async def save_written(tx: Tx, job: Job, written: Json) -> Job:
    """Store what the prompt writer made of a job's post; return the job with it."""
    await _set(tx, job, written=dict(written))
    return replace(job, written=written)


async def _set(tx: Tx, job: Job, **values: object) -> None:
    await tx.execute(jobs.update().where(jobs.c.id == job.id).values(**values))


async def wake_waiting(tx: Tx, provider: str, now: datetime) -> bool:
    """Make the jobs that wait for *provider* due now; return whether there were any."""
    updated = await tx.execute(
        _WAKE,
        {"awaited": provider, "now": now, "due_at": now, "waiting_for_provider": None},
    )
    return updated.rowcount > 0


async def wake_paused(tx: Tx, now: datetime) -> None:
    """Make the jobs that pause between two rounds through the chain due now."""
    await tx.execute(
        _WAKE_PAUSED, {"now": now, "due_at": now, "waiting_for_provider": None}
    )


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


async def get(tx: Tx, job_id: int) -> Job | None:
    """Return a job by its id."""
    return await fetch_one(tx, Job, _BY_ID, which=job_id)


async def get_many(tx: Tx, job_ids: Sequence[int]) -> list[Job]:
    """Return several jobs, in any order."""
    return [
        job
        for chunk in in_chunks(job_ids)
        for job in await fetch_all(tx, Job, _BY_IDS, ids=chunk)
    ]


async def require_claim(tx: Tx, job_id: int, claimed_by: str) -> None:
    """Check that the daemon *claimed_by* has claimed a job, which is generating.

    Raises:
        StaleJobError: It has another state or claim, or does not exist.
    """
    job, state = await get(tx, job_id), JobState.GENERATING
    if job is None or job.state is not state or job.claimed_by != claimed_by:
        raise StaleJobError(f"job {job_id} is no longer {state}")


async def find_open(tx: Tx, source: str, page_id: str) -> Job | None:
    """Return the page's one open job."""
    return await fetch_one(tx, Job, _OPEN_OF_PAGES, of=source, pages=[page_id])


async def open_of_pages(tx: Tx, source: str, page_ids: list[str]) -> list[Job]:
    """Return the open jobs of several pages."""
    return [
        job
        for chunk in in_chunks(page_ids)
        for job in await fetch_all(tx, Job, _OPEN_OF_PAGES, of=source, pages=chunk)
    ]


async def has_open(tx: Tx, source: str, reason: JobReason) -> bool:
    """Return whether a job of this reason is open."""
    return await _any_open(tx, source, jobs.c.reason == reason)


async def has_automatic_open(tx: Tx, source: str) -> bool:
    """Return whether a job is open whose reason is not a tick."""
    return await _any_open(tx, source, jobs.c.reason != JobReason.REGENERATE)


async def _any_open(tx: Tx, source: str, condition: sa.ColumnElement[bool]) -> bool:
    query = sa.select(jobs.c.id).where(jobs.c.source == source, condition, _OPEN)
    return (await tx.execute(query.limit(1))).first() is not None


async def of_page(tx: Tx, source: str, page_id: str) -> list[Job]:
    """Return all jobs of a page, newest first."""
    query = sa.select(jobs).where(jobs.c.source == source, jobs.c.page_id == page_id)
    return await fetch_all(tx, Job, query.order_by(jobs.c.id.desc()))
