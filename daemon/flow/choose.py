"""Which provider a job asks next: gathers what the chain decides on.

The decision itself is `providers.chain.decide`; this reads the breakers, the job's
attempts and the sums of money, all in the caller's transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.flow.context import Flow, Plan
from daemon.flow.formats import FormatError, parse_format
from daemon.flow.inputs import Inputs
from daemon.flow.money import (
    Charge,
    Over,
    Spent,
    Tariff,
    day_start,
    judge,
    month_start,
)
from daemon.flow.wants import look
from db import attempts, breakers, images, posts
from db.attempts import Sums
from db.engine import Tx
from db.records import Attempt, BreakerRecord, ImageRecord, Job
from db.states import Reason
from providers import breaker
from providers.base import Outcome, Traits
from providers.breaker import Breaker
from providers.chain import Ask, Busy, Link, Spent as ChainSpent, Wait, decide

#: Calls for one image that may have cost money and brought nothing.
_WASTED = frozenset(
    {Outcome.TIMEOUT, Outcome.UNKNOWN, Outcome.REMOTE_FAILED, Outcome.UNUSABLE}
)
_WASTE_LIMIT = 3
#: It will not do this job's order, however often it is asked.
_DECLINED = frozenset({Outcome.REFUSED, Outcome.BLANK, Outcome.REJECTED})
#: Asked again in the same round once its breaker lets it.
_WAITED_FOR = frozenset({Outcome.LOADING, Outcome.THROTTLED})

Choice = Ask | Wait | Busy | ChainSpent


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Sums of money of one moment, read once a transaction."""

    month: Sums
    day: Sums
    by_provider: Mapping[str, Sums]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that choosing for any job of this moment needs."""

    breakers: Mapping[str, Breaker]
    calls: Mapping[str, int]
    books: Books
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One job, or one image by hand, that wants a provider.

    Attributes:
        number: Of the image within the job.
        exhausted: Providers that will never serve it, and why.
        card_allowed: The page shows no image that is not our card.
        chain: Provider names in order.
    """

    page_id: str
    number: int
    tried: Sequence[Attempt]
    round: int
    waited_since: datetime | None
    card_allowed: bool
    chain: Sequence[str]
    megapixels: float


async def survey(tx: Tx, flow: Flow) -> Situation:
    """Read what every choice of this moment depends on."""
    now, zone = flow.now(), flow.clock.zone
    month = month_start(now, zone)
    stored = await breakers.load(tx, flow.plan.source)
    return Situation(
        breakers={
            name: restore(stored[name]) if name in stored else Breaker(name=name)
            for name in flow.providers
        },
        calls=await attempts.open_by_provider(tx),
        books=Books(
            month=await attempts.spent_since(tx, month),
            day=await attempts.spent_since(tx, day_start(now, zone)),
            by_provider=await attempts.by_provider_since(tx, month),
        ),
        now=now,
    )


async def cases(tx: Tx, flow: Flow, waiting: Sequence[Job]) -> dict[int, Case]:
    """Return the case of each job, by job id."""
    source = flow.plan.source
    tried = await attempts.of_jobs(tx, [job.id for job in waiting])
    seen = await posts.get_many(tx, source, [job.page_id for job in waiting])
    names = [name for post in seen.values() for name in post.shows]
    known = await images.by_names(tx, names)
    made: dict[int, int] = {}
    for job in waiting:
        made[job.id] = len(await images.of_job(tx, job.id)) if job.id in tried else 0
    return {
        job.id: _case(
            flow.plan,
            job,
            tried.get(job.id, []),
            made[job.id],
            seen[job.page_id].shows if job.page_id in seen else (),
            known,
        )
        for job in waiting
    }


def _case(
    plan: Plan,
    job: Job,
    tried: Sequence[Attempt],
    made: int,
    shows: Sequence[str],
    known: Mapping[str, ImageRecord],
) -> Case:
    card_allowed = (
        job.reason is not Reason.REPLACE
        and made == 0
        and look(job.page_id, shows, known).cards_only
    )
    return Case(
        page_id=job.page_id,
        number=made + 1,
        tried=tried,
        round=job.rounds,
        waited_since=job.waited_since,
        card_allowed=card_allowed,
        chain=plan.chain,
        megapixels=megapixels(Inputs.restored(job.inputs).format),
    )


