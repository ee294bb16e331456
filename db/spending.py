"""The books: what the calls of this month and this day add up to, in one reading."""

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
    """Sums of money of one moment, and who has worked lately.

    Attributes:
        month: By source and provider; likewise `day`.
        proven: The providers that have made an image lately.
    """

    month: Mapping[tuple[str, str], SpendingTotals]
    day: Mapping[tuple[str, str], SpendingTotals]
    proven: frozenset[str]


def sum_totals(sums: Iterable[SpendingTotals]) -> SpendingTotals:
    """Return what several sums add up to."""
    every = list(sums)
    return SpendingTotals(
        cost=sum(one.cost for one in every),
        covered=sum(one.covered for one in every),
        calls=sum(one.calls for one in every),
        images=sum(one.images for one in every),
    )


def totals_by_provider(
    sums: Mapping[tuple[str, str], SpendingTotals],
) -> dict[str, SpendingTotals]:
    """Return what the calls of each provider add up to, in all sources."""
    found: dict[str, list[SpendingTotals]] = defaultdict(list)
    for (_, provider), one in sums.items():
        found[provider].append(one)
    return {provider: sum_totals(several) for provider, several in found.items()}


def _totals_since(name: str) -> tuple[sa.ColumnElement[Any], ...]:
    counts = attempts.c.started_at >= sa.bindparam(name)
    made = sa.and_(counts, attempts.c.outcome == "image")
    return (
        sa.func.coalesce(sa.func.sum(attempts.c.cost).filter(counts), 0.0),
        sa.func.coalesce(sa.func.sum(attempts.c.covered).filter(counts), 0.0),
        sa.func.count().filter(counts),
        sa.func.count().filter(made),
    )


#: So written, it is no way into an index: what is asked for is a time, and the
#: planner would rather read every call there ever was in the order of its groups.
_NAME = attempts.c.provider.concat("")
_LATELY = sa.and_(
    attempts.c.started_at >= sa.bindparam("lately"), attempts.c.outcome == "image"
)
_BALANCE = (
    sa.select(
        attempts.c.source,
        _NAME,
        *_totals_since("month"),
        *_totals_since("day"),
        sa.func.count().filter(_LATELY),
    )
    .where(attempts.c.started_at >= sa.bindparam("first"))
    .group_by(attempts.c.source, _NAME)
)


async def load_spending(
    tx: Tx, *, month: datetime, day: datetime, lately: datetime
) -> SpendingSnapshot:
    """Return what calls that began at *month* or later add up to, and so on."""
    times = {"month": month, "day": day, "lately": lately}
    found = await tx.execute(_BALANCE, {**times, "first": min(times.values())})
    by_month: dict[tuple[str, str], SpendingTotals] = {}
    by_day: dict[tuple[str, str], SpendingTotals] = {}
    proven: set[str] = set()
    for source, name, *sums, made_lately in found:
        for kept, (cost, covered, calls, made) in (
            (by_month, sums[:4]),
            (by_day, sums[4:]),
        ):
            if calls:
                kept[source, name] = SpendingTotals(
                    cost=cost, covered=covered, calls=calls, images=made
                )
        if made_lately:
            proven.add(name)
    return SpendingSnapshot(month=by_month, day=by_day, proven=frozenset(proven))
