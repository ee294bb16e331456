"""Spending: sums over the calls of this month and this day, from one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from db.attempts import SpendingTotals
from db.engine import Tx
from db.tables import attempts


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingSnapshot:
    """The sums at one moment, and which providers work.

    Attributes:
        month: Sums of the month by source and provider.
        day: Sums of the day by source and provider.
        proven: The providers that have generated an image recently.
    """

    month: Mapping[tuple[str, str], SpendingTotals]
    day: Mapping[tuple[str, str], SpendingTotals]
    proven: frozenset[str]


def sum_totals(sums: Iterable[SpendingTotals]) -> SpendingTotals:
    """Return the total of several sums."""
    totals = list(sums)
    return SpendingTotals(
        cost=sum(total.cost for total in totals),
        covered=sum(total.covered for total in totals),
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


def _totals_since(name: str) -> tuple[sa.ColumnElement[Any], ...]:
    in_period = attempts.c.started_at >= sa.bindparam(name)
    return (
        sa.func.coalesce(sa.func.sum(attempts.c.cost).filter(in_period), 0.0),
        sa.func.coalesce(sa.func.sum(attempts.c.covered).filter(in_period), 0.0),
        sa.func.count().filter(in_period),
        sa.func.count().filter(in_period, attempts.c.outcome == "image"),
    )


#: `|| ''` keeps the planner from grouping by the index on provider, for which it would
#: read every call ever made.  We want the range of `started_at`.
_PROVIDER = attempts.c.provider.concat("")
_IMAGES_LATELY = sa.func.count().filter(
    attempts.c.started_at >= sa.bindparam("lately"), attempts.c.outcome == "image"
)
_SPENDING = (
    sa.select(
        attempts.c.source,
        _PROVIDER,
        *_totals_since("month"),
        *_totals_since("day"),
        _IMAGES_LATELY,
    )
    .where(attempts.c.started_at >= sa.bindparam("first"))
    .group_by(attempts.c.source, _PROVIDER)
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
        for totals, (cost, covered, calls, images) in (
            (by_month, sums[:4]),
            (by_day, sums[4:]),
        ):
            if calls:
                totals[source, provider] = SpendingTotals(
                    cost=cost, covered=covered, calls=calls, images=images
                )
        if images_lately:
            proven.add(provider)
    return SpendingSnapshot(month=by_month, day=by_day, proven=frozenset(proven))
