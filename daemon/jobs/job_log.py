"""Log lines about jobs, breakers and budgets, each once per change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from daemon.context import SourceContext
from daemon.formatting import format_cents, format_dollars, format_duration, format_time
from daemon.jobs.budget import BudgetThreshold
from daemon.jobs.retry_policy import requested_at
from db.models import Attempt, ImageRecord, Job
from db.states import JobState
from providers.breaker import Breaker, describe_breaker
from providers.breaker import BreakerState as Position
from providers.outcomes import Outcome

#: Outcomes that only a person can fix, logged as errors.
_LOUD = frozenset({Outcome.UNAUTHORIZED, Outcome.NOT_FOUND})


def log_job_queued(source: SourceContext, job: Job) -> None:
    """Log a new job, once per process."""
    if job.id in source.app.log_state.jobs:
        return
    source.app.log_state.jobs.add(job.id)
    delay = (job.due_at - source.app.now()).total_seconds()
    when = f", due in {delay:.0f} s" if delay >= 1 else ""
    source.log.info(
        "job.queued",
        summary=f"'{job.title}' {job.reason}{when} (job {job.id})",
        job=job.id,
        page=job.page_id,
        state=job.state,
        reason=job.reason,
    )


def log_job_done(
    source: SourceContext,
    job: Job,
    job_images: Sequence[ImageRecord],
    calls: Sequence[Attempt],
    omission: str,
) -> None:
    """Log that the page shows the images of a job, with cost and duration.

    Args:
        omission: End of the log line about omitted properties; empty: none.
    """
    cost = sum(call.cost for call in calls)
    is_included = cost == 0 and any(call.covered for call in calls)
    price = "included" if is_included else format_dollars(cost)
    # The clock may have been set back since the request.
    seconds = max(0.0, (source.app.now() - requested_at(job)).total_seconds())
    provider = job_images[0].provider
    source.log.info(
        "job.done",
        summary=f"'{job.title}' {provider} {price} {format_duration(seconds, 's')} "
        f"(job {job.id}){omission}",
        job=job.id,
        page=job.page_id,
        provider=provider,
        state=JobState.DONE,
        cost_usd=round(cost, 6),
        seconds=round(seconds, 1),
    )


def log_omitted_properties(source: SourceContext, omitted: Sequence[str]) -> None:
    """Log the properties that Notion refused to write, at most once an hour."""
    if not omitted:
        return
    names = ", ".join(f"'{name}'" for name in omitted)
    if source.app.log_state.failures.record_failure(
        f"{source.name} leaves out {names}", source.app.steady_now()
    ):
        source.log.warning(
            "property.refused",
            summary=f"Notion refused to write {names}. postbrush leaves it out",
        )


def log_job_ended(source: SourceContext, job: Job, why: str) -> None:
    """Log that a job failed or was cancelled."""
    write_line = source.log.warning if job.state is JobState.FAILED else source.log.info
    write_line(
        f"job.{job.state}",
        summary=f"'{job.title}': {why} (job {job.id})",
        job=job.id,
        page=job.page_id,
        state=job.state,
    )


def log_breaker_changed(source: SourceContext, before: Breaker, after: Breaker) -> None:
    """Log that a breaker opened or closed between *before* and *after*."""
    if after.state is Position.OPEN and after.generation != before.generation:
        source.app.log_state.open_breakers[after.name] = after.generation
        _log_breaker_opened(source, after)
    elif after.state is Position.CLOSED and before.state is not Position.CLOSED:
        _log_breaker_closed(source, after.name, "serving again")


def log_breaker_reset(source: SourceContext, breaker: Breaker) -> None:
    """Log that a command in another process closed a breaker."""
    # A breaker read before its opening was committed is closed, but not reset.
    opened_generation = source.app.log_state.open_breakers.get(
        breaker.name, breaker.generation
    )
    if breaker.state is Position.CLOSED and breaker.generation > opened_generation:
        _log_breaker_closed(source, breaker.name, "reset, so it is asked again")


def _log_breaker_closed(source: SourceContext, name: str, words: str) -> None:
    source.app.log_state.open_breakers.pop(name, None)
    source.app.log.info("breaker.closed", summary=f"{name}: {words}", provider=name)


def _log_breaker_opened(source: SourceContext, breaker: Breaker) -> None:
    words = describe_breaker(breaker, source.app.now(), source.app.clock.zone)
    fallback = _describe_fallback(source, breaker)
    log = source.app.log
    write_line = log.error if breaker.reason in _LOUD else log.warning
    write_line(
        "breaker.opened",
        summary=f"{breaker.name}: {words}{fallback}",
        provider=breaker.name,
        reason=breaker.reason,
        until=breaker.until.isoformat() if breaker.until else None,
    )


def _describe_fallback(source: SourceContext, breaker: Breaker) -> str:
    """Return the providers used instead; jobs wait for a short pause to end."""
    if breaker.reason in {Outcome.LOADING, Outcome.RATE_LIMITED}:
        return "; jobs wait for it"
    others = [name for name in source.chain if name != breaker.name]
    labels = [
        "the card" if source.providers[name].traits.is_card else name for name in others
    ]
    return f"; meanwhile {', then '.join(labels)}" if labels else ""


def log_budget_thresholds(
    source: SourceContext, provider: str, passed: Sequence[BudgetThreshold]
) -> None:
    """Log budgets that are nearly or completely used up, once per period."""
    for budget in passed:
        event = "budget.reached" if budget.full else "budget.near"
        owner = provider if budget.name == "service" else ""
        source_name = source.name if source.has_own_budget else ""
        key = f"{event} {budget.name} {owner} {source_name} {budget.until:%Y-%m-%d}"
        if key in source.app.log_state.thresholds:
            continue
        source.app.log_state.thresholds.add(key)
        period = f"{owner}'s own month" if owner else f"the {budget.name}"
        when = f"on {format_time(budget.until, source.app.clock.zone)}"
        effect = (
            f"the next image by {provider} fits" if budget.full else "it begins anew"
        )
        source.log.warning(
            event,
            summary=f"{format_cents(budget.spent)} of the "
            f"{format_cents(budget.limit)} for {period} are spent; {effect} {when}",
            budget=f"{budget.name} {owner}".strip(),
            until=budget.until.isoformat(),
        )


def log_provider_still_down(source: SourceContext, breaker: Breaker) -> None:
    """Log that a self-hosted provider failed its health check."""
    words = describe_breaker(breaker, source.app.now(), source.app.clock.zone)
    source.log.debug(
        "provider.away", summary=f"{breaker.name}: {words}", provider=breaker.name
    )


def log_pause_changed(
    source: SourceContext, *, paused: bool, until: datetime | None
) -> None:
    """Log the start and the end of a pause."""
    key = f"paused {source.name}"
    if paused and source.app.log_state.failures.record_failure(
        key, source.app.steady_now()
    ):
        when = f" until {format_time(until, source.app.clock.zone)}" if until else ""
        source.log.info(
            "daemon.paused",
            summary=f"nothing is made{when}; `postbrush resume` ends it",
        )
    elif (
        not paused
        and source.app.log_state.failures.record_recovery(key, source.app.steady_now())
        is not None
    ):
        source.log.info("daemon.resumed", summary="images are made again")


def log_breaker_probe(source: SourceContext, breaker: Breaker) -> None:
    """Log that a half-open breaker admits one job as a probe."""
    source.app.log.info(
        "breaker.half_open",
        summary=f"{breaker.name}: one job asks whether it is back",
        provider=breaker.name,
    )
