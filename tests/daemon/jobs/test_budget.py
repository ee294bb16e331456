"""Money, prompts and alternative texts: pure, and searched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon import formatting
from daemon.config.model import BudgetSection
from daemon.delivery.page_change import alt_text_for_card, alt_text_for_prompt
from daemon.jobs.budget import (
    AmountSpent,
    Charge,
    OverBudget,
    Pricing,
    budget_thresholds,
    check_budget,
    day_start,
    month_start,
    months_between,
    next_day,
    next_month,
)
from daemon.jobs.prompt import strip_social_markup

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
_DOLLARS = st.floats(0, 20, allow_nan=False)
_LIMIT = st.none() | _DOLLARS


@given(
    tariff=st.builds(Pricing, price=_DOLLARS, included=_DOLLARS, monthly_budget=_LIMIT),
    spent=st.builds(
        AmountSpent,
        month=_DOLLARS,
        day=_DOLLARS,
        provider=_DOLLARS,
        included_cost=_DOLLARS,
        page_today=st.integers(0, 20),
    ),
    limits=st.builds(
        BudgetSection,
        month=_LIMIT,
        day=_LIMIT,
        per_post_day=st.none() | st.integers(1, 20),
    ),
    free_only=st.booleans(),
)
def test_no_budget_is_ever_exceeded(
    tariff: Pricing, spent: AmountSpent, limits: BudgetSection, *, free_only: bool
) -> None:
    decision = check_budget(tariff, spent, limits, NOW, UTC, free_only=free_only)
    if isinstance(decision, OverBudget):
        assert decision.until > NOW
        return
    tiny = 1e-6
    assert decision == Charge(cost=0, included_cost=0) or tariff.price > 0
    if decision.cost:
        assert not free_only
        for used, limit in (
            (spent.month, limits.month),
            (spent.day, limits.day),
            (spent.provider, tariff.monthly_budget),
        ):
            assert limit is None or used + decision.cost <= limit + tiny
    assert (
        not decision.included_cost
        or spent.included_cost + decision.included_cost <= tariff.included + tiny
    )


@given(
    prices=st.lists(st.integers(1, 40), max_size=60),
    limit=st.integers(1, 200),
)
@example(prices=[1] * 9, limit=10)
def test_each_mark_of_a_budget_is_passed_once_whatever_the_calls_cost(
    prices: list[int], limit: int
) -> None:
    """One service's calls, one price: nearly once at most, then full once at most."""
    price = prices[0] / 100 if prices else 0.01
    limits = BudgetSection(month=limit / 100, per_post_day=None)
    tariff = Pricing(price=price, included=0, included_per="month", monthly_budget=None)
    used, passed = 0.0, []
    for _ in prices:
        spent = AmountSpent(
            month=used, day=used, provider=used, included_cost=0, page_today=0
        )
        if isinstance(
            check_budget(tariff, spent, limits, NOW, UTC, free_only=False), OverBudget
        ):
            break
        passed += budget_thresholds(tariff, spent, limits, NOW, UTC)
        used += price
    assert [decision.full for decision in passed] in [
        [],
        [False],
        [True],
        [False, True],
    ]
    over = AmountSpent(
        month=used, day=used, provider=used, included_cost=0, page_today=0
    )
    stopped = isinstance(
        check_budget(tariff, over, limits, NOW, UTC, free_only=False), OverBudget
    )
    # Full is said with the last call that fits, if there was one at all.
    assert any(decision.full for decision in passed) == (stopped and used > 0)
    assert all(decision.until == next_month(NOW, UTC) for decision in passed)


def test_calls_one_after_another_stop_at_the_budget() -> None:
    tariff = Pricing(
        price=0.0035, included=0.10, included_per="month", monthly_budget=None
    )
    limits = BudgetSection(month=0.05, per_post_day=None)
    cost = covered = 0.0
    calls = 0
    while True:
        spent = AmountSpent(
            month=cost, day=cost, provider=cost, included_cost=covered, page_today=0
        )
        decision = check_budget(tariff, spent, limits, NOW, UTC, free_only=False)
        if isinstance(decision, OverBudget):
            break
        cost, covered, calls = (
            cost + decision.cost,
            covered + decision.included_cost,
            calls + 1,
        )
    assert calls == 28 + 14
    assert cost <= 0.05
    assert covered <= 0.10


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)),  # noqa: DTZ001 - made aware below
    st.sampled_from(["Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "UTC"]),
)
def test_periods_are_the_owners_and_without_gaps(naive: datetime, name: str) -> None:
    zone, now = ZoneInfo(name), naive.replace(tzinfo=UTC)
    assert day_start(now, zone) <= now < next_day(now, zone)
    assert month_start(now, zone) <= now < next_month(now, zone)
    length = next_day(now, zone).astimezone(UTC) - day_start(now, zone).astimezone(UTC)
    assert timedelta(hours=22) <= length <= timedelta(hours=26)


@pytest.mark.parametrize(
    ("amount", "words"),
    [(0, "free"), (0.0031, "$0.0031"), (0.25, "$0.25"), (12, "$12.00")],
)
def test_money_for_people(amount: float, words: str) -> None:
    assert formatting.format_dollars(amount) == words


@given(st.text(max_size=400))
def test_no_words_are_an_exception(text: str) -> None:
    words = strip_social_markup(text)
    assert "\n" not in words
    # IPTC's longest.
    assert len(alt_text_for_card(text, "Oven & Oak")) <= 250
    assert len(alt_text_for_prompt(text, text)) <= 250
    assert alt_text_for_prompt(text, text).endswith("(AI-generated)")


def test_months_are_those_of_the_zone_and_the_newest_comes_first() -> None:
    zone = ZoneInfo("Pacific/Auckland")
    first = datetime(2026, 11, 30, 10, 59, tzinfo=UTC)
    last = datetime(2026, 12, 31, 11, 0, tzinfo=UTC)
    months = months_between(first, last, zone)
    assert [f"{begins:%Y-%m}" for begins, _ in months] == [
        *("2027-01", "2026-12", "2026-11")
    ]
    assert [ends for _, ends in months[1:]] == [begins for begins, _ in months[:-1]]
    assert months_between(last, last, zone) == months[:1]
