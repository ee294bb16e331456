"""What is said of jobs and breakers: once, in sentences that stand alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from daemon.context import SourceContext
from daemon.jobs.budget import BudgetThreshold, format_dollars
from daemon.jobs.retry_policy import requested_at
from db.models import Attempt, ImageRecord, Job
from db.states import JobState
from providers import descriptions
from providers.breaker import Breaker
from providers.breaker import BreakerState as Position
from providers.outcomes import Outcome

#: What only a person can mend.
_LOUD = frozenset({Outcome.TOKEN, Outcome.GONE})


def log_job_queued(flow: SourceContext, job: Job) -> None:
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


def log_job_done(
    flow: SourceContext,
    job: Job,
    made: Sequence[ImageRecord],
    calls: Sequence[Attempt],
    left_out: str,
) -> None:
    """The page shows the image."""
    cost = sum(one.cost for one in calls)
    included = cost == 0 and any(one.covered for one in calls)
    price = "included" if included else format_dollars(cost)
    # The clock may have been set back since it was asked for.
    seconds = max(0.0, (flow.now() - requested_at(job)).total_seconds())
    provider = made[0].provider
    flow.log.info(
        "job.done",
        summary=f"'{job.title}' {provider} {price} {seconds:.1f} s "
        f"(job {job.id}){left_out}",
        job=job.id,
        page=job.page_id,
        provider=provider,
        state=JobState.DONE,
        cost_usd=round(cost, 6),
        seconds=round(seconds, 1),
    )


def log_omitted_properties(flow: SourceContext, left_out: Sequence[str]) -> None:
    """Notion refuses some properties: said once, and once an hour."""
    if not left_out:
        return
    names = ", ".join(f"'{name}'" for name in left_out)
    if flow.spells.record_failure(
        f"{flow.plan.source} leaves out {names}", flow.steady()
    ):
        flow.log.warning(
            "property.refused",
            summary=f"Notion refused to write {names}. postbrush leaves it out",
        )


def log_job_ended(flow: SourceContext, job: Job, why: str) -> None:
    """It failed, or was cancelled."""
    speak = flow.log.warning if job.state is JobState.FAILED else flow.log.info
    speak(
        f"job.{job.state}",
        summary=f"'{job.title}': {why} (job {job.id})",
        job=job.id,
        page=job.page_id,
        state=job.state,
    )


def log_breaker_changed(flow: SourceContext, before: Breaker, after: Breaker) -> None:
    """Log the change from *before* to *after*, if there is one to speak of."""
    if after.state is Position.OPEN and after.generation != before.generation:
        flow.resting[after.name] = after.generation
        _log_breaker_opened(flow, after)
    elif after.state is Position.CLOSED and before.state is not Position.CLOSED:
        _log_breaker_closed(flow, after.name, "serving again")


def log_breaker_reset(flow: SourceContext, found: Breaker) -> None:
    """A command has closed it, in a process of its own: say it here, too."""
    # Read before the opening was committed, it is closed as it was before.
    opened = flow.resting.get(found.name, found.generation)
    if found.state is Position.CLOSED and found.generation > opened:
        _log_breaker_closed(flow, found.name, "reset, so it is asked again")


def _log_breaker_closed(flow: SourceContext, name: str, words: str) -> None:
    flow.resting.pop(name, None)
    flow.shared_log.info("breaker.closed", summary=f"{name}: {words}", provider=name)


def _log_breaker_opened(flow: SourceContext, after: Breaker) -> None:
    words = descriptions.describe_breaker(after, flow.now(), flow.clock.zone)
    rest = _describe_fallback(flow, after)
    log = flow.shared_log
    speak = log.error if after.reason in _LOUD else log.warning
    speak(
        "breaker.opened",
        summary=f"{after.name}: {words}{rest}",
        provider=after.name,
        reason=after.reason,
        until=after.until.isoformat() if after.until else None,
    )


def _describe_fallback(flow: SourceContext, after: Breaker) -> str:
    """Say who serves instead; a loading model is waited for."""
    if after.reason in {Outcome.LOADING, Outcome.THROTTLED}:
        return "; jobs wait for it"
    others = [name for name in flow.plan.chain if name != after.name]
    words = [
        "the card" if flow.providers[name].traits.is_card else name for name in others
    ]
    return f"; meanwhile {', then '.join(words)}" if words else ""


def log_budget_thresholds(
    flow: SourceContext, provider: str, passed: Sequence[BudgetThreshold]
) -> None:
    """A budget is nearly or quite used up: said once in its period."""
    for mark in passed:
        event = "budget.reached" if mark.full else "budget.near"
        of = provider if mark.name == "service" else ""
        own = flow.plan.source if flow.plan.has_own_budget else ""
        key = f"{event} {mark.name} {of} {own} {mark.until:%Y-%m-%d}"
        if key in flow.told:
            continue
        flow.told.add(key)
        whose = f"{of}'s own month" if of else f"the {mark.name}"
        when = f"on {_format_local(flow, mark.until)}"
        rest = f"the next image by {provider} fits {when}"
        flow.log.warning(
            event,
            summary=f"${mark.spent:.2f} of the ${mark.limit:.2f} for {whose} are "
            f"spent; {rest if mark.full else f'it begins anew {when}'}",
            budget=f"{mark.name} {of}".strip(),
            until=mark.until.isoformat(),
        )


def log_provider_still_down(flow: SourceContext, found: Breaker) -> None:
    """A server of the owner's own was greeted, and did not answer."""
    words = descriptions.describe_breaker(found, flow.now(), flow.clock.zone)
    flow.log.debug(
        "provider.away", summary=f"{found.name}: {words}", provider=found.name
    )


def log_pause_changed(
    flow: SourceContext, *, paused: bool, until: datetime | None
) -> None:
    """Say it when a pause begins, and when it ends."""
    key = f"paused {flow.plan.source}"
    if paused and flow.spells.record_failure(key, flow.steady()):
        when = f" until {_format_local(flow, until)}" if until else ""
        flow.log.info(
            "daemon.paused",
            summary=f"nothing is made{when}; `postbrush resume` ends it",
        )
    elif not paused and flow.spells.record_recovery(key, flow.steady()) is not None:
        flow.log.info("daemon.resumed", summary="images are made again")


def _format_local(flow: SourceContext, time: datetime) -> str:
    local = time.astimezone(flow.clock.zone)
    return f"{local.day} {local:%b %H:%M}"


def log_breaker_probe(flow: SourceContext, found: Breaker) -> None:
    """One job is let through to see whether the service is back."""
    flow.shared_log.info(
        "breaker.half_open",
        summary=f"{found.name}: one job asks whether it is back",
        provider=found.name,
    )
