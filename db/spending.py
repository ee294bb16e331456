"""Spending: sums over provider calls, and the credits of the accounts, in US dollars.

The cost is what is charged; the included cost is covered by credits of the plan.  Open
calls count at their full price.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from db.engine import Tx
from db.mapping import if_given, in_chunks, replace_row, values_of
from db.models import AccountRecord
from db.tables import accounts, attempts


@dataclass(frozen=True, slots=True)
class SpendingTotals:
    """Sums over calls: charged, included, number of calls and of images."""

    cost: float = 0.0
    included_cost: float = 0.0
    calls: int = 0
    images: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingSnapshot:
    """The sums at one moment by source and provider, and which providers work.

    Attributes:
        proven: The providers that have generated an image recently.
    """

    month: Mapping[tuple[str, str], SpendingTotals]
    day: Mapping[tuple[str, str], SpendingTotals]
    proven: frozenset[str]


@dataclass(frozen=True, slots=True)
class CostRow:
    """Sums over the calls of a month, a source and a provider, perhaps of one page.

    Attributes:
        month: As "2026-11".
        page_id: Empty unless the sums are by page.
    """

    month: str
    source: str
    provider: str
    page_id: str
    cost: float
    included_cost: float
    calls: int
    images: int


def _sums(*conditions: sa.ColumnElement[bool]) -> tuple[sa.ColumnElement[Any], ...]:
    """Return the columns of `SpendingTotals`, over the calls that meet *conditions*."""
    cost, included_cost = (
        sa.func.sum(attempts.c.cost),
        sa.func.sum(attempts.c.included_cost),
    )
    return (
        sa.func.coalesce(cost.filter(*conditions), 0.0),
        sa.func.coalesce(included_cost.filter(*conditions), 0.0),
        sa.func.count().filter(*conditions),
        sa.func.count().filter(*conditions, attempts.c.outcome == "image"),
    )


def _since(name: str) -> sa.ColumnElement[bool]:
    return attempts.c.started_at >= sa.bindparam(name)


#: `|| ''` keeps the planner from grouping by the index on provider, for which it would
#: read every call ever made.  We want the range of `started_at`.
_PROVIDER = attempts.c.provider.concat("")
_SPENDING = (
    sa.select(
        attempts.c.source,
        _PROVIDER,
        *_sums(_since("month")),
        *_sums(_since("day")),
        sa.func.count().filter(_since("lately"), attempts.c.outcome == "image"),
    )
    .where(_since("first"))
    .group_by(attempts.c.source, _PROVIDER)
)
_PAID_CALLS = (
    sa.select(attempts.c.page_id, sa.func.count())
    .where(
        attempts.c.page_id.in_(sa.bindparam("pages", expanding=True)),
        _since("since"),
        attempts.c.number > 0,
        attempts.c.cost + attempts.c.included_cost > 0,
    )
    .group_by(attempts.c.page_id)
)


async def load_spending(
    tx: Tx, *, month: datetime, day: datetime, lately: datetime
) -> SpendingSnapshot:
    """Return the sums over calls that started at or after three times.

    Args:
        month: Start of the month.
        day: Start of the day.
        lately: Providers that have generated an image since then count as proven.
    """
    times = {"month": month, "day": day, "lately": lately}
    rows = await tx.execute(_SPENDING, {**times, "first": min(times.values())})
    by_month: dict[tuple[str, str], SpendingTotals] = {}
    by_day: dict[tuple[str, str], SpendingTotals] = {}
    proven: set[str] = set()
    for source, provider, *sums, images_lately in rows:
        for totals, values in ((by_month, sums[:4]), (by_day, sums[4:])):
            if (total := SpendingTotals(*values)).calls:
                totals[source, provider] = total
        if images_lately:
            proven.add(provider)
    return SpendingSnapshot(month=by_month, day=by_day, proven=frozenset(proven))


def sum_totals(sums: Iterable[SpendingTotals]) -> SpendingTotals:
    """Return the total of several sums."""
    totals = list(sums)
    return SpendingTotals(
        cost=sum(total.cost for total in totals),
        included_cost=sum(total.included_cost for total in totals),
        calls=sum(total.calls for total in totals),
        images=sum(total.images for total in totals),
    )


def totals_by_provider(
    sums: Mapping[tuple[str, str], SpendingTotals],
) -> dict[str, SpendingTotals]:
    """Return the sums of each provider over all sources."""
    by_provider: dict[str, list[SpendingTotals]] = defaultdict(list)
    for (_, provider), total in sums.items():
        by_provider[provider].append(total)
    return {provider: sum_totals(totals) for provider, totals in by_provider.items()}


async def totals_since(
    tx: Tx, since: datetime, *, provider: str | None = None
) -> SpendingTotals:
    """Return the sums over calls that started at *since* or later."""
    query = sa.select(*_sums()).where(
        attempts.c.started_at >= since, *if_given(attempts.c.provider, provider)
    )
    return SpendingTotals(*(await tx.execute(query)).one())


async def count_paid_calls(
    tx: Tx, page_ids: Sequence[str], since: datetime
) -> dict[str, int]:
    """Return, by page id, how many calls for images were charged or covered since."""
    counts: dict[str, int] = {}
    for chunk in in_chunks(page_ids):
        rows = await tx.execute(_PAID_CALLS, {"pages": chunk, "since": since})
        counts |= {page_id: count for page_id, count in rows}  # noqa: C416 - rows to a dictionary
    return counts


async def started_range(tx: Tx) -> tuple[datetime, datetime] | None:
    """Return when the first and the last call started; None if there was none."""
    started_at = attempts.c.started_at
    query = sa.select(sa.func.min(started_at), sa.func.max(started_at))
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
    groups = (attempts.c.source, attempts.c.provider, page)
    query = (
        sa.select(*groups, *_sums())
        .where(
            _since("begins"),
            attempts.c.started_at < sa.bindparam("ends"),
            *if_given(attempts.c.source, source),
        )
        .group_by(*groups)
        .order_by(attempts.c.source, attempts.c.provider)
    )
    return [
        CostRow(f"{begins:%Y-%m}", *row)
        for begins, ends in months
        for row in await tx.execute(query, {"begins": begins, "ends": ends})
    ]


#: US dollars of the calls that the account did not know yet.
_USED_SINCE = (
    sa.select(
        sa.func.coalesce(sa.func.sum(attempts.c.cost + attempts.c.included_cost), 0.0)
    )
    .where(
        # A prompt writer on the same account is named after it.
        attempts.c.provider.in_(
            [accounts.c.provider, sa.literal("writer:") + accounts.c.provider]
        ),
        attempts.c.started_at >= accounts.c.counted_until,
    )
    .scalar_subquery()
)
_ACCOUNTS = sa.select(accounts, _USED_SINCE.label("since"))


async def load_accounts(tx: Tx) -> dict[str, tuple[AccountRecord, float]]:
    """Return each provider's last answer, and what our calls have used since.

    Returns:
        By provider: the record, and the US dollars of calls since `counted_until`,
        charged or included.
    """
    answers: dict[str, tuple[AccountRecord, float]] = {}
    for row in await tx.execute(_ACCOUNTS):
        values = row._asdict()
        since = float(values.pop("since"))
        answers[row.provider] = (AccountRecord(**values), since)
    return answers


async def save_account(tx: Tx, record: AccountRecord) -> None:
    """Insert or replace the answer of a provider's account."""
    await replace_row(tx, accounts, values_of(record))
