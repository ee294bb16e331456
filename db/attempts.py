"""Attempts: one row per provider call, and what they add up to in money."""

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
    """What the calls of a period add up to; open ones count in full.

    Attributes:
        cost: Dollars, without what was included.
        covered: Dollars worth of included calls.
        calls: Of any outcome.
        images: That brought an image.
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
#: Of jobs in work somewhere else; a call by hand is nobody's, so it is ours.
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
_STEM, _BEHIND = (
    sa.bindparam("stem", type_=CleanText()),
    sa.bindparam("behind", type_=CleanText()),
)
_TAKEN = sa.union_all(
    sa.select(attempts.c.file_name).where(
        attempts.c.file_name >= _STEM, attempts.c.file_name < _BEHIND
    ),
    sa.select(images.c.name).where(images.c.name >= _STEM, images.c.name < _BEHIND),
)


async def start_attempt(tx: Tx, **values: Any) -> Attempt:  # noqa: ANN401 - the columns of the table
    """Insert an open attempt; commit before the request leaves."""
    full: dict[str, Any] = {
        "model": None,
        "ended_at": None,
        "outcome": None,
        "http_status": None,
        "remote": None,
        "error": "",
        **values,
    }
    return Attempt(id=await mapping.insert_row(tx, attempts, full), **full)


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
    """Close an attempt that is still open; a free one gives its money back.

    Returns:
        Whether it was open: False means somebody else closed it first.
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
    """Store the job id or result URL before it is used."""
    await tx.execute(
        attempts.update().where(attempts.c.id == attempt.id).values(remote=remote)
    )


async def of_job(tx: Tx, job_id: int) -> list[Attempt]:
    """Return a job's attempts, oldest first."""
    return await mapping.fetch_all(tx, Attempt, _OF_JOBS, jobs=[job_id])


async def of_jobs(tx: Tx, job_ids: list[int]) -> dict[int, list[Attempt]]:
    """Return the attempts of several jobs, oldest first; jobs without: no key."""
    found = await mapping.fetch_all(tx, Attempt, _OF_JOBS, jobs=job_ids)
    by_job: dict[int, list[Attempt]] = {}
    for attempt in found:
        if attempt.job_id is not None:
            by_job.setdefault(attempt.job_id, []).append(attempt)
    return by_job


async def list_open(tx: Tx) -> list[Attempt]:
    """Return attempts whose end is not known, oldest first."""
    return await mapping.fetch_all(
        tx,
        Attempt,
        sa.select(attempts).where(attempts.c.outcome.is_(None)).order_by(attempts.c.id),
    )


async def count_open_by_provider(
    tx: Tx, claimer: str
) -> tuple[dict[str, int], dict[str, int]]:
    """Return how many calls of each provider are under way, here and elsewhere.

    Args:
        claimer: Who we are.
    """
    here: dict[str, int] = {}
    elsewhere: dict[str, int] = {}
    for name, every, theirs in await tx.execute(_OPEN, {"claimer": claimer}):
        here[name], elsewhere[name] = every - theirs, theirs
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
    """Return what calls that began at *since* or later add up to."""
    query = sa.select(*_sum_columns()).where(attempts.c.started_at >= since)
    if provider is not None:
        query = query.where(attempts.c.provider == provider)
    row = (await tx.execute(query)).one()
    return SpendingTotals(cost=row[0], covered=row[1], calls=row[2], images=row[3])


async def count_paid_calls(
    tx: Tx, page_ids: list[str], since: datetime
) -> dict[str, int]:
    """Return how many calls for each page cost money or were included."""
    found: dict[str, int] = {}
    for start in range(0, len(page_ids), 500):  # SQLite's limit of parameters
        some = page_ids[start : start + 500]
        counted = await tx.execute(_OF_PAGES, {"pages": some, "since": since})
        found |= {page: count for page, count in counted}  # noqa: C416 - rows to a dictionary
    return found


async def file_names_with_prefix(tx: Tx, stem: str) -> set[str]:
    """Return the file names ever given out that begin with *stem*."""
    behind = stem[:-1] + chr(ord(stem[-1]) + 1)
    found = await tx.execute(_TAKEN, {"stem": stem, "behind": behind})
    return set(found.scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """One line of `postbrush costs`: a month, a provider, perhaps a page."""

    month: str
    source: str
    provider: str
    page_id: str
    calls: int
    images: int
    cost: float
    covered: float


async def started_range(tx: Tx) -> tuple[datetime, datetime] | None:
    """Return when the first and the last call began; None: there was none."""
    ends = (sa.func.min(attempts.c.started_at), sa.func.max(attempts.c.started_at))
    first, last = (await tx.execute(sa.select(*ends))).one()
    return (first, last) if first is not None else None


async def load_cost_rows(
    tx: Tx,
    months: Sequence[tuple[datetime, datetime]],
    *,
    by_page: bool,
    source: str | None = None,
) -> list[CostRow]:
    """Return calls, images and money by month, source and provider.

    Args:
        months: When each begins and ends, in the zone whose calendar counts.
        by_page: And by page.
        source: Only of this one.
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