def megapixels(name: str) -> float:
    """Return the megapixels of a format; 0 for one that does not exist."""
    try:
        size = parse_format(name)
    except FormatError:
        return 0.0
    return size.width * size.height / 1e6


async def choose(tx: Tx, flow: Flow, case: Case, situation: Situation) -> Choice:
    """Decide whom to ask for the next image of *case*."""
    today = day_start(situation.now, flow.clock.zone)
    page_today = (
        await attempts.calls_for_page_since(tx, case.page_id, today)
        if case.page_id
        else 0
    )
    links = [
        _link(flow, case, situation, flow.providers[name].traits, page_today)
        for name in case.chain
        if name in flow.providers
    ]
    return decide(
        links,
        now=situation.now,
        waited_since=case.waited_since,
        loading_wait=flow.plan.loading_wait,
        card_allowed=case.card_allowed,
    )


def _link(
    flow: Flow, case: Case, situation: Situation, traits: Traits, page_today: int
) -> Link:
    found = situation.breakers[traits.name]
    verdict = charge(flow, case, situation, traits, page_today)
    return Link(
        name=traits.name,
        standing=breaker.standing(found, situation.now),
        is_card=traits.is_card,
        busy=situation.calls.get(traits.name, 0) >= traits.concurrency,
        out=out(case, traits.name),
        budget_until=verdict.until if isinstance(verdict, Over) else None,
    )


def charge(
    flow: Flow, case: Case, situation: Situation, traits: Traits, page_today: int
) -> Charge | Over:
    """Say how one call of a provider would count now, or what forbids it."""
    own = situation.books.by_provider.get(traits.name, Sums())
    return judge(
        Tariff(
            price=traits.price(case.megapixels),
            included=traits.included,
            monthly_budget=traits.monthly_budget,
        ),
        Spent(
            month=situation.books.month.cost,
            day=situation.books.day.cost,
            provider=own.cost,
            covered=own.covered,
            page_today=page_today,
        ),
        flow.plan.limits,
        situation.now,
        flow.clock.zone,
    )


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
            return f"{outcome} by it"
    wasted = sum(
        one.provider == name
        and one.number == case.number
        and one.outcome in _WASTED
        for one in case.tried
    )
    # Money that bought nothing is bounded.
    return f"{wasted} calls brought nothing" if wasted >= _WASTE_LIMIT else None


def _this_round(case: Case, name: str) -> str | None:
    for one in case.tried:
        mine = one.provider == name and one.number == case.number
        if not mine or one.round != case.round or one.outcome is None:
            continue
        # One call a round, but for those that only asked us to wait.
        if one.outcome != Outcome.IMAGE and Outcome(one.outcome) not in _WAITED_FOR:
            return f"{one.outcome} in this round"
    return None


def restore(record: BreakerRecord) -> Breaker:
    """Return the breaker a row describes."""
    return Breaker(
        name=record.name,
        state=breaker.State(record.state),
        reason=Outcome(record.reason) if record.reason else None,
        failures=record.failures,
        trips=record.trips,
        opened_at=record.opened_at,
        until=record.until,
        probe_at=record.probe_at,
        generation=record.generation,
        probe_owner=record.probe_owner,
        probe_until=record.probe_until,
        settings=record.settings,
        message=record.message,
    )


def store(source: str, found: Breaker) -> BreakerRecord:
    """Return the row for a breaker."""
    return BreakerRecord(
        source=source,
        name=found.name,
        state=found.state.value,
        reason=found.reason.value if found.reason else None,
        failures=found.failures,
        trips=found.trips,
        opened_at=found.opened_at,
        until=found.until,
        probe_at=found.probe_at,
        generation=found.generation,
        probe_owner=found.probe_owner,
        probe_until=found.probe_until,
        settings=found.settings,
        message=found.message,
    )
