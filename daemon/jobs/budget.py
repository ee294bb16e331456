"""Check the budget of a call, and charge its price or the included credits.

Pure.  Callers read the sums in the transaction that commits the attempt, so that
concurrent jobs cannot spend the same dollar.  Days and months are local to the owner.
An exceeded budget is a failed check and does not open a breaker.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Literal

from daemon.config.model import BudgetSection
from daemon.formatting import format_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class Pricing:
    """Price of one image, included credits and monthly budget, in dollars.

    Attributes:
        renews_at: When the included credits are renewed; None: with the local period.
    """

    price: float
    included: float
    included_per: Literal["month", "day"]
    monthly_budget: float | None
    renews_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountSpent:
    """Dollars spent, and calls made, so far.

    Attributes:
        month: Dollars of all providers in this calendar month.
        day: Dollars of all providers today.
        provider: Dollars of this provider in this calendar month.
        included_cost: Dollars of this provider's included credits used in their period.
        page_today: Calls for this page today that were charged or included.
    """

    month: float
    day: float
    provider: float
    included_cost: float
    page_today: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """Dollars of a call that are charged, or covered by included credits."""

    cost: float
    included_cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OverBudget:
    """A budget is used up until its period ends."""

    why: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetThreshold:
    """A budget that a call has nearly or completely used up.

    Attributes:
        name: "month", "day", or "service" for the monthly budget of one provider.
        full: The budget has no room for another call at the same price.
        spent: Dollars.
        limit: Dollars.
        until: When the period of the budget ends.
    """

    name: Literal["month", "day", "service"]
    full: bool
    spent: float
    limit: float
    until: datetime


#: Dollars that absorb rounding errors of sums.
_TINY = 1e-9
#: Share of a budget from which it is nearly used up.
_NEARLY = 0.8


def check_budget(
    pricing: Pricing,
    spent: AmountSpent,
    limits: BudgetSection,
    now: datetime,
    zone: tzinfo,
    *,
    free_only: bool,
) -> Charge | OverBudget:
    """Return the charge of one more call, or the budget that forbids the call.

    Args:
        free_only: Make no call that is charged.
    """
    # The provider is free.
    if pricing.price <= 0:
        return Charge(cost=0.0, included_cost=0.0)
    # A single post must not use up the month.
    if limits.per_post_day is not None and spent.page_today >= limits.per_post_day:
        why = f"this post had {limits.per_post_day} images today"
        return OverBudget(why=why, until=next_day(now, zone))
    # The included credits cover the call.
    if spent.included_cost + pricing.price <= pricing.included + _TINY:
        return Charge(cost=0.0, included_cost=pricing.price)
    # The settings allow no charges.
    if free_only:
        daily = pricing.included_per == "day"
        period_ends = next_day(now, zone) if daily else next_month(now, zone)
        return OverBudget(
            why="free_only, and what is included is used up",
            until=pricing.renews_at or period_ends,
        )
    month, day = next_month(now, zone), next_day(now, zone)
    for amount, limit, until, name in (
        (spent.month, limits.month, month, "the month's budget"),
        (spent.day, limits.day, day, "the day's budget"),
        (spent.provider, pricing.monthly_budget, month, "its own monthly budget"),
    ):
        # The call would exceed this budget.
        if limit is not None and amount + pricing.price > limit + _TINY:
            return OverBudget(
                why=f"{name} of {format_cents(limit)} is used up", until=until
            )
    return Charge(cost=pricing.price, included_cost=0.0)


def budget_thresholds(
    pricing: Pricing,
    spent: AmountSpent,
    limits: BudgetSection,
    now: datetime,
    zone: tzinfo,
) -> list[BudgetThreshold]:
    """Return the budgets that a charged call nearly or completely uses up.

    Args:
        spent: Amounts before the call, which `check_budget` has allowed.
    """
    month, day = next_month(now, zone), next_day(now, zone)
    thresholds: list[BudgetThreshold] = []
    names: tuple[Literal["month", "day", "service"], ...] = ("month", "day", "service")
    amounts = (spent.month, spent.day, spent.provider)
    budgets = (limits.month, limits.day, pricing.monthly_budget)
    for name, before, limit in zip(names, amounts, budgets, strict=True):
        if limit is None:
            continue
        after = before + pricing.price
        is_full = after + pricing.price > limit + _TINY
        is_nearly_full = before < _NEARLY * limit - _TINY <= after
        if is_full or is_nearly_full:
            until = day if name == "day" else month
            thresholds.append(
                BudgetThreshold(
                    name=name, full=is_full, spent=after, limit=limit, until=until
                )
            )
    return thresholds


def month_start(now: datetime, zone: tzinfo) -> datetime:
    """Return when the calendar month of *now* began, in *zone*."""
    return day_start(now, zone).replace(day=1)


def day_start(now: datetime, zone: tzinfo) -> datetime:
    """Return the last midnight in *zone*."""
    local = now.astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def next_day(now: datetime, zone: tzinfo) -> datetime:
    """Return the next midnight in *zone*."""
    # Add a date, not 24 hours: days with a clock change have 23 or 25 hours.
    tomorrow = day_start(now, zone).date() + timedelta(days=1)
    return datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)


def next_month(now: datetime, zone: tzinfo) -> datetime:
    """Return when the next calendar month begins in *zone*."""
    in_next_month = month_start(now, zone).date() + timedelta(days=32)
    return datetime(in_next_month.year, in_next_month.month, 1, tzinfo=zone)


def months_between(
    first: datetime, last: datetime, zone: tzinfo
) -> list[tuple[datetime, datetime]]:
    """Return the start and end of each calendar month in *zone*, newest first.

    The months are those from *first* to *last*, both included.
    """
    months: list[tuple[datetime, datetime]] = []
    start = month_start(first, zone)
    while start <= last:
        end = next_month(start, zone)
        months.append((start, end))
        start = end
    return months[::-1]
