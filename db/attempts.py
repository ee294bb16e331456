"""Attempts: one row per provider call, and sums of their cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import Attempt
from db.tables import attempts, images, jobs
from db.types import CleanText


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingTotals:
    """Sums over the calls of a period; open calls count at their full price.

    Attributes:
        cost: US dollars charged.
        covered: US dollars covered by credits included in the plan.
        calls: Number of calls, of any outcome.
        images: Number of calls that returned an image.
    """

    cost: float = 0.0
    covered: float = 0.0
    calls: int = 0
    images: int = 0


_END = attempts.update().where(
    attempts.c.id == sa.bindparam("which"), attempts.c.outcome.is_(None)
)
_OF_JOBS = (
    sa.select(attempts)
    .where(attempts.c.job_id.in_(sa.bindparam("jobs", expanding=True)))
    .order_by(attempts.c.id)
)
#: Calls of jobs that another daemon has claimed.  A call without a job counts as ours.
_ELSEWHERE = jobs.c.claimed_by != sa.bindparam("claimer", type_=CleanText())
_OPEN = (
    sa.select(attempts.c.provider, sa.func.count(), sa.func.count().filter(_ELSEWHERE))
    .select_from(attempts.outerjoin(jobs, jobs.c.id == attempts.c.job_id))
    .where(attempts.c.outcome.is_(None))
    .group_by(attempts.c.provider)
)
_OF_PAGES = (
    sa.select(attempts.c.page_id, sa.func.count())
    .where(
        attempts.c.page_id.in_(sa.bindparam("pages", expanding=True)),
        attempts.c.started_at >= sa.bindparam("since"),
        attempts.c.cost + attempts.c.covered > 0,
    )
    .group_by(attempts.c.page_id)
)
_PREFIX, _PREFIX_END = (
    sa.bindparam("prefix", type_=CleanText()),
    sa.bindparam("prefix_end", type_=CleanText()),
)
_WITH_PREFIX = sa.union_all(
    *(
        sa.select(column).where(column >= _PREFIX, column < _PREFIX_END)
        for column in (attempts.c.file_name, images.c.name)
    )
)


async def start_attempt(tx: Tx, **values: Any) -> Attempt:  # noqa: ANN401 - the columns of the table
    """Insert an open attempt.  The caller commits before it sends the request."""
    columns: dict[str, Any] = {
        "model": None,
        "ended_at": None,
        "outcome": None,
        "http_status": None,
        "remote": None,
        "error": "",
        **values,
    }
    return Attempt(id=await mapping.insert_row(tx, attempts, columns), **columns)


async def end_attempt(
    tx: Tx,
    attempt: Attempt,
    outcome: str,
    *,
    now: datetime,
    free: bool,
    http_status: int | None = None,
    error: str = "",
    seed: int | None = None,
    model: str | None = None,
) -> bool:
    """Close an attempt that is still open.

    Args:
        free: The call costs nothing: its cost and covered amount become 0.
        error: The reason in words; the first 300 characters are stored.

    Returns:
        Whether the attempt was open; False if another process closed it first.
    """
    values: dict[str, Any] = {
        "outcome": outcome,
        "ended_at": now,
        "http_status": http_status,
        "error": error[:300],
    }
    if free:
        values |= {"cost": 0.0, "covered": 0.0}
    if seed is not None:
        values["seed"] = seed
    if model is not None:
        values["model"] = model
    result = await tx.execute(_END, {**values, "which": attempt.id})
    return result.rowcount == 1


async def save_remote_id(tx: Tx, attempt: Attempt, remote: str) -> None:
    """Store the provider's job id or result URL; the caller commits before use."""
    await tx.execute(
        attempts.update().where(attempts.c.id == attempt.id).values(remote=remote)
    )


async def of_job(tx: Tx, job_id: int) -> list[Attempt]:
    """Return a job's attempts, oldest first."""
    return await mapping.fetch_all(tx, Attempt, _OF_JOBS, jobs=[job_id])


async def of_jobs(tx: Tx, job_ids: list[int]) -> dict[int, list[Attempt]]:
    """Return attempts by job id, oldest first; a job without attempts has no key."""
    by_job: dict[int, list[Attempt]] = {}
    for attempt in await mapping.fetch_all(tx, Attempt, _OF_JOBS, jobs=job_ids):
        if attempt.job_id is not None:
            by_job.setdefault(attempt.job_id, []).append(attempt)
    return by_job


