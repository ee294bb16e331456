"""Attempts: one row per provider call, committed before the request leaves."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from db.engine import Tx
from db.mapping import CleanText, fetch_all, fetch_scalar, in_chunks, insert_record
from db.models import Attempt, JobEvent
from db.tables import attempts, events, images, jobs

#: Rows of the change feed per read.
_BATCH = 2000

_IS_OPEN = attempts.c.outcome.is_(None)
_END = attempts.update().where(attempts.c.id == sa.bindparam("which"), _IS_OPEN)
_OF_JOBS = (
    sa.select(attempts)
    .where(attempts.c.job_id.in_(sa.bindparam("jobs", expanding=True)))
    .order_by(attempts.c.id)
)
#: Calls of jobs that another daemon has claimed.  A call without a job counts as ours.
_ELSEWHERE = jobs.c.claimed_by != sa.bindparam("claimer", type_=CleanText())
_OPEN_CALLS = (
    sa.select(attempts.c.provider, sa.func.count(), sa.func.count().filter(_ELSEWHERE))
    .select_from(attempts.outerjoin(jobs, jobs.c.id == attempts.c.job_id))
    .where(_IS_OPEN)
    .group_by(attempts.c.provider)
)
_PREFIX = sa.bindparam("prefix", type_=CleanText())
_PREFIX_END = sa.bindparam("prefix_end", type_=CleanText())
_WITH_PREFIX = sa.union_all(
    *(
        sa.select(column).where(column >= _PREFIX, column < _PREFIX_END)
        for column in (attempts.c.file_name, images.c.name)
    )
)


async def start_attempt(tx: Tx, **values: Any) -> Attempt:  # noqa: ANN401 - the columns of the table
    """Insert an open attempt.  The caller commits before it sends the request."""
    return await insert_record(tx, attempts, Attempt(id=0, **values))


async def end_attempt(
    tx: Tx,
    attempt: Attempt,
    outcome: str,
    *,
    now: datetime,
    free: bool,
    http_status: int | None = None,
    error: str = "",
    price: float | None = None,
    seed: int | None = None,
    model: str | None = None,
) -> bool:
    """Close an attempt that is still open.

    Args:
        free: The call costs nothing: its cost and included cost become 0.
        error: The reason in words; the first 300 characters are stored.
        price: The price in US dollars, if it differs from the one that was reserved.

    Returns:
        Whether the attempt was open; False if another process closed it first.
    """
    values: dict[str, Any] = {
        "outcome": outcome,
        "ended_at": now,
        "http_status": http_status,
        "error": error[:300],
    }
    if price is not None:
        values |= {
            "price": price,
            "cost": price if attempt.cost else 0.0,
            "included_cost": price if attempt.included_cost else 0.0,
        }
    if free:
        values |= {"cost": 0.0, "included_cost": 0.0}
    if seed is not None:
        values["seed"] = seed
    if model is not None:
        values["model"] = model
    result = await tx.execute(_END, {**values, "which": attempt.id})
    return result.rowcount == 1


async def save_remote_id(tx: Tx, attempt: Attempt, remote_id: str) -> None:
    """Store the provider's job id or result URL; the caller commits before use."""
    await tx.execute(
        attempts.update().where(attempts.c.id == attempt.id).values(remote_id=remote_id)
    )


async def of_job(tx: Tx, job_id: int) -> list[Attempt]:
    """Return a job's attempts, oldest first."""
    return await fetch_all(tx, Attempt, _OF_JOBS, jobs=[job_id])


async def of_jobs(tx: Tx, job_ids: list[int]) -> dict[int, list[Attempt]]:
    """Return attempts by job id, oldest first; a job without attempts has no key."""
    by_job: dict[int, list[Attempt]] = {}
    for chunk in in_chunks(job_ids):
        for attempt in await fetch_all(tx, Attempt, _OF_JOBS, jobs=chunk):
            if attempt.job_id is not None:
                by_job.setdefault(attempt.job_id, []).append(attempt)
    return by_job


async def list_open(tx: Tx) -> list[Attempt]:
    """Return the open attempts, oldest first."""
    query = sa.select(attempts).where(_IS_OPEN).order_by(attempts.c.id)
    return await fetch_all(tx, Attempt, query)


async def count_open_by_provider(
    tx: Tx, claimer: str
) -> tuple[dict[str, int], dict[str, int]]:
    """Return how many calls are open, by provider.

    Args:
        claimer: Id of this daemon, as in `jobs.claimed_by`.

    Returns:
        The counts of this daemon, and those of all others.
    """
    here: dict[str, int] = {}
    elsewhere: dict[str, int] = {}
    for provider, total, others in await tx.execute(_OPEN_CALLS, {"claimer": claimer}):
        here[provider], elsewhere[provider] = total - others, others
    return here, elsewhere


async def file_names_with_prefix(tx: Tx, prefix: str) -> set[str]:
    """Return all file names of attempts and images that start with *prefix*."""
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    rows = await tx.execute(_WITH_PREFIX, {"prefix": prefix, "prefix_end": end})
    return set(rows.scalars())


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """The highest ids that a reader of new rows has read, of two tables."""

    event: int = 0
    attempt: int = 0


async def current_feed_position(tx: Tx) -> FeedPosition:
    """Return the position after all rows of `events` and `attempts`."""
    return FeedPosition(
        event=await fetch_scalar(tx, sa.select(sa.func.max(events.c.id))),
        attempt=await fetch_scalar(tx, sa.select(sa.func.max(attempts.c.id))),
    )


async def events_after(tx: Tx, event: int) -> list[JobEvent]:
    """Return the events after the id *event*, oldest first, 2,000 at most."""
    query = sa.select(events).where(events.c.id > event).order_by(events.c.id)
    return await fetch_all(tx, JobEvent, query.limit(_BATCH))


async def attempts_after(tx: Tx, attempt: int) -> list[Attempt]:
    """Return the calls after the id *attempt*, oldest first, 2,000 at most."""
    query = sa.select(attempts).where(attempts.c.id > attempt).order_by(attempts.c.id)
    return await fetch_all(tx, Attempt, query.limit(_BATCH))


async def ended_among(tx: Tx, attempt_ids: Collection[int]) -> list[Attempt]:
    """Return the calls of *attempt_ids* that have ended."""
    return [
        attempt
        for chunk in in_chunks(sorted(attempt_ids))
        for attempt in await fetch_all(
            tx, Attempt, sa.select(attempts).where(attempts.c.id.in_(chunk), ~_IS_OPEN)
        )
    ]
