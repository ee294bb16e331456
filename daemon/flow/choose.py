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

from daemon.flow import breakers
from daemon.flow.case import Case
from daemon.flow.context import Flow
from daemon.flow.money import (
    Charge,
    Limits,
    Mark,
    Over,
    Spent,
    Tariff,
    day_start,
    judge,
    marks,
    month_start,
)
from db import attempts, books
from db.attempts import Sums
from db.engine import Tx
from providers import breaker, chain, telling
from providers.base import Provider, Traits
from providers.breaker import Breaker, Kind
from providers.chain import Ask, Busy, Greet, Link, Wait
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

Choice: TypeAlias = Ask | Wait | Busy | Greet | chain.Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Sums of money of one moment, read once a transaction.

    Attributes:
        month: Spent from the budget of the source; likewise `day`.
        by_provider: By all sources together.
    """

    month: Sums
    day: Sums
    by_provider: Mapping[str, Sums]
    by_provider_today: Mapping[str, Sums]

    def covered(self, traits: Traits) -> float:
        """Return what of a provider's included calls is used up in this period."""
        daily = traits.included_per == "day"
        sums = self.by_provider_today if daily else self.by_provider
        return sums.get(traits.name, Sums()).covered


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
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
    books: Books
    now: datetime


async def survey(tx: Tx, flow: Flow) -> Situation:
    """Read what every choice of this moment depends on."""
    now, zone = flow.now(), flow.clock.zone
    here, elsewhere = await attempts.open_by_provider(tx, flow.who)
    balance = await books.balance(
        tx,
        month=month_start(now, zone),
        day=day_start(now, zone),
        lately=now - _LATELY,
    )
    return Situation(
        breakers=await breakers.load(tx, flow),
        calls=here,
        elsewhere=elsewhere,
        proven=balance.proven,
        books=Books(
            month=_counted(flow, balance.month),
            day=_counted(flow, balance.day),
            by_provider=books.by_provider(balance.month),
            by_provider_today=books.by_provider(balance.day),
        ),
        now=now,
    )


def _counted(flow: Flow, sums: Mapping[tuple[str, str], Sums]) -> Sums:
    """Return what was spent from the budget of this source."""
    return books.total(
        one for (source, _), one in sums.items() if flow.plan.counts(source)
    )


def choose(flow: Flow, case: Case, situation: Situation) -> Choice:
    """Decide whom to ask for the next image of *case*."""
    links = [
        _link(flow, case, situation, flow.providers[name])
        for name in case.chain
        if name in flow.providers
    ]
    return chain.decide(
        links,
        now=situation.now,
        waited_since=case.waited_since,
        loading_wait=flow.plan.loading_wait,
        card_allowed=case.card_allowed,
    )


def _link(flow: Flow, case: Case, situation: Situation, provider: Provider) -> Link:
    traits = provider.traits
    verdict = charge(flow, case, situation, traits)
    found = breaker.standing(situation.breakers[traits.name], situation.now)
    # What its breaker says is said better there: until when, and why.
    rests = found.kind is Kind.RESTING and not found.waitable
    return Link(
        name=traits.name,
        standing=found,
        is_card=traits.is_card,
        greets=provider.greet() is not None,
        busy=_is_busy(traits, situation),
        out=never(case, traits.name) if rests else out(case, traits.name),
        budget_until=verdict.until if isinstance(verdict, Over) else None,
    )


def _is_busy(traits: Traits, situation: Situation) -> bool:
    """Say whether no more calls may be under way; the first one goes ahead alone.

    When credits are out or a model has to be loaded, that is one answer then, and
    not as many as there are workers, here and elsewhere.
    """
    here = situation.calls.get(traits.name, 0)
    if traits.is_card or traits.name in situation.proven:
        return here >= traits.concurrency
    return here + situation.elsewhere.get(traits.name, 0) > 0


def charge(
    flow: Flow, case: Case, situation: Situation, traits: Traits
) -> Charge | Over:
    """Say how one call of a provider would count now, or what forbids it."""
    return judge(*_account(flow, case, situation, traits))


def budget_marks(
    flow: Flow, case: Case, situation: Situation, traits: Traits
) -> list[Mark]:
    """Return the budgets that a call of a provider, if paid, takes past a mark."""
    return marks(*_account(flow, case, situation, traits))


def _account(
    flow: Flow, case: Case, situation: Situation, traits: Traits
) -> tuple[Tariff, Spent, Limits, datetime, tzinfo]:
    own = situation.books.by_provider.get(traits.name, Sums())
    tariff = Tariff(
        price=traits.price(case.megapixels),
        included=traits.included,
        included_per=traits.included_per,
        monthly_budget=traits.monthly_budget,
    )
    spent = Spent(
        month=situation.books.month.cost,
        day=situation.books.day.cost,
        provider=own.cost,
        covered=situation.books.covered(traits),
        page_today=case.page_today,
    )
    return tariff, spent, flow.plan.limits, situation.now, flow.clock.zone


def out(case: Case, name: str) -> str | None:
    """Say why a provider is out for this image, or None."""
    return never(case, name) or _this_round(case, name)


def never(case: Case, name: str) -> str | None:
    """Say why a provider will not be asked for this image again, or None."""
    outcomes = Counter(
        Outcome(one.outcome)
        for one in case.tried
        if one.provider == name and one.outcome is not None
    )
    # It declined the order itself: for every image of the job.
    for outcome in _DECLINED:
        if outcomes[outcome]:
            return telling.OUTCOMES[outcome]
    wasted = sum(
        one.provider == name and one.number == case.number and one.outcome in _WASTED
        for one in case.tried
    )
    # Money that bought nothing is bounded.
    return f"{wasted} calls brought nothing" if wasted >= _WASTE_LIMIT else None


def _this_round(case: Case, name: str) -> str | None:
    for one in case.tried:
        mine = one.provider == name and one.number == case.number
        if not mine or one.round != case.round or one.outcome is None:
            continue
        # One call a round, but for those that say nothing against it.
        if one.outcome != Outcome.IMAGE and Outcome(one.outcome) not in _ASKED_AGAIN:
            return telling.OUTCOMES[Outcome(one.outcome)]
    return None


def hopeless(flow: Flow, case: Case) -> bool:
    """Say whether nobody will ever make this image."""
    return all(
        never(case, name)
        for name in case.chain
        if name in flow.providers
        and (case.card_allowed or not flow.providers[name].traits.is_card)
    )
