"""One call of a prompt writer: committed before it is sent, then settled."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass

from daemon.context import SourceContext
from daemon.generation.call_result import LOST
from daemon.generation.provider_selection import ChainState
from daemon.jobs import breaker_store
from daemon.jobs.budget import AmountSpent, Charge, OverBudget, Pricing, check_budget
from db import attempts
from db.engine import Tx
from db.models import Attempt, Job
from providers import breaker
from providers.breaker_text import describe_breaker
from providers.outcomes import Outcome, ProviderError
from providers.writers.base import WritingTask
from providers.writers.chat import PromptWriter
from providers.writers.runner import WritingResult, write_prompt


@dataclass(frozen=True, slots=True)
class AdmittedWriting:
    """A committed call of a writer, ready to be sent."""

    writer: PromptWriter
    task: WritingTask
    attempt: Attempt


async def admit_writing(
    tx: Tx,
    source: SourceContext,
    task: WritingTask,
    state: ChainState,
    *,
    job: Job | None = None,
    page_id: str = "",
) -> AdmittedWriting | str:
    """Choose the writer, and store its call before it is sent.

    Args:
        job: None for a command.

    Returns:
        The call, or why no writer can be asked.
    """
    reasons: list[str] = []
    for name in source.writer_names:
        writer = source.writers[name]
        charge = _check_cost(source, state, writer, task)
        before = state.breakers[name]
        owner = breaker_store.probe_owner(job.id if job else None)
        # The writer's service is paused.
        if breaker.try_acquire(before, owner, state.now, writer.traits) is None:
            words = describe_breaker(before, state.now, source.app.clock.zone)
            reasons.append(f"{writer.traits.label}: {words}")
            continue
        # The call would exceed a budget.
        if isinstance(charge, OverBudget):
            reasons.append(f"{writer.traits.label}: {charge.why}")
            continue
        generation = await breaker_store.acquire_breaker(
            tx, source.app, writer, before, owner=owner, now=state.now
        )
        attempt = await attempts.start_attempt(
            tx,
            source=source.name,
            page_id=job.page_id if job else page_id,
            job_id=job.id if job else None,
            number=0,
            round=job.rounds if job else 0,
            provider=name,
            model=writer.model or None,
            generation=generation,
            price=writer.reserved_price(task),
            cost=charge.cost,
            included_cost=charge.included_cost,
            started_at=state.now,
            seed=0,
            file_name=f"prompt {secrets.token_hex(8)}",
        )
        return AdmittedWriting(writer, task, attempt)
    return "; ".join(reasons) or "no prompt writer is configured"


def _check_cost(
    source: SourceContext, state: ChainState, writer: PromptWriter, task: WritingTask
) -> Charge | OverBudget:
    allowance = state.allowances[writer.traits.name]
    return check_budget(
        Pricing(
            price=writer.reserved_price(task),
            included=allowance.included,
            included_per=allowance.per,
            monthly_budget=None,
            renews_at=allowance.resets_at,
        ),
        AmountSpent(
            month=state.spending.month.cost,
            day=state.spending.day.cost,
            provider=0.0,
            included_cost=allowance.used,
            # It is no image, of which a post may have so many a day.
            page_today=0,
        ),
        source.options.budget,
        state.now,
        source.app.clock.zone,
        free_only=source.options.free_only,
    )


async def send_writing(
    source: SourceContext, admitted: AdmittedWriting
) -> WritingResult | ProviderError:
    """Send a committed call, and log a failure once per cause and hour.

    Raises:
        CancelledError: A signal cut the call off; this is recorded.
    """
    app = source.app
    try:
        result = await write_prompt(
            admitted.writer, admitted.task, app.provider_runner, now=app.now()
        )
    except asyncio.CancelledError:
        await asyncio.shield(_record_lost(source, admitted))
        raise
    except ProviderError as error:
        _log_failure(source, admitted, error)
        return error
    _log_recovery(source, admitted.writer)
    return result


def _log_failure(
    source: SourceContext, admitted: AdmittedWriting, error: ProviderError
) -> None:
    traits, attempt, app = admitted.writer.traits, admitted.attempt, source.app
    key = f"writer {traits.name} {error.outcome}"
    if not app.log_state.failures.record_failure(key, app.steady_now()):
        return
    source.log.warning(
        "writer.failed",
        summary=f"{traits.label} wrote no prompt: {str(error).rstrip('.')}. Meanwhile "
        "postbrush builds prompts from the posts",
        provider=traits.name,
        outcome=error.outcome,
        job=attempt.job_id,
        page=attempt.page_id or None,
        status=error.status,
    )


def _log_recovery(source: SourceContext, writer: PromptWriter) -> None:
    failures, name = source.app.log_state.failures, writer.traits.name
    keys = [key for key in failures.open if key.startswith(f"writer {name} ")]
    for key in keys:
        failures.record_recovery(key, source.app.steady_now())
    if keys:
        summary = f"{writer.traits.label} writes prompts again"
        source.log.info("writer.recovered", summary=summary, provider=name)


async def _record_lost(source: SourceContext, admitted: AdmittedWriting) -> None:
    async with source.app.db.write_transaction() as tx:
        await record_answer(tx, source, admitted, None)


async def record_answer(
    tx: Tx,
    source: SourceContext,
    admitted: AdmittedWriting,
    answer: WritingResult | ProviderError | None,
) -> None:
    """Settle a call to what it cost, and report it to the writer's breaker.

    Args:
        answer: None if the call was cut off; it counts in full.
    """
    error = answer if isinstance(answer, ProviderError) else None
    result = answer if isinstance(answer, WritingResult) else None
    outcome, why = (Outcome.TEXT, "") if result else (Outcome.UNKNOWN, LOST)
    if error is not None:
        outcome, why = error.outcome, str(error)
    attempt = admitted.attempt
    closed = await attempts.end_attempt(
        tx,
        attempt,
        outcome,
        now=source.app.now(),
        # An error says itself what was spent: a repair follows a paid answer.
        free=False,
        http_status=error.status if error else None,
        error=why,
        price=result.cost if result else error.price if error else None,
        model=result.model if result else None,
    )
    if closed:
        await breaker_store.record_outcome(
            tx, source, attempt, outcome, error=error, why=why
        )
