"""The queue as those who work it see it: what is due, and who has claimed what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import Job
from db.states import JobReason, JobState
from db.tables import jobs

STRONGEST_FIRST = sa.case(
    {reason.value: reason.rank for reason in JobReason}, value=jobs.c.reason
)
_MOST = sa.bindparam("most", type_=sa.Integer)
_IN_TURN = (STRONGEST_FIRST, jobs.c.due_at, jobs.c.id)
#: A box that cannot be un-ticked costs nothing: no service before Notion confirmed it.
_READY = sa.or_(jobs.c.owed != "untick", jobs.c.acked_at.is_not(None))
_OF_THESE = jobs.c.source.in_(sa.bindparam("sources", expanding=True))
_DUE = (
    sa.select(jobs)
    .where(
        jobs.c.state == JobState.QUEUED,
        jobs.c.due_at <= sa.bindparam("now"),
        jobs.c.source == sa.bindparam("of"),
        _READY,
    )
    .order_by(*_IN_TURN)
    .limit(_MOST)
)
_NEXT_DUE = (
    sa.select(jobs.c.due_at)
    .where(
        jobs.c.state == sa.bindparam("among"),
        jobs.c.due_at > sa.bindparam("now"),
        _OF_THESE,
    )
    .order_by(jobs.c.due_at)
    .limit(1)
)
_UPLOADING = (
    sa.select(jobs)
    .where(
        jobs.c.state == JobState.UPLOADING,
        jobs.c.due_at <= sa.bindparam("now"),
        _OF_THESE,
    )
    .order_by(*_IN_TURN)
    .limit(_MOST)
)
_INDEBTED = (
    sa.select(jobs)
    .where(jobs.c.owed != "", _OF_THESE)
    .order_by(jobs.c.owed != "untick", jobs.c.id)
    .limit(_MOST)
)
_IN_WORK = sa.select(jobs.c.id).where(
    jobs.c.state == JobState.GENERATING, jobs.c.claimed_by == sa.bindparam("claimer")
)
#: What somebody else holds at this moment is passed over; SQLite has one writer.
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
    """Return queued jobs whose time has come, strongest and oldest first."""
    return await mapping.fetch_all(tx, Job, _DUE, now=now, of=source, most=limit)


async def list_claimable(tx: Tx, ids: Sequence[int], now: datetime) -> list[Job]:
    """Return those of some jobs that can be claimed, in the order of *ids*."""
    found = await mapping.fetch_all(tx, Job, _CLAIMABLE, picked=ids, now=now)
    return sorted(found, key=lambda job: ids.index(job.id))


async def next_due_at(
    tx: Tx, state: JobState, now: datetime, sources: Sequence[str]
) -> datetime | None:
    """Return when the next job of *state* that is not yet due will be."""
    given = {"among": state, "now": now, "sources": sources}
    found = (await tx.execute(_NEXT_DUE, given)).scalar()
    return found if isinstance(found, datetime) else None


async def list_uploading(
    tx: Tx, now: datetime, sources: Sequence[str], *, limit: int
) -> list[Job]:
    """Return jobs whose images Notion has not got, strongest and oldest first."""
    return await mapping.fetch_all(
        tx, Job, _UPLOADING, now=now, sources=sources, most=limit
    )


async def with_pending_writes(
    tx: Tx, sources: Sequence[str], *, limit: int
) -> list[Job]:
    """Return jobs that owe their page a write, un-ticks first."""
    return await mapping.fetch_all(tx, Job, _INDEBTED, sources=sources, most=limit)


async def generating_ids(tx: Tx, claimed_by: str) -> set[int]:
    """Return the ids of the jobs that generate, claimed by somebody."""
    return set((await tx.execute(_IN_WORK, {"claimer": claimed_by})).scalars())


async def list_claimers(tx: Tx) -> set[str]:
    """Return who has claimed the jobs that generate."""
    query = sa.select(jobs.c.claimed_by).where(jobs.c.state == JobState.GENERATING)
    return set((await tx.execute(query.distinct())).scalars())


async def list_claimed(tx: Tx, by: Sequence[str] | None) -> list[Job]:
    """Return the jobs that generate, claimed by any of these; None: by anybody."""
    query = sa.select(jobs).where(jobs.c.state == JobState.GENERATING)
    if by is not None:
        query = query.where(jobs.c.claimed_by.in_(by))
    return await mapping.fetch_all(tx, Job, query.order_by(jobs.c.id))
