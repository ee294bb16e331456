"""The job queue: which jobs are due, which daemon claimed them, and lists for people.

Due jobs are in order of priority: strongest reason, then due first, then oldest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from db.engine import Tx
from db.mapping import fetch_all, fetch_scalar, if_given
from db.models import Job
from db.states import OPEN, JobReason, JobState
from db.tables import counters, held, jobs, posts

_PRIORITY = (
    sa.case({reason.value: reason.rank for reason in JobReason}, value=jobs.c.reason),
    jobs.c.due_at,
    jobs.c.id,
)
_LIMIT = sa.bindparam("most", type_=sa.Integer)
_IS_DUE = jobs.c.due_at <= sa.bindparam("now")
#: No provider call before Notion has confirmed the un-tick, so that a box that cannot
#: be un-ticked costs nothing.
_READY = sa.or_(jobs.c.pending_write != "untick", jobs.c.acked_at.is_not(None))
_OF_SOURCES = jobs.c.source.in_(sa.bindparam("sources", expanding=True))
_QUEUED = sa.select(jobs).where(jobs.c.state == JobState.QUEUED)
_DUE = (
    _QUEUED.where(_IS_DUE, jobs.c.source == sa.bindparam("of"), _READY)
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
    .where(jobs.c.state == JobState.UPLOADING, _IS_DUE, _OF_SOURCES)
    .order_by(*_PRIORITY)
    .limit(_LIMIT)
)
_WITH_PENDING_WRITES = (
    sa.select(jobs)
    .where(jobs.c.pending_write != "", _OF_SOURCES)
    .order_by(jobs.c.pending_write != "untick", jobs.c.id)
    .limit(_LIMIT)
)
_GENERATING_IDS = sa.select(jobs.c.id).where(
    jobs.c.state == JobState.GENERATING, jobs.c.claimed_by == sa.bindparam("claimer")
)
#: Rows that another transaction has locked are skipped; SQLite has only one writer.
_CLAIMABLE = _QUEUED.where(
    jobs.c.id.in_(sa.bindparam("picked", expanding=True)), _IS_DUE, _READY
).with_for_update(skip_locked=True)

_JOB_OF_POST = sa.and_(
    jobs.c.source == posts.c.source, jobs.c.page_id == posts.c.page_id
)
_HELD_OF_POST = sa.and_(
    held.c.source == posts.c.source, held.c.page_id == posts.c.page_id
)
#: A post of a source that shows a status which a later write replaces.
_SHOWS_INTERIM = sa.and_(
    posts.c.source == sa.bindparam("of"),
    # The condition of the partial index, word for word, so that it is used.
    sa.text("interim_status <> ''"),
)
_COUNT_SHOWING = sa.select(sa.func.count()).where(
    _SHOWS_INTERIM, posts.c.interim_status == sa.bindparam("status")
)
_SHOWS_OUTDATED = (
    sa.select(posts.c.page_id)
    .where(
        _SHOWS_INTERIM,
        posts.c.removed.is_(False),
        ~sa.select(held.c.id).where(_HELD_OF_POST).exists(),
        ~sa.select(jobs.c.id)
        .where(_JOB_OF_POST, sa.or_(jobs.c.state.in_(OPEN), jobs.c.pending_write != ""))
        .exists(),
    )
    .limit(_LIMIT)
)
_WAITS_UNTOLD = (
    sa.select(posts.c.page_id)
    .join(jobs, _JOB_OF_POST)
    .where(
        jobs.c.state.in_([JobState.QUEUED, JobState.GENERATING]),
        jobs.c.due_at <= sa.bindparam("before", type_=jobs.c.due_at.type),
        jobs.c.source == sa.bindparam("of"),
        jobs.c.pending_write == "",
        jobs.c.reason != JobReason.REPLACE,
        posts.c.interim_status.not_in(sa.bindparam("told", expanding=True)),
        posts.c.removed.is_(False),
    )
    .order_by(jobs.c.due_at.desc(), jobs.c.id.desc())
    .limit(_LIMIT)
)
_HELD_UNTOLD = (
    sa.select(posts.c.page_id)
    .join(held, _HELD_OF_POST)
    .where(
        posts.c.source == sa.bindparam("of"),
        posts.c.interim_status != sa.bindparam("status"),
        posts.c.removed.is_(False),
    )
    .order_by(posts.c.created_at.desc(), held.c.id)
    .limit(_LIMIT)
)


async def list_due(tx: Tx, now: datetime, source: str, *, limit: int) -> list[Job]:
    """Return the queued jobs of a source that are due, in order of priority."""
    return await fetch_all(tx, Job, _DUE, now=now, of=source, most=limit)


async def list_claimable(tx: Tx, ids: Sequence[int], now: datetime) -> list[Job]:
    """Return those of the jobs *ids* that can be claimed, in the given order."""
    claimable = await fetch_all(tx, Job, _CLAIMABLE, picked=ids, now=now)
    return sorted(claimable, key=lambda job: ids.index(job.id))


def interleave_by_priority(queues: Iterable[Sequence[Job]]) -> list[Job]:
    """Merge queues by priority; jobs of equal priority alternate between the queues.

    Args:
        queues: Each in its own order, highest priority first.
    """
    ranked: list[tuple[int, int, Job]] = []
    for waiting in queues:
        position_in_rank = Counter[int]()
        for job in waiting:
            rank = job.reason.rank
            ranked.append((rank, position_in_rank[rank], job))
            position_in_rank[rank] += 1
    return [job for *_, job in sorted(ranked, key=lambda entry: entry[:2])]


async def next_due_at(
    tx: Tx, state: JobState, now: datetime, sources: Sequence[str]
) -> datetime | None:
    """Return when the next job in *state* becomes due; None if all are due."""
    values = {"among": state, "now": now, "sources": sources}
    due_at: datetime | None = (await tx.execute(_NEXT_DUE, values)).scalar()
    return due_at


async def list_uploading(
    tx: Tx, now: datetime, sources: Sequence[str], *, limit: int
) -> list[Job]:
    """Return the uploading jobs that are due, in order of priority."""
    return await fetch_all(tx, Job, _UPLOADING, now=now, sources=sources, most=limit)


async def with_pending_writes(
    tx: Tx, sources: Sequence[str], *, limit: int
) -> list[Job]:
    """Return the jobs with a pending write, un-ticks first, then oldest first."""
    return await fetch_all(tx, Job, _WITH_PENDING_WRITES, sources=sources, most=limit)


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
    return await fetch_all(tx, Job, query.order_by(jobs.c.id))


async def list_jobs(
    tx: Tx,
    states: Sequence[JobState] = (),
    *,
    limit: int | None = None,
    source: str | None = None,
    before: int | None = None,
    moved_after: datetime | None = None,
) -> list[Job]:
    """Return jobs, newest first.

    Args:
        states: Only jobs in one of these states; empty for all.
        limit: Number of jobs at most; None for all.
        source: Only jobs of this source.
        before: Only jobs with a lower id.
        moved_after: Only jobs whose state changed later.
    """
    query = sa.select(jobs).where(*if_given(jobs.c.source, source))
    if states:
        query = query.where(jobs.c.state.in_(states))
    if before is not None:
        query = query.where(jobs.c.id < before)
    if moved_after is not None:
        query = query.where(jobs.c.moved_at > moved_after)
    return await fetch_all(tx, Job, query.order_by(jobs.c.id.desc()).limit(limit))


async def list_queued(tx: Tx, *, limit: int) -> list[Job]:
    """Return queued jobs in about the order in which they will start."""
    return await fetch_all(tx, Job, _QUEUED.order_by(*_PRIORITY).limit(limit))


async def oldest_due_at(tx: Tx, now: datetime) -> datetime | None:
    """Return when the queued job that is due longest became due; None if none is."""
    query = (
        sa.select(jobs.c.due_at)
        .where(jobs.c.state == JobState.QUEUED, jobs.c.due_at <= now)
        .order_by(jobs.c.due_at)
        .limit(1)
    )
    due_at: datetime | None = (await tx.execute(query)).scalar()
    return due_at


async def count_by_state(tx: Tx, *, source: str | None = None) -> dict[JobState, int]:
    """Count a source's jobs by state; None for all sources."""
    query = (
        sa.select(counters.c.what, sa.func.sum(counters.c.count))
        .where(counters.c.what.in_([*JobState]), *if_given(counters.c.source, source))
        .group_by(counters.c.what)
    )
    return {JobState(state): count for state, count in await tx.execute(query) if count}


