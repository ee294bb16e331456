"""Log lines about jobs, breakers and budgets, each once per change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from daemon.context import SourceContext, Sources
from daemon.formatting import format_cents, format_dollars, format_duration, format_time
from daemon.jobs import breaker_store
from daemon.jobs.budget import BudgetThreshold
from daemon.jobs.retry_policy import requested_at
from db import queue
from db.models import Attempt, ImageRecord, Job
from db.states import JobState
from providers.outcomes import ProviderError

#: Maximum number of job IDs in a log line.
_NAMED = 5


def log_job_queued(source: SourceContext, job: Job) -> None:
    """Log a new job, once per process."""
    logged = source.app.log_state.jobs
    if job.id in logged:
        return
    logged.add(job.id)
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


async def log_command_changes(sources: Sources, since: datetime) -> None:
    """Log the jobs that commands have queued *since*, and the breakers they reset."""
    async with sources.app.db.read_transaction() as tx:
        queued = await queue.list_jobs(tx, [JobState.QUEUED], limit=500)
        breakers = await breaker_store.load_breakers(tx, sources.first.providers)
    for breaker in breakers.values():
        breaker_store.log_breaker_reset(sources.app, breaker)
    for job in queued:
        if job.created_at >= since:
            log_job_queued(sources.source_of(job.source), job)


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
    is_included = cost == 0 and any(call.included_cost for call in calls)
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
        summary = f"Notion refused to write {names}. postbrush omits it for an hour"
        source.log.warning("property.refused", summary=summary)


def log_job_ended(source: SourceContext, job: Job) -> None:
    """Log that a job failed or was cancelled."""
    write_line = source.log.warning if job.state is JobState.FAILED else source.log.info
    write_line(
        f"job.{job.state}",
        summary=f"'{job.title}': {job.outcome} (job {job.id})",
        job=job.id,
        page=job.page_id,
        state=job.state,
    )


def log_unknown_refusal(
    source: SourceContext, provider: str, error: ProviderError
) -> None:
    """Log a refusal whose words postbrush does not know, at most once an hour."""
    app = source.app
    if not app.log_state.failures.record_failure(
        f"unknown refusal {provider}", app.steady_now()
    ):
        return
    label = source.label_of(provider)
    status = "" if error.status is None else f" (HTTP {error.status})"
    source.log.error(
        "provider.unknown_refusal",
        summary=f"{label} rejected a request for a reason that postbrush does not know"
        f"{status}: '{str(error).rstrip('.')}'. postbrush does not repeat the request "
        "for this post. Please report this line, with the settings of "
        f"[providers.{provider}], where you got postbrush",
        provider=provider,
        status=error.status,
    )


def log_repeated_image(source: SourceContext, provider: str, attempt: Attempt) -> None:
    """Log that a service generated an earlier image of the page again."""
    label = source.label_of(provider)
    source.log.warning(
        "image.repeated",
        summary=f"{label} returned the same image as before, although postbrush asked "
        f"for another seed ({attempt.seed}). The service does not use the seed",
        provider=provider,
        job=attempt.job_id,
        page=attempt.page_id,
    )


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
        effect = f"{provider} can be used again" if budget.full else "The budget renews"
        source.log.warning(
            event,
            summary=f"{format_cents(budget.spent)} of the {format_cents(budget.limit)} "
            f"for {period} have been spent. {effect} {when}",
            budget=f"{budget.name} {owner}".strip(),
            until=budget.until.isoformat(),
        )


def log_pause_changed(
    source: SourceContext, *, paused: bool, until: datetime | None
) -> None:
    """Log the start and the end of a pause."""
    app = source.app
    failures, steady = app.log_state.failures, app.steady_now()
    key = f"paused {source.name}"
    if paused:
        if failures.record_failure(key, steady):
            when = (
                f" until {format_time(until, source.app.clock.zone)}" if until else ""
            )
            summary = (
                f"Image generation is paused{when}. Resume with `postbrush resume`"
            )
            source.log.info("daemon.paused", summary=summary)
    elif failures.record_recovery(key, steady) is not None:
        source.log.info("daemon.resumed", summary="Image generation resumes")


@dataclass(slots=True)
class RefusedUnticks:
    """The ticks that Notion refused to clear since the last log line."""

    _by_cause: dict[tuple[str, str], list[Job]] = field(default_factory=dict)

    def add(self, job: Job, cause: str) -> None:
        """Store a refusal for `log_refusals`."""
        self._by_cause.setdefault((job.source, cause), []).append(job)

    def log_refusals(self, source: SourceContext) -> None:
        """Log and forget the refusals of a source, once no un-tick is in progress."""
        for key in [key for key in self._by_cause if key[0] == source.name]:
            refused = self._by_cause.pop(key)
            single = refused[0] if len(refused) == 1 else None
            source.log.error(
                "untick.refused",
                summary=format_refusal(refused, key[1]),
                job=single.id if single else None,
                page=single.page_id if single else None,
                count=len(refused),
            )


def format_refusal(refused: list[Job], cause: str) -> str:
    """Return one sentence about the ticks refused for one cause.  Pure."""
    if len(refused) == 1:
        (job,) = refused
        return (
            f"'{job.title}': Notion does not let postbrush clear the Regenerate box, "
            f"so no image is generated: {cause} (job {job.id})"
        )
    named = ", ".join(str(job.id) for job in refused[:_NAMED])
    more = ", ..." if len(refused) > _NAMED else ""
    return (
        f"Notion does not let postbrush clear {len(refused)} Regenerate boxes, so no "
        f"images are generated for them: {cause} (jobs {named}{more})"
    )
