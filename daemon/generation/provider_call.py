"""One call of one provider: committed before it is sent, and taken up after a crash."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from daemon.context import SourceContext
from daemon.generation import call_result, provider_selection
from daemon.generation.call_types import (
    NOBODY_ANSWERED,
    AdmittedCall,
    CallResult,
    ImageSpec,
)
from daemon.generation.provider_selection import ChainState, Choice
from daemon.generation.storage_guard import retry_until_stored
from daemon.imaging import files
from daemon.jobs import breaker_store, job_log
from daemon.jobs.budget import OverBudget
from daemon.jobs.chain_input import ChainInput
from daemon.jobs.prompt import truncate_text
from daemon.jobs.retry_policy import format_reasons
from db import attempts, jobs
from db.engine import Tx
from db.models import Attempt
from db.states import JobState
from providers import breaker, breaker_policy
from providers.base import ImageRequest, Provider
from providers.cancellation import JobCancelled, ShuttingDown
from providers.chain import CallProvider, Exhausted
from providers.outcomes import Outcome, ProviderError


async def admit_call(
    flow: SourceContext, subject: ImageSpec, case: ChainInput
) -> AdmittedCall | Choice:
    """Choose whom to ask and commit the attempt, budget and breaker place with it.

    Returns:
        The call to carry out, or what the chain decided instead.

    Raises:
        StaleJobError: The job is not in work any more.
    """
    async with flow.db.write_transaction() as tx:
        # Cancelled meanwhile: nothing more is paid for it.
        if subject.job_id is not None:
            await jobs.require_state(tx, subject.job_id, JobState.GENERATING, flow.who)
        situation = await provider_selection.load_chain_state(tx, flow)
        choice = provider_selection.choose_provider(flow, case, situation)
        if not isinstance(choice, CallProvider):
            return choice
        provider = flow.providers[choice.name]
        generation = await _acquire_breaker(tx, flow, provider, subject, situation)
        charge = provider_selection.cost_of(flow, case, situation, provider.traits)
        if isinstance(charge, OverBudget):
            raise AssertionError(choice.name)  # noqa: TRY004 - decide() has seen to it
        traits = provider.traits
        attempt = await attempts.start_attempt(
            tx,
            source=flow.plan.source,
            page_id=subject.page_id,
            job_id=subject.job_id,
            number=case.number,
            round=case.round,
            provider=traits.name,
            generation=generation,
            price=traits.price(case.megapixels),
            cost=charge.cost,
            covered=charge.covered,
            started_at=situation.now,
            seed=_choose_seed(subject),
            file_name=await _free_file_name(tx, flow, traits.prefix, case.number),
        )
    if charge.cost > 0:
        passed = provider_selection.budget_thresholds_crossed(
            flow, case, situation, traits
        )
        job_log.log_budget_thresholds(flow, traits.name, passed)
    if traits.is_card:
        services = [n for n in case.chain if not flow.providers[n].traits.is_card]
        subject = replace(
            subject,
            card_why=_card_reason(flow, case, situation, services),
            replaceable=any(
                provider_selection.permanently_excluded_reason(case, name) is None
                for name in services
            ),
        )
    return _build_call(provider, attempt, subject)


async def _acquire_breaker(
    tx: Tx,
    flow: SourceContext,
    provider: Provider,
    subject: ImageSpec,
    situation: ChainState,
) -> int:
    """Take the provider's place; return the generation the answer will belong to."""
    traits = provider.traits
    before = situation.breakers[traits.name]
    admitted = breaker.try_acquire(
        before,
        str(subject.job_id or "by hand"),
        situation.now,
        breaker_policy.policy_of(traits),
    )
    if admitted is None:
        raise AssertionError(f"the chain chose {traits.name}, which does not serve")
    opened, is_probe = admitted
    if opened != before:
        await breaker_store.save_breaker(tx, opened)
    if is_probe:
        job_log.log_breaker_probe(flow, opened)
    return opened.generation


def _choose_seed(subject: ImageSpec) -> int:
    if subject.seed is not None:
        return subject.seed
    return random.randrange(2**31)  # noqa: S311 - a seed, not a secret


def _card_reason(
    flow: SourceContext, case: ChainInput, situation: ChainState, services: list[str]
) -> str:
    """Say why no service makes the image; empty when the chain has none."""
    if not services:
        return ""
    without_card = replace(case, chain=services, card_allowed=False)
    choice = provider_selection.choose_provider(flow, without_card, situation)
    if isinstance(choice, Exhausted):
        return format_reasons(with_labels(flow, choice.reasons))
    return f"{flow.providers[choice.name].traits.label} is still loading or too busy"


