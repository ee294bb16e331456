"""Which provider a job asks next: gathers what the chain decides on.

The decision itself is `providers.chain.decide`; this reads the breakers, the job's
attempts and the sums of money, all in the caller's transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TypeAlias

from daemon.context import SourceContext
from daemon.decision_settings import BudgetLimits
from daemon.jobs import breaker_store
from daemon.jobs.budget import (
    AmountSpent,
    BudgetThreshold,
    Charge,
    OverBudget,
    Pricing,
    budget_thresholds,
    check_budget,
    day_start,
    month_start,
)
from daemon.jobs.chain_input import ChainInput
from db import attempts, spending
from db.attempts import SpendingTotals
from db.engine import Tx
from providers import breaker, chain, descriptions
from providers.admission import AdmissionKind
from providers.base import Provider, ProviderTraits
from providers.breaker import Breaker
from providers.chain import AtCapacity, CallProvider, Candidate, HealthCheck, WaitUntil
from providers.outcomes import Outcome

#: Calls for one image that may have cost money and brought nothing.
_WASTED = frozenset(
    {Outcome.TIMEOUT, Outcome.UNKNOWN, Outcome.REMOTE_FAILED, Outcome.UNUSABLE}
)
_WASTE_LIMIT = 3
#: It will not do this job's order, however often it is asked.
_DECLINED = frozenset({Outcome.REFUSED, Outcome.BLANK, Outcome.REJECTED})
#: Asked again in the same round: it said when, or it was we who hung up.
_ASKED_AGAIN = frozenset({Outcome.LOADING, Outcome.THROTTLED, Outcome.UNKNOWN})

_LATELY = timedelta(minutes=10)

Choice: TypeAlias = (
    CallProvider | WaitUntil | AtCapacity | HealthCheck | chain.Exhausted
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Sums of money of one moment, read once a transaction.

    Attributes:
        month: Spent from the budget of the source; likewise `day`.
        by_provider: By all sources together.
    """

    month: SpendingTotals
    day: SpendingTotals
    by_provider: Mapping[str, SpendingTotals]
    by_provider_today: Mapping[str, SpendingTotals]

    def included_cost_of(self, traits: ProviderTraits) -> float:
        """Return what of a provider's included calls is used up in this period."""
        daily = traits.included_per == "day"
        sums = self.by_provider_today if daily else self.by_provider
        return sums.get(traits.name, SpendingTotals()).covered


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainState:
    """All that choosing for any job of this moment needs.

    Attributes:
        calls: How many calls of each provider are under way here.
        elsewhere: Likewise where others work on the same database.
        proven: Who has made an image lately.
    """

    breakers: Mapping[str, Breaker]
    calls: Mapping[str, int]
    elsewhere: Mapping[str, int]
    proven: frozenset[str]
    books: Spending
    now: datetime


async def load_chain_state(tx: Tx, flow: SourceContext) -> ChainState:
    """Read what every choice of this moment depends on."""
    now, zone = flow.now(), flow.clock.zone
    here, elsewhere = await attempts.count_open_by_provider(tx, flow.who)
    balance = await spending.load_spending(
        tx,
        month=month_start(now, zone),
        day=day_start(now, zone),
        lately=now - _LATELY,
    )
    return ChainState(
        breakers=await breaker_store.load_breakers(tx, flow),
        calls=here,
        elsewhere=elsewhere,
        proven=balance.proven,
        books=Spending(
            month=_spent_from_budget(flow, balance.month),
            day=_spent_from_budget(flow, balance.day),
            by_provider=spending.totals_by_provider(balance.month),
            by_provider_today=spending.totals_by_provider(balance.day),
        ),
        now=now,
    )


def _spent_from_budget(
    flow: SourceContext, sums: Mapping[tuple[str, str], SpendingTotals]
) -> SpendingTotals:
    """Return what was spent from the budget of this source."""
    return spending.sum_totals(
        one
        for (source, _), one in sums.items()
        if flow.plan.includes_spending_of(source)
    )


def choose_provider(
    flow: SourceContext, case: ChainInput, situation: ChainState
) -> Choice:
    """Decide whom to ask for the next image of *case*."""
    links = [
        _build_candidate(flow, case, situation, flow.providers[name])
        for name in case.chain
        if name in flow.providers
    ]
    return chain.decide_next(
        links,
        now=situation.now,
        waited_since=case.waited_since,
        loading_wait=flow.plan.loading_wait,
        card_allowed=case.card_allowed,
    )


