"""One provider call: committed before it is sent, and resumed after a crash."""

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
from providers import breaker
from providers.base import ImageRequest
from providers.chain import CallProvider, Exhausted
from providers.outcomes import Outcome, ProviderError
from providers.provider import Provider
from providers.runner import JobCancelled, ShuttingDown


async def admit_call(
    source: SourceContext, spec: ImageSpec, chain_input: ChainInput
) -> AdmittedCall | Choice:
    """Choose the provider and commit the attempt, its cost and its breaker slot.

    Returns:
        The call to send, or the chain's decision if no call is possible.

    Raises:
        StaleJobError: The job is no longer in `generating`.
    """
    async with source.app.db.write_transaction() as tx:
        # A job cancelled meanwhile causes no further cost.
        if spec.job_id is not None:
            await jobs.require_state(
                tx, spec.job_id, JobState.GENERATING, source.app.instance.id
            )
        state = await provider_selection.load_chain_state(tx, source)
        choice = provider_selection.choose_provider(source, chain_input, state)
        if not isinstance(choice, CallProvider):
            return choice
        provider = source.providers[choice.name]
        generation = await _acquire_breaker(tx, source, provider, spec, state)
        charge = provider_selection.cost_of(source, chain_input, state, provider.traits)
        if isinstance(charge, OverBudget):
            raise AssertionError(choice.name)  # noqa: TRY004 - decide_next() excludes it
        traits = provider.traits
        attempt = await attempts.start_attempt(
            tx,
            source=source.name,
            page_id=spec.page_id,
            job_id=spec.job_id,
            number=chain_input.number,
            round=chain_input.round,
            provider=traits.name,
            generation=generation,
            price=traits.price(chain_input.megapixels),
            cost=charge.cost,
            covered=charge.covered,
            started_at=state.now,
            seed=random.randrange(2**31) if spec.seed is None else spec.seed,  # noqa: S311 - not a secret
            file_name=await _free_file_name(
                tx, source, traits.prefix, chain_input.number
            ),
        )
    if charge.cost > 0:
        crossed = provider_selection.budget_thresholds_crossed(
            source, chain_input, state, traits
        )
        job_log.log_budget_thresholds(source, traits.name, crossed)
    if traits.is_card:
        services = [
            name
            for name in chain_input.chain
            if not source.providers[name].traits.is_card
        ]
        spec = replace(
            spec,
            card_why=_card_reason(source, chain_input, state, services),
            replaceable=any(
                provider_selection.permanently_excluded_reason(chain_input, name)
                is None
                for name in services
            ),
        )
    return _build_call(provider, attempt, spec)


async def _acquire_breaker(
    tx: Tx,
    source: SourceContext,
    provider: Provider,
    spec: ImageSpec,
    state: ChainState,
) -> int:
    """Acquire the provider's breaker; return the breaker generation of the call."""
    traits = provider.traits
    before = state.breakers[traits.name]
    acquired = breaker.try_acquire(
        before,
        str(spec.job_id or "by hand"),
        state.now,
        traits,
    )
    if acquired is None:
        raise AssertionError(f"the chain chose {traits.name}, which does not serve")
    after, is_probe = acquired
    if after != before:
        await breaker_store.save_breaker(tx, after)
    if is_probe:
        job_log.log_breaker_probe(source, after)
    return after.generation


def _card_reason(
    source: SourceContext,
    chain_input: ChainInput,
    state: ChainState,
    services: list[str],
) -> str:
    """Return why no image service can generate; empty if the chain has none."""
    if not services:
        return ""
    without_card = replace(chain_input, chain=services, card_allowed=False)
    choice = provider_selection.choose_provider(source, without_card, state)
    if isinstance(choice, Exhausted):
        return format_reasons(with_labels(source, choice.reasons))
    return f"{source.providers[choice.name].traits.label} is still loading or too busy"


def with_labels(
    source: SourceContext, reasons: tuple[tuple[str, str], ...]
) -> list[tuple[str, str]]:
    """Replace the provider names of (name, reason) pairs by their labels."""
    return [(source.providers[name].traits.label, why) for name, why in reasons]


async def _free_file_name(
    tx: Tx, source: SourceContext, prefix: str, number: int
) -> str:
    local = source.app.now().astimezone(source.app.clock.zone)
    stem = files.file_name(prefix, local, number).removesuffix(f"{number}.png")
    taken = await attempts.file_names_with_prefix(tx, stem)
    while True:
        name = files.file_name(prefix, local, number)
        if name not in taken and not source.app.store.is_local(name):
            return name
        number += 1