def with_labels(
    flow: SourceContext, reasons: tuple[tuple[str, str], ...]
) -> list[tuple[str, str]]:
    """Put the names people know in the place of the configuration's."""
    return [(flow.providers[name].traits.label, why) for name, why in reasons]


async def _free_file_name(tx: Tx, flow: SourceContext, prefix: str, number: int) -> str:
    local = flow.now().astimezone(flow.clock.zone)
    stem = files.file_name(prefix, local, number).removesuffix(f"{number}.png")
    taken = await attempts.file_names_with_prefix(tx, stem)
    while True:
        name = files.file_name(prefix, local, number)
        if name not in taken and not flow.store.is_local(name):
            return name
        number += 1


def _build_call(
    provider: Provider, attempt: Attempt, subject: ImageSpec
) -> AdmittedCall:
    prompt, was_cut = truncate_text(subject.prompt, provider.traits.max_prompt)
    order = ImageRequest(
        prompt=prompt,
        words=subject.words,
        width=subject.size.width,
        height=subject.size.height,
        seed=attempt.seed,
    )
    return AdmittedCall(
        attempt=attempt,
        provider=provider,
        order=order,
        subject=subject,
        was_cut=was_cut,
    )


async def send_call(flow: SourceContext, call: AdmittedCall) -> CallResult:
    """Send a committed call, keep its image, and write down how it ended."""

    async def remember(remote: str) -> None:
        async def commit_remote() -> None:
            async with flow.db.write_transaction() as tx:
                await attempts.save_remote_id(tx, call.attempt, remote)

        # It is paid for: what leads to it is not let go.
        await retry_until_stored(flow, commit_remote)

    _log_dropped_options(flow, call)
    try:
        image = await flow.studio.run(
            call.provider,
            call.order,
            now=flow.now(),
            save_remote_id=remember,
            cancellation=flow.cancellation_token(call.attempt.job_id),
        )
    except ShuttingDown:
        return CallResult(outcome=None, interrupted=True)
    except JobCancelled:
        return await _close_cancelled(flow, call.attempt)
    except ProviderError as error:
        return await call_result.record_failure(flow, call, error)
    except asyncio.CancelledError:
        await call_result.record_abort(flow, call)
        raise
    return await call_result.store_image(flow, call, image)


async def _close_cancelled(flow: SourceContext, attempt: Attempt) -> CallResult:
    """The job was cancelled and so was the remote one; some bill that all the same."""
    why = "cancelled there, because its job was"
    await call_result.close_attempt(flow, attempt, Outcome.UNKNOWN, why)
    return CallResult(outcome=Outcome.UNKNOWN, why=why)


def _log_dropped_options(flow: SourceContext, call: AdmittedCall) -> None:
    lost = [*call.provider.dropped_options(call.order)]
    if call.was_cut:
        lost.append(f"prompt cut to {len(call.order.prompt)} characters")
    if lost:
        flow.log.debug(
            "request.options_dropped",
            summary=f"{call.attempt.provider}: {', '.join(lost)}",
            provider=call.attempt.provider,
            job=call.attempt.job_id,
        )


def _with_unknown_card_reason(provider: Provider, subject: ImageSpec) -> ImageSpec:
    """Say of a card what is always true: why it was made is not on record."""
    if not provider.traits.is_card:
        return subject
    return replace(subject, card_why=NOBODY_ANSWERED, replaceable=True)


async def resume_call(
    flow: SourceContext, attempt: Attempt, subject: ImageSpec
) -> CallResult:
    """Ask for the result of a call that was paid for before we died.

    It is asked at least once before any deadline applies; without a remote id, or
    with a provider that is no longer configured, its end stays unknown.
    """
    provider = flow.providers.get(attempt.provider)
    if provider is not None:
        # Its file was there before we died, and the store was away when we began.
        came = _build_call(
            provider, attempt, _with_unknown_card_reason(provider, subject)
        )
        if await retry_until_stored(flow, lambda: call_result.adopt_file(flow, came)):
            return CallResult(outcome=Outcome.IMAGE)
    if provider is None or attempt.remote is None:
        why = "we stopped before the answer came"
        await call_result.close_attempt(flow, attempt, Outcome.UNKNOWN, why)
        return CallResult(outcome=Outcome.UNKNOWN, why=why)
    call = _build_call(provider, attempt, subject)
    late = max(0.0, (flow.now() - attempt.started_at).total_seconds())
    try:
        image = await flow.studio.resume(
            provider,
            attempt.remote,
            left=provider.traits.timeout - late,
            cancellation=flow.cancellation_token(attempt.job_id),
        )
    except ShuttingDown:
        return CallResult(outcome=None, interrupted=True)
    except JobCancelled:
        return await _close_cancelled(flow, attempt)
    except ProviderError as error:
        return await call_result.record_failure(flow, call, error)
    return await call_result.store_image(flow, call, image)