def _build_candidate(
    flow: SourceContext, case: ChainInput, situation: ChainState, provider: Provider
) -> Candidate:
    traits = provider.traits
    verdict = cost_of(flow, case, situation, traits)
    found = breaker.admission_at(situation.breakers[traits.name], situation.now)
    # What its breaker says is said better there: until when, and why.
    rests = found.kind is AdmissionKind.RESTING and not found.waitable
    return Candidate(
        name=traits.name,
        standing=found,
        is_card=traits.is_card,
        greets=provider.health_check_call() is not None,
        busy=_is_at_capacity(traits, situation),
        out=permanently_excluded_reason(case, traits.name)
        if rests
        else excluded_reason(case, traits.name),
        budget_until=verdict.until if isinstance(verdict, OverBudget) else None,
    )


def _is_at_capacity(traits: ProviderTraits, situation: ChainState) -> bool:
    """Say whether no more calls may be under way; the first one goes ahead alone.

    When credits are out or a model has to be loaded, that is one answer then, and
    not as many as there are workers, here and elsewhere.
    """
    here = situation.calls.get(traits.name, 0)
    if traits.is_card or traits.name in situation.proven:
        return here >= traits.concurrency
    return here + situation.elsewhere.get(traits.name, 0) > 0


def cost_of(
    flow: SourceContext, case: ChainInput, situation: ChainState, traits: ProviderTraits
) -> Charge | OverBudget:
    """Say how one call of a provider would count now, or what forbids it."""
    return check_budget(*_budget_inputs(flow, case, situation, traits))


def budget_thresholds_crossed(
    flow: SourceContext, case: ChainInput, situation: ChainState, traits: ProviderTraits
) -> list[BudgetThreshold]:
    """Return the budgets that a call of a provider, if paid, takes past a mark."""
    return budget_thresholds(*_budget_inputs(flow, case, situation, traits))


def _budget_inputs(
    flow: SourceContext, case: ChainInput, situation: ChainState, traits: ProviderTraits
) -> tuple[Pricing, AmountSpent, BudgetLimits, datetime, tzinfo]:
    own = situation.books.by_provider.get(traits.name, SpendingTotals())
    tariff = Pricing(
        price=traits.price(case.megapixels),
        included=traits.included,
        included_per=traits.included_per,
        monthly_budget=traits.monthly_budget,
    )
    spent = AmountSpent(
        month=situation.books.month.cost,
        day=situation.books.day.cost,
        provider=own.cost,
        covered=situation.books.included_cost_of(traits),
        page_today=case.page_today,
    )
    return tariff, spent, flow.plan.limits, situation.now, flow.clock.zone


def excluded_reason(case: ChainInput, name: str) -> str | None:
    """Say why a provider is out for this image, or None."""
    return permanently_excluded_reason(case, name) or _excluded_this_round(case, name)


def permanently_excluded_reason(case: ChainInput, name: str) -> str | None:
    """Say why a provider will not be asked for this image again, or None."""
    outcomes = Counter(
        Outcome(one.outcome)
        for one in case.tried
        if one.provider == name and one.outcome is not None
    )
    # It declined the order itself: for every image of the job.
    for outcome in _DECLINED:
        if outcomes[outcome]:
            return descriptions.OUTCOMES[outcome]
    wasted = sum(
        one.provider == name and one.number == case.number and one.outcome in _WASTED
        for one in case.tried
    )
    # Money that bought nothing is bounded.
    return f"{wasted} calls brought nothing" if wasted >= _WASTE_LIMIT else None


def _excluded_this_round(case: ChainInput, name: str) -> str | None:
    for one in case.tried:
        mine = one.provider == name and one.number == case.number
        if not mine or one.round != case.round or one.outcome is None:
            continue
        # One call a round, but for those that say nothing against it.
        if one.outcome != Outcome.IMAGE and Outcome(one.outcome) not in _ASKED_AGAIN:
            return descriptions.OUTCOMES[Outcome(one.outcome)]
    return None


def none_can_serve(flow: SourceContext, case: ChainInput) -> bool:
    """Say whether nobody will ever make this image."""
    return all(
        permanently_excluded_reason(case, name)
        for name in case.chain
        if name in flow.providers
        and (case.card_allowed or not flow.providers[name].traits.is_card)
    )
