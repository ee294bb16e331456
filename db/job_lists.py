"""Lists and counts of jobs for people, each over a bounded number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import Job
from db.queue import STRONGEST_FIRST
from db.states import OPEN, JobReason, JobState
from db.tables import jobs


async def list_jobs(
    tx: Tx, states: Sequence[JobState], *, limit: int, before: int | None = None
) -> list[Job]:
    """Return jobs, newest first.

    Args:
        states: Only jobs in one of these states; empty for all.
        before: Only jobs with a lower id.
    """
    query = sa.select(jobs).order_by(jobs.c.id.desc()).limit(limit)
    if states:
        query = query.where(jobs.c.state.in_([state.value for state in states]))
    if before is not None:
        query = query.where(jobs.c.id < before)
    return await mapping.fetch_all(tx, Job, query)


async def list_queued(tx: Tx, *, limit: int) -> list[Job]:
    """Return queued jobs in about the order in which they will start."""
    return await mapping.fetch_all(
        tx,
        Job,
        sa.select(jobs)
        .where(jobs.c.state == JobState.QUEUED)
        .order_by(STRONGEST_FIRST, jobs.c.due_at, jobs.c.id)
        .limit(limit),
    )


async def oldest_due_at(tx: Tx, now: datetime) -> datetime | None:
    """Return when the queued job that is due longest became due; None if none is."""
    query = sa.select(jobs.c.due_at).where(
        jobs.c.state == JobState.QUEUED, jobs.c.due_at <= now
    )
    due_at = (await tx.execute(query.order_by(jobs.c.due_at).limit(1))).scalar()
    return due_at if isinstance(due_at, datetime) else None


async def count_open_by_state(tx: Tx) -> dict[JobState, int]:
    """Count the open jobs by state; ended jobs do not make the query slower."""
    query = (
        sa.select(jobs.c.state, sa.func.count())
        .where(jobs.c.state.in_([state.value for state in OPEN]))
        .group_by(jobs.c.state)
    )
    return {JobState(state): count for state, count in await tx.execute(query)}


async def count_created_since(
    tx: Tx, source: str, reason: JobReason, since: datetime
) -> int:
    """Return how many jobs of a reason were created at *since* or later."""
    return await mapping.fetch_scalar(
        tx,
        sa.select(sa.func.count())
        .select_from(jobs)
        .where(
            jobs.c.source == source,
            jobs.c.reason == reason,
            jobs.c.created_at >= since,
        ),
    )
