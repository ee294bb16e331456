"""Whatever the services answer, a month costs what was charged and never too much."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from daemon.config.model import BudgetSection
from daemon.jobs.budget import AmountSpent, Charge, Pricing, check_budget
from providers import KINDS
from providers.base import Response
from providers.charges import FREE
from providers.outcomes import Outcome
from tests.providers.test_charges import outcome_of
from tests.providers.test_rubbish import REPLIES
from tests.providers.test_spellings import first_call

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
KIND = st.sampled_from(sorted(set(KINDS) - {"freeapi"}))
CENTS = st.integers(0, 300).map(lambda cents: cents / 1000)


@given(
    calls=st.lists(st.tuples(KIND, REPLIES), max_size=30),
    prices=st.dictionaries(KIND, CENTS),
    included=CENTS,
    limit=CENTS,
)
def test_a_months_total_never_passes_the_budget(
    calls: list[tuple[str, Response]],
    prices: dict[str, float],
    included: float,
    limit: float,
) -> None:
    limits = BudgetSection(month=limit, per_post_day=None)
    total, by_kind, covered_by = 0.0, dict[str, float](), dict[str, float]()
    for kind, reply in calls:
        price = prices.get(kind, 0.05)
        charge = check_budget(
            Pricing(
                price=price,
                included=included,
                included_per="month",
                monthly_budget=None,
            ),
            AmountSpent(
                month=total,
                day=total,
                provider=by_kind.get(kind, 0.0),
                included_cost=covered_by.get(kind, 0.0),
                page_today=0,
            ),
            limits,
            NOW,
            UTC,
            free_only=False,
        )
        # Not called at all.
        if not isinstance(charge, Charge):
            continue
        outcome = outcome_of(first_call(kind), reply) or Outcome.UNKNOWN
        if outcome in FREE:
            continue
        # Its price, from the one purse or the other
        assert abs(charge.cost + charge.included_cost - price) < 1e-9
        total += charge.cost
        by_kind[kind] = by_kind.get(kind, 0.0) + charge.cost
        covered_by[kind] = covered_by.get(kind, 0.0) + charge.included_cost
        assert total <= limit + 1e-6
        assert covered_by[kind] <= included + 1e-6
