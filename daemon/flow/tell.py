"""What is said of jobs and breakers: once, in sentences that stand alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from daemon.flow.context import Flow
from daemon.flow.money import Mark, dollars
from daemon.flow.verdict import asked_at
from db.records import Attempt, ImageRecord, Job
from db.states import State
from providers import telling
from providers.breaker import Breaker
from providers.breaker import State as Position
from providers.outcomes import Outcome

#: What only a person can mend.
_LOUD = frozenset({Outcome.TOKEN, Outcome.GONE})


def say_queued(flow: Flow, job: Job) -> None:
    """A wish became a job; said once, whoever made it."""
    if job.id in flow.announced:
        return
    flow.announced.add(job.id)
    waits = (job.due_at - flow.now()).total_seconds()
    when = f", due in {waits:.0f} s" if waits >= 1 else ""
    flow.log.info(
        "job.queued",
        summary=f"'{job.title}' {job.reason}{when} (job {job.id})",
        job=job.id,
        page=job.page_id,
        state=job.state,
        reason=job.reason,
    )


def say_done(
    flow: Flow,
    job: Job,
    made: Sequence[ImageRecord],
    calls: Sequence[Attempt],
    left_out: str,
) -> None:
    """The page shows the image."""
    cost = sum(one.cost for one in calls)
    included = cost == 0 and any(one.covered for one in calls)
    price = "included" if included else dollars(cost)
    # The clock may have been set back since it was asked for.
    seconds = max(0.0, (flow.now() - asked_at(job)).total_seconds())
    provider = made[0].provider
    flow.log.info(
        "job.done",
        summary=f"'{job.title}' {provider} {price} {seconds:.1f} s "
        f"(job {job.id}){left_out}",
        job=job.id,
        page=job.page_id,
        provider=provider,
        state=State.DONE,
        cost_usd=round(cost, 6),
        seconds=round(seconds, 1),
    )


def say_left_out(flow: Flow, left_out: Sequence[str]) -> None:
    """Notion refuses some properties: said once, and once an hour."""
    if not left_out:
        return
    names = ", ".join(f"'{name}'" for name in left_out)
    if flow.spells.failed(f"{flow.plan.source} leaves out {names}", flow.steady()):
        flow.log.warning(
            "property.refused",
            summary=f"Notion refused to write {names}. postbrush leaves it out",
        )


def say_ended(flow: Flow, job: Job, why: str) -> None:
    """It failed, or was cancelled."""
    speak = flow.log.warning if job.state is State.FAILED else flow.log.info
    speak(
        f"job.{job.state}",
        summary=f"'{job.title}': {why} (job {job.id})",
        job=job.id,
        page=job.page_id,
        state=job.state,
    )


def say_moved(flow: Flow, before: Breaker, after: Breaker) -> None:
    """Log the change from *before* to *after*, if there is one to speak of."""
    if after.state is Position.OPEN and after.generation != before.generation:
        flow.resting[after.name] = after.generation
        _say_opened(flow, after)
    elif after.state is Position.CLOSED and before.state is not Position.CLOSED:
        _say_closed(flow, after.name, "serving again")


def say_reset(flow: Flow, found: Breaker) -> None:
    """A command has closed it, in a process of its own: say it here, too."""
    # Read before the opening was committed, it is closed as it was before.
    opened = flow.resting.get(found.name, found.generation)
    if found.state is Position.CLOSED and found.generation > opened:
        _say_closed(flow, found.name, "reset, so it is asked again")


def _say_closed(flow: Flow, name: str, words: str) -> None:
    flow.resting.pop(name, None)
    flow.shared_log.info("breaker.closed", summary=f"{name}: {words}", provider=name)


def _say_opened(flow: Flow, after: Breaker) -> None:
    words = telling.describe(after, flow.now(), flow.clock.zone)
    rest = _meanwhile(flow, after)
    log = flow.shared_log
    speak = log.error if after.reason in _LOUD else log.warning
    speak(
        "breaker.opened",
        summary=f"{after.name}: {words}{rest}",
        provider=after.name,
        reason=after.reason,
        until=after.until.isoformat() if after.until else None,
    )


def _meanwhile(flow: Flow, after: Breaker) -> str:
    """Say who serves instead; a loading model is waited for."""
    if after.reason in {Outcome.LOADING, Outcome.THROTTLED}:
        return "; jobs wait for it"
    others = [name for name in flow.plan.chain if name != after.name]
    words = [
        "the card" if flow.providers[name].traits.is_card else name for name in others
    ]
    return f"; meanwhile {', then '.join(words)}" if words else ""


def say_budgets(flow: Flow, provider: str, passed: Sequence[Mark]) -> None:
    """A budget is nearly or quite used up: said once in its period."""
    for mark in passed:
        event = "budget.reached" if mark.full else "budget.near"
        of = provider if mark.name == "service" else ""
        own = flow.plan.source if flow.plan.spends_alone else ""
        key = f"{event} {mark.name} {of} {own} {mark.until:%Y-%m-%d}"
        if key in flow.told:
            continue
        flow.told.add(key)
        whose = f"{of}'s own month" if of else f"the {mark.name}"
        when = f"on {_local(flow, mark.until)}"
        rest = f"the next image by {provider} fits {when}"
        flow.log.warning(
            event,
            summary=f"${mark.spent:.2f} of the ${mark.limit:.2f} for {whose} are "
            f"spent; {rest if mark.full else f'it begins anew {when}'}",
            budget=f"{mark.name} {of}".strip(),
            until=mark.until.isoformat(),
        )


def say_still_away(flow: Flow, found: Breaker) -> None:
    """A server of the owner's own was greeted, and did not answer."""
    words = telling.describe(found, flow.now(), flow.clock.zone)
    flow.log.debug(
        "provider.away", summary=f"{found.name}: {words}", provider=found.name
    )


def say_paused(flow: Flow, *, paused: bool, until: datetime | None) -> None:
    """Say it when a pause begins, and when it ends."""
    key = f"paused {flow.plan.source}"
    if paused and flow.spells.failed(key, flow.steady()):
        when = f" until {_local(flow, until)}" if until else ""
        flow.log.info(
            "daemon.paused",
            summary=f"nothing is made{when}; `postbrush resume` ends it",
        )
    elif not paused and flow.spells.ended(key, flow.steady()) is not None:
        flow.log.info("daemon.resumed", summary="images are made again")


def _local(flow: Flow, time: datetime) -> str:
    local = time.astimezone(flow.clock.zone)
    return f"{local.day} {local:%b %H:%M}"


def say_probe(flow: Flow, found: Breaker) -> None:
    """One job is let through to see whether the service is back."""
    flow.shared_log.info(
        "breaker.half_open",
        summary=f"{found.name}: one job asks whether it is back",
        provider=found.name,
    )
