"""The job queue as workers see it: which jobs are due, and which daemon claimed them.

Lists are in the order of `_PRIORITY`: strongest reason, then due first, then oldest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import Job
from db.states import JobReason, JobState
from db.tables import jobs

#: Rank of a job's reason, 0 for the strongest.
STRONGEST_FIRST = sa.case(
    {reason.value: reason.rank for reason in JobReason}, value=jobs.c.reason
)
_LIMIT = sa.bindparam("most", type_=sa.Integer)
_PRIORITY = (STRONGEST_FIRST, jobs.c.due_at, jobs.c.id)
#: No provider call before Notion has confirmed the un-tick, so that a box that cannot
#: be un-ticked costs nothing.
_READY = sa.or_(jobs.c.owed != "untick", jobs.c.acked_at.is_not(None))
_OF_SOURCES = jobs.c.source.in_(sa.bindparam("sources", expanding=True))
_DUE = (
    sa.select(jobs)
    .where(
        jobs.c.state == JobState.QUEUED,
        jobs.c.due_at <= sa.bindparam("now"),
        jobs.c.source == sa.bindparam("of"),
        _READY,
    )
    .order_by(*_PRIORITY)
    .limit(_LIMIT)
)
_NEXT_DUE = (
    sa.select(jobs.c.due_at)
    .where(
        jobs.c.state == sa.bindparam("among"),
        jobs.c.due_at > sa.bindparam("now"),
        _OF_SOURCES,
    )
    .order_by(jobs.c.due_at)
    .limit(1)
)
_UPLOADING = (
    sa.select(jobs)
    .where(
        jobs.c.state == JobState.UPLOADING,
        jobs.c.due_at <= sa.bindparam("now"),
        _OF_SOURCES,
    )
    .order_by(*_PRIORITY)
    .limit(_LIMIT)
)
_WITH_PENDING_WRITES = (
    sa.select(jobs)
    .where(jobs.c.owed != "", _OF_SOURCES)
    .order_by(jobs.c.owed != "untick", jobs.c.id)
    .limit(_LIMIT)
)
_GENERATING_IDS = sa.select(jobs.c.id).where(
    jobs.c.state == JobState.GENERATING, jobs.c.claimed_by == sa.bindparam("claimer")
)
#: Rows that another transaction has locked are skipped; SQLite has only one writer.
_CLAIMABLE = (
    sa.select(jobs)
    .where(
        jobs.c.id.in_(sa.bindparam("picked", expanding=True)),
        jobs.c.state == JobState.QUEUED,
        jobs.c.due_at <= sa.bindparam("now"),
        _READY,
    )
    .with_for_update(skip_locked=True)
)


async def list_due(tx: Tx, now: datetime, source: str, *, limit: int) -> list[Job]:
    """Return the queued jobs of a source that are due, in order of priority."""
    return await mapping.fetch_all(tx, Job, _DUE, now=now, of=source, most=limit)


async def list_claimable(tx: Tx, ids: Sequence[int], now: datetime) -> list[Job]:
    """Return those of the jobs *ids* that can be claimed, in the given order."""
    claimable = await mapping.fetch_all(tx, Job, _CLAIMABLE, picked=ids, now=now)
    return sorted(claimable, key=lambda job: ids.index(job.id))


async def next_due_at(
    tx: Tx, state: JobState, now: datetime, sources: Sequence[str]
) -> datetime | None:
    """Return when the next job in *state* becomes due; None if all are due."""
    values = {"among": state, "now": now, "sources": sources}
    due_at = (await tx.execute(_NEXT_DUE, values)).scalar()
    return due_at if isinstance(due_at, datetime) else None


async def list_uploading(
    tx: Tx, now: datetime, sources: Sequence[str], *, limit: int
) -> list[Job]:
    """Return the uploading jobs that are due, in order of priority."""
    return await mapping.fetch_all(
        tx, Job, _UPLOADING, now=now, sources=sources, most=limit
    )


async def with_pending_writes(
    tx: Tx, sources: Sequence[str], *, limit: int
) -> list[Job]:
    """Return the jobs with a pending write, un-ticks first, then oldest first."""
    return await mapping.fetch_all(
        tx, Job, _WITH_PENDING_WRITES, sources=sources, most=limit
    )


async def generating_ids(tx: Tx, claimed_by: str) -> set[int]:
    """Return the ids of the generating jobs that the daemon *claimed_by* claimed."""
    return set((await tx.execute(_GENERATING_IDS, {"claimer": claimed_by})).scalars())


async def list_claimers(tx: Tx) -> set[str]:
    """Return the ids of the daemons that have claimed generating jobs."""
    query = sa.select(jobs.c.claimed_by).where(jobs.c.state == JobState.GENERATING)
    return set((await tx.execute(query.distinct())).scalars())


async def list_claimed(tx: Tx, by: Sequence[str] | None) -> list[Job]:
    """Return the generating jobs that these daemons claimed; None for any daemon."""
    query = sa.select(jobs).where(jobs.c.state == JobState.GENERATING)
    if by is not None:
        query = query.where(jobs.c.claimed_by.in_(by))
    return await mapping.fetch_all(tx, Job, query.order_by(jobs.c.id))
