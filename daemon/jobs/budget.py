"""Money: what a call costs, what is included, and when a budget lets it pass.

Pure.  Sums come from the database within the transaction that commits the attempt,
so several jobs in flight cannot spend the same dollar.  Calendar periods are the
owner's (local); a budget is a check and not a breaker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Literal

from daemon.decision_settings import BudgetLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """What one image of a provider costs, is included, and may cost a month."""

    price: float
    included: float
    included_per: Literal["month", "day"]
    monthly_budget: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountSpent:
    """Dollars (and calls) so far.

    Attributes:
        month: By all providers together, this calendar month.
        day: Likewise today.
        provider: By this one this month.
        covered: Worth of this one's calls that were included in this period.
        page_today: Calls for this page today that cost or were included.
    """

    month: float
    day: float
    provider: float
    covered: float
    page_today: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """How a call counts: as money, or against what is included."""

    cost: float
    covered: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OverBudget:
    """A budget says no until its period ends."""

    why: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetThreshold:
    """A budget that a call has brought to a share worth telling.

    Attributes:
        name: "month", "day", or "service": one service's own month.
        full: One more call like this would not be allowed.
        until: When its period ends.
    """

    name: Literal["month", "day", "service"]
    full: bool
    spent: float
    limit: float
    until: datetime


_TINY = 1e-9
_NEARLY = 0.8


def check_budget(
    tariff: Pricing,
    spent: AmountSpent,
    limits: BudgetLimits,
    now: datetime,
    zone: tzinfo,
) -> Charge | OverBudget:
    """Say how one more call would count, or which budget forbids it."""
    # Free: nothing to count.
    if tariff.price <= 0:
        return Charge(cost=0.0, covered=0.0)
    # One post must not eat the month.
    if limits.per_post_day is not None and spent.page_today >= limits.per_post_day:
        words = f"this post had {limits.per_post_day} images today"
        return OverBudget(why=words, until=next_day(now, zone))
    # Within what the service gives for nothing.
    if spent.covered + tariff.price <= tariff.included + _TINY:
        return Charge(cost=0.0, covered=tariff.price)
    # Only what is free is wanted.
    if limits.free_only:
        daily = tariff.included_per == "day"
        return OverBudget(
            why="free_only, and what is included is used up",
            until=next_day(now, zone) if daily else next_month(now, zone),
        )
    month, day = next_month(now, zone), next_day(now, zone)
    for used, limit, until, name in (
        (spent.month, limits.month, month, "the month's budget"),
        (spent.day, limits.day, day, "the day's budget"),
        (spent.provider, tariff.monthly_budget, month, "its own monthly budget"),
    ):
        # One more would go over.
        if limit is not None and used + tariff.price > limit + _TINY:
            return OverBudget(why=f"{name} of ${limit:.2f} is used up", until=until)
    return Charge(cost=tariff.price, covered=0.0)


def budget_thresholds(
    tariff: Pricing,
    spent: AmountSpent,
    limits: BudgetLimits,
    now: datetime,
    zone: tzinfo,
) -> list[BudgetThreshold]:
    """Return the budgets that a call which costs money takes past a mark.

    Args:
        spent: Before the call, which `check_budget` has let pass.
    """
    month, day = next_month(now, zone), next_day(now, zone)
    found: list[BudgetThreshold] = []
    names: tuple[Literal["month", "day", "service"], ...] = ("month", "day", "service")
    used = (spent.month, spent.day, spent.provider)
    most = (limits.month, limits.day, tariff.monthly_budget)
    for name, before, limit in zip(names, used, most, strict=True):
        if limit is None:
            continue
        after = before + tariff.price
        full = after + tariff.price > limit + _TINY
        nearly = before < _NEARLY * limit <= after + _TINY
        if full or nearly:
            until = day if name == "day" else month
            found.append(
                BudgetThreshold(
                    name=name, full=full, spent=after, limit=limit, until=until
                )
            )
    return found


def month_start(now: datetime, zone: tzinfo) -> datetime:
    """Return when the calendar month of *now* began, in *zone*."""
    return day_start(now, zone).replace(day=1)


def day_start(now: datetime, zone: tzinfo) -> datetime:
    """Return the midnight that began today in *zone*."""
    local = now.astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def next_day(now: datetime, zone: tzinfo) -> datetime:
    """Return the next midnight in *zone*."""
    # By date, not by 24 hours: days with a clock change are 23 or 25 hours long.
    tomorrow = day_start(now, zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)


def next_month(now: datetime, zone: tzinfo) -> datetime:
    """Return when the next calendar month begins in *zone*."""
    later = month_start(now, zone).date() + timedelta(days=32)
    return datetime(later.year, later.month, 1, tzinfo=zone)


def months_between(
    first: datetime, last: datetime, zone: tzinfo
) -> list[tuple[datetime, datetime]]:
    """Return when each calendar month of *zone* from *first* to *last* begins and ends.

    The newest comes first.
    """
    months: list[tuple[datetime, datetime]] = []
    begins = month_start(first, zone)
    while begins <= last:
        ends = next_month(begins, zone)
        months.append((begins, ends))
        begins = ends
    return months[::-1]


def format_dollars(amount: float) -> str:
    """Return *amount* for people: "$0.0031", "$1.20", "free"."""
    if amount <= 0:
        return "free"
    return f"${amount:.4f}" if amount < 0.1 else f"${amount:.2f}"  # noqa: PLR2004 - tenths of a cent matter below a dime
