"""Evaluates the provider chain for a job.

The decision itself is `providers.chain.decide_next`.  This module loads its inputs
(breakers, open calls, spending) in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from daemon.config.model import BudgetSection
from daemon.context import SourceContext
from daemon.formatting import format_note_time
from daemon.generation.chain_input import ChainInput, ImageSpec
from daemon.imaging import normalize
from daemon.jobs import breaker_store, retry_policy
from daemon.jobs.allowance import Allowance, load_allowances
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
from db import attempts, spending
from db.engine import Tx
from db.models import Job
from db.spending import SpendingTotals
from providers import breaker, chain
from providers.admission import AdmissionKind
from providers.base import ProviderTraits
from providers.breaker import Breaker
from providers.chain import BlockedReason, Candidate
from providers.provider import Provider

#: A provider is proven for so long after its last image.
_PROVEN_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Spending in dollars, read once a transaction.

    Attributes:
        month: Spent this month from the budget of the source.
        day: Spent today from the budget of the source.
        by_provider: Spent this month by all sources together.
        by_provider_today: Spent today by all sources together.
    """

    month: SpendingTotals
    day: SpendingTotals
    by_provider: Mapping[str, SpendingTotals]
    by_provider_today: Mapping[str, SpendingTotals]

    def included_cost_of(self, traits: ProviderTraits) -> float:
        """Return the dollars used of a provider's included credits in this period."""
        daily = traits.included_per == "day"
        sums = self.by_provider_today if daily else self.by_provider
        # A prompt writer on the same account uses the same credits.
        names = (traits.name, f"writer:{traits.name}")
        return sum(sums[name].included_cost for name in names if name in sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainState:
    """State of the chain at one moment, the same for all jobs of a source.

    Attributes:
        calls: Number of open calls of this daemon, by provider.
        elsewhere: Number of open calls of other daemons on the same database.
        proven: Providers that have generated an image in the last ten minutes.
        allowances: What each provider includes, and what is used of it.
    """

    breakers: Mapping[str, Breaker]
    calls: Mapping[str, int]
    elsewhere: Mapping[str, int]
    proven: frozenset[str]
    spending: Spending
    allowances: Mapping[str, Allowance]
    now: datetime


async def load_chain_state(tx: Tx, source: SourceContext) -> ChainState:
    """Load the state of the chain for *source*."""
    now, zone = source.app.now(), source.app.clock.zone
    own_calls, other_calls = await attempts.count_open_by_provider(
        tx, source.app.instance.id
    )
    totals = await spending.load_spending(
        tx,
        month=month_start(now, zone),
        day=day_start(now, zone),
        lately=now - _PROVEN_FOR,
    )
    spent = Spending(
        month=_spent_from_budget(source, totals.month),
        day=_spent_from_budget(source, totals.day),
        by_provider=spending.totals_by_provider(totals.month),
        by_provider_today=spending.totals_by_provider(totals.day),
    )
    return ChainState(
        breakers=await breaker_store.load_breakers(tx, source.services),
        calls=own_calls,
        elsewhere=other_calls,
        proven=totals.proven,
        spending=spent,
        allowances=await load_allowances(tx, source, spent.included_cost_of),
        now=now,
    )


def _spent_from_budget(
    source: SourceContext, by_source: Mapping[tuple[str, str], SpendingTotals]
) -> SpendingTotals:
    """Sum up what counts towards the budget of *source*."""
    return spending.sum_totals(
        totals
        for (name, _), totals in by_source.items()
        if source.includes_spending_of(name)
    )


def choose_provider(
    source: SourceContext, chain_input: ChainInput, state: ChainState
) -> chain.Decision:
    """Choose the provider of a job's next image, or say why it has to wait."""
    candidates = [
        _build_candidate(source, chain_input, state, source.providers[name])
        for name in chain_input.chain
        if name in source.providers
    ]
    return chain.decide_next(
        candidates,
        now=state.now,
        first_waited_at=chain_input.first_waited_at,
        loading_wait=source.options.loading_wait,
        card_allowed=chain_input.card_allowed,
    )


def _build_candidate(
    source: SourceContext,
    chain_input: ChainInput,
    state: ChainState,
    provider: Provider,
) -> Candidate:
    traits = provider.traits
    cost = cost_of(source, chain_input, state, provider)
    admission = breaker.admission_at(state.breakers[traits.name], state.now)
    # The reason of an open breaker comes first, as it also has a time.
    is_paused = admission.kind is AdmissionKind.PAUSED and not admission.is_waitable
    return Candidate(
        name=traits.name,
        admission=admission,
        is_card=traits.is_card,
        has_health_check=provider.health_check_call() is not None,
        is_busy=_is_at_capacity(traits, state, source.providers),
        excluded_reason=permanently_excluded_reason(chain_input, provider)
        or (None if is_paused else chain_input.excluded_reason(traits.name)),
        budget_until=cost.until if isinstance(cost, OverBudget) else None,
    )


def permanently_excluded_reason(
    chain_input: ChainInput, provider: Provider
) -> str | None:
    """Return why *provider* will never generate this image, or None."""
    image, is_card = chain_input.image, provider.traits.is_card
    # The image would be refused as too small, after it was paid for.
    if image.has_size and not is_card:
        size = provider.supported_size(image.size)
        if not normalize.is_large_enough(size, image.size):
            return f"makes images of {size}, which is too small for {image.size.name}"
    why = chain_input.permanently_excluded_reason(provider.traits.name)
    errors = [
        call.error
        for call in chain_input.tried
        if call.provider == provider.traits.name
    ]
    # A card says why it cannot be rendered; what a service says is not for the page.
    has_cause = why and is_card and errors
    return f"could not be rendered ({errors[-1]})" if has_cause else why


def _is_at_capacity(
    traits: ProviderTraits, state: ChainState, providers: Mapping[str, Provider]
) -> bool:
    """Return True if a provider accepts no further call now.

    An unproven provider gets one call at a time from all daemons together.  If its
    credits are used up or its model has to load, only that one call fails.  Entries
    on one server of the owner share its capacity.
    """
    names = breaker_store.names_on_server(traits, providers)
    own_calls = sum(state.calls.get(name, 0) for name in names)
    if traits.is_card or traits.name in state.proven:
        return own_calls >= traits.concurrency
    return own_calls + sum(state.elsewhere.get(name, 0) for name in names) > 0


def cost_of(
    source: SourceContext,
    chain_input: ChainInput,
    state: ChainState,
    provider: Provider,
) -> Charge | OverBudget:
    """Return the cost of a call of a provider now, or the budget that forbids it."""
    inputs = _budget_inputs(source, chain_input, state, provider)
    return check_budget(*inputs, free_only=source.options.free_only)


def reserved_price(provider: Provider, image: ImageSpec, now: datetime) -> float:
    """Return the most that a call of *provider* may cost now, in dollars."""
    return provider.highest_price_of(image.size, now) if image.has_size else 0.0


def budget_thresholds_crossed(
    source: SourceContext,
    chain_input: ChainInput,
    state: ChainState,
    provider: Provider,
) -> list[BudgetThreshold]:
    """Return the budget thresholds that a charged call of a provider would cross."""
    return budget_thresholds(*_budget_inputs(source, chain_input, state, provider))


def _budget_inputs(
    source: SourceContext,
    chain_input: ChainInput,
    state: ChainState,
    provider: Provider,
) -> tuple[Pricing, AmountSpent, BudgetSection, datetime, tzinfo]:
    traits, allowance = provider.traits, state.allowances[provider.traits.name]
    provider_totals = state.spending.by_provider.get(traits.name, SpendingTotals())
    pricing = Pricing(
        price=reserved_price(provider, chain_input.image, state.now),
        included=allowance.included,
        included_per=traits.included_per,
        monthly_budget=traits.monthly_budget,
        renews_at=allowance.resets_at,
    )
    spent = AmountSpent(
        month=state.spending.month.cost,
        day=state.spending.day.cost,
        provider=provider_totals.cost,
        included_cost=allowance.used,
        page_today=chain_input.page_today,
    )
    return pricing, spent, source.options.budget, state.now, source.app.clock.zone


def decide_after_round(
    source: SourceContext, job: Job, chain_input: ChainInput, spent: chain.Exhausted
) -> retry_policy.Verdict:
    """Return what follows when no provider of a job's chain is available."""
    result = retry_policy.RoundResult(
        job=job,
        calls=chain_input.round_attempts,
        has_images=bool(chain_input.made),
        keeps_image=chain_input.keeps_image,
        shows_image=chain_input.shows_image,
        hopeless=_none_can_serve(source.providers, chain_input),
        until=spent.until,
        why=describe_reasons(source, spent.reasons),
        tries=source.options.posts.tries,
    )
    return retry_policy.decide_after_round(result, source.app.now())


def _none_can_serve(providers: Mapping[str, Provider], chain_input: ChainInput) -> bool:
    """Return True if no provider of the chain will ever generate this image."""
    return all(
        permanently_excluded_reason(chain_input, providers[name])
        for name in chain_input.chain
        if name in providers
        and (chain_input.card_allowed or not providers[name].traits.is_card)
    )


def list_services(providers: Mapping[str, Provider], names: Iterable[str]) -> list[str]:
    """Return the providers of *names* that are image services, not the card."""
    return [name for name in names if not providers[name].traits.is_card]


def describe_reasons(source: SourceContext, reasons: Iterable[BlockedReason]) -> str:
    """Return for people why no provider is available, with labels and local dates."""
    now, zone = source.app.now(), source.app.clock.zone
    clauses = []
    for name, why, until in reasons:
        pause = f" (paused until {format_note_time(until, now, zone)})" if until else ""
        clauses.append(f"{source.providers[name].traits.label} {why}{pause}")
    return "; ".join(clauses) or "no image service is configured"