def _build_call(provider: Provider, attempt: Attempt, spec: ImageSpec) -> AdmittedCall:
    prompt, was_cut = truncate_text(spec.prompt, provider.traits.max_prompt)
    order = ImageRequest(
        prompt=prompt,
        words=spec.words,
        width=spec.size.width,
        height=spec.size.height,
        seed=attempt.seed,
    )
    return AdmittedCall(
        attempt=attempt,
        provider=provider,
        order=order,
        spec=spec,
        was_cut=was_cut,
    )


async def send_call(source: SourceContext, call: AdmittedCall) -> CallResult:
    """Send a committed call; store its image and record its result.

    Raises:
        CancelledError: A signal cut the call off; this is recorded.
    """

    async def save_remote_id(remote_id: str) -> None:
        async def commit_remote_id() -> None:
            async with source.app.db.write_transaction() as tx:
                await attempts.save_remote_id(tx, call.attempt, remote_id)

        # The remote job is paid for, and only its ID leads to the image.
        await retry_until_stored(source, commit_remote_id)

    _log_dropped_options(source, call)
    try:
        image = await source.app.provider_runner.run(
            call.provider,
            call.order,
            now=source.app.now(),
            save_remote_id=save_remote_id,
            cancellation=source.app.signals.cancellation_token(call.attempt.job_id),
        )
    except ShuttingDown:
        return CallResult(outcome=None, interrupted=True)
    except JobCancelled:
        return await _close_cancelled(source, call.attempt)
    except ProviderError as error:
        return await call_result.record_failure(source, call, error)
    except asyncio.CancelledError:
        await call_result.record_abort(source, call)
        raise
    return await call_result.store_image(source, call, image)


async def _close_cancelled(source: SourceContext, attempt: Attempt) -> CallResult:
    """Record a call whose job was cancelled; the provider may charge for it."""
    why = "cancelled there, because its job was"
    await call_result.close_attempt(source, attempt, Outcome.UNKNOWN, why)
    return CallResult(outcome=Outcome.UNKNOWN, why=why)


def _log_dropped_options(source: SourceContext, call: AdmittedCall) -> None:
    dropped = [*call.provider.dropped_options(call.order)]
    if call.was_cut:
        dropped.append(f"prompt cut to {len(call.order.prompt)} characters")
    if dropped:
        source.log.debug(
            "request.options_dropped",
            summary=f"{call.attempt.provider}: {', '.join(dropped)}",
            provider=call.attempt.provider,
            job=call.attempt.job_id,
        )


async def resume_call(
    source: SourceContext, attempt: Attempt, spec: ImageSpec
) -> CallResult:
    """Fetch the result of a call that was sent before a crash or a stop.

    The provider is called at least once, even after the call's deadline.  The result
    stays unknown without a remote ID or if the provider is no longer configured.
    """
    provider = source.providers.get(attempt.provider)
    if provider is not None:
        # Recovery could not check this if the shared store was unavailable.
        call_with_file = _build_call(
            provider,
            attempt,
            replace(spec, card_why=NOBODY_ANSWERED, replaceable=True),
        )
        if await retry_until_stored(
            source, lambda: call_result.adopt_file(source, call_with_file)
        ):
            return CallResult(outcome=Outcome.IMAGE)
    if provider is None or attempt.remote is None:
        why = "we stopped before the answer came"
        await call_result.close_attempt(source, attempt, Outcome.UNKNOWN, why)
        return CallResult(outcome=Outcome.UNKNOWN, why=why)
    call = _build_call(provider, attempt, spec)
    elapsed = max(0.0, (source.app.now() - attempt.started_at).total_seconds())
    try:
        image = await source.app.provider_runner.resume(
            provider,
            attempt.remote,
            seconds_left=provider.traits.timeout - elapsed,
            cancellation=source.app.signals.cancellation_token(attempt.job_id),
        )
    except ShuttingDown:
        return CallResult(outcome=None, interrupted=True)
    except JobCancelled:
        return await _close_cancelled(source, attempt)
    except ProviderError as error:
        return await call_result.record_failure(source, call, error)
    return await call_result.store_image(source, call, image)