async def list_open(tx: Tx) -> list[Attempt]:
    """Return the open attempts, oldest first."""
    return await mapping.fetch_all(
        tx,
        Attempt,
        sa.select(attempts).where(attempts.c.outcome.is_(None)).order_by(attempts.c.id),
    )


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
    for provider, total, others in await tx.execute(_OPEN, {"claimer": claimer}):
        here[provider], elsewhere[provider] = total - others, others
    return here, elsewhere


def _sum_columns() -> tuple[sa.ColumnElement[Any], ...]:
    return (
        sa.func.coalesce(sa.func.sum(attempts.c.cost), 0.0),
        sa.func.coalesce(sa.func.sum(attempts.c.covered), 0.0),
        sa.func.count(),
        sa.func.coalesce(
            sa.func.sum(sa.cast(attempts.c.outcome == "image", sa.Integer)), 0
        ),
    )


async def totals_since(
    tx: Tx, since: datetime, *, provider: str | None = None
) -> SpendingTotals:
    """Return the sums over calls that started at *since* or later."""
    query = sa.select(*_sum_columns()).where(attempts.c.started_at >= since)
    if provider is not None:
        query = query.where(attempts.c.provider == provider)
    row = (await tx.execute(query)).one()
    return SpendingTotals(cost=row[0], covered=row[1], calls=row[2], images=row[3])


async def count_paid_calls(
    tx: Tx, page_ids: list[str], since: datetime
) -> dict[str, int]:
    """Return, by page id, how many calls since then were charged or covered."""
    counts: dict[str, int] = {}
    for chunk in mapping.in_chunks(page_ids):
        rows = await tx.execute(_OF_PAGES, {"pages": chunk, "since": since})
        counts |= {page_id: count for page_id, count in rows}  # noqa: C416 - rows to a dictionary
    return counts


async def file_names_with_prefix(tx: Tx, prefix: str) -> set[str]:
    """Return all file names of attempts and images that start with *prefix*."""
    end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    rows = await tx.execute(_WITH_PREFIX, {"prefix": prefix, "prefix_end": end})
    return set(rows.scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """Sums over the calls of a month, a source and a provider, perhaps of one page.

    Attributes:
        month: As "2026-11".
        page_id: Empty unless the sums are by page.
        cost: US dollars charged.
        covered: US dollars covered by credits included in the plan.
    """

    month: str
    source: str
    provider: str
    page_id: str
    calls: int
    images: int
    cost: float
    covered: float


async def started_range(tx: Tx) -> tuple[datetime, datetime] | None:
    """Return when the first and the last call started; None if there was none."""
    query = sa.select(
        sa.func.min(attempts.c.started_at), sa.func.max(attempts.c.started_at)
    )
    first, last = (await tx.execute(query)).one()
    return (first, last) if first is not None else None


async def load_cost_rows(
    tx: Tx,
    months: Sequence[tuple[datetime, datetime]],
    *,
    by_page: bool,
    source: str | None = None,
) -> list[CostRow]:
    """Return the sums by month, source and provider.

    Args:
        months: Start and end of each month; the end is excluded.
        by_page: Group by page as well.
        source: Only this source; None for all.
    """
    page = attempts.c.page_id if by_page else sa.literal("")
    query = (
        sa.select(attempts.c.source, attempts.c.provider, page, *_sum_columns())
        .where(
            attempts.c.started_at >= sa.bindparam("begins"),
            attempts.c.started_at < sa.bindparam("ends"),
        )
        .group_by(attempts.c.source, attempts.c.provider, page)
        .order_by(attempts.c.source, attempts.c.provider)
    )
    if source is not None:
        query = query.where(attempts.c.source == source)
    return [
        CostRow(
            month=f"{begins:%Y-%m}",
            source=row[0],
            provider=row[1],
            page_id=row[2],
            cost=row[3],
            covered=row[4],
            calls=row[5],
            images=row[6],
        )
        for begins, ends in months
        for row in await tx.execute(query, {"begins": begins, "ends": ends})
    ]