async def count_open_by_state(tx: Tx) -> dict[JobState, int]:
    """Count the open jobs by state; ended jobs do not make the query slower."""
    query = (
        sa.select(jobs.c.state, sa.func.count())
        .where(jobs.c.state.in_(OPEN))
        .group_by(jobs.c.state)
    )
    return {JobState(state): count for state, count in await tx.execute(query)}


async def count_created_since(
    tx: Tx, source: str, reason: JobReason, since: datetime
) -> int:
    """Return how many jobs of a reason were created at *since* or later."""
    query = sa.select(sa.func.count()).where(
        jobs.c.source == source, jobs.c.reason == reason, jobs.c.created_at >= since
    )
    return await fetch_scalar(tx, query)


async def list_wrong_statuses(
    tx: Tx,
    source: str,
    *,
    due_before: datetime | None,
    told: Sequence[str],
    approval: str,
    slots: int,
    limit: int,
) -> list[str]:
    """Return the ids of pages whose status should change, most urgent first.

    Args:
        due_before: Pages whose job was due then and does not upload yet come first;
            None: without them.
        told: Statuses that such pages may keep.
        approval: The status of posts that wait for approval.
        slots: Number of posts at most that show it; the newest ones get it.
        limit: Number of pages at most.
    """
    values = {"of": source, "status": approval, "most": limit}
    found: list[str] = []
    if due_before is not None:
        due = {**values, "before": due_before, "told": told}
        found += (await tx.execute(_WAITS_UNTOLD, due)).scalars()
    found += (await tx.execute(_SHOWS_OUTDATED, values)).scalars()
    left = slots - int((await tx.execute(_COUNT_SHOWING, values)).scalar() or 0)
    if left > 0 and len(found) < limit:
        # There may be any number of posts.
        values["most"] = min(left, limit - len(found))
        found += (await tx.execute_in_thread(_HELD_UNTOLD, values)).scalars()
    return found[:limit]
