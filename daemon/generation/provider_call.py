"""One provider call: committed before it is sent, and resumed after a crash."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable
from dataclasses import replace

from daemon.context import AppContext, SourceContext
from daemon.generation import call_result, provider_selection
from daemon.generation.call_result import AdmittedCall, CallResult
from daemon.generation.chain_input import ChainInput, ImageSpec
from daemon.generation.provider_selection import ChainState
from daemon.generation.storage_guard import retry_until_stored
from daemon.imaging import files
from daemon.jobs import breaker_store, job_log
from daemon.jobs.budget import OverBudget
from daemon.jobs.prompt import fit_prompt
from db import attempts, images, jobs
from db.engine import Tx
from db.models import Attempt
from providers.base import GeneratedImage, ImageRequest
from providers.cancellation import JobCancelled, ShuttingDown
from providers.chain import CallProvider, Decision, Exhausted
from providers.outcomes import Outcome, ProviderError
from providers.provider import Provider


async def admit_call(
    source: SourceContext, chain_input: ChainInput
) -> AdmittedCall | Decision:
    """Choose the provider and commit the attempt, its cost and its breaker slot.

    Returns:
        The call to send, or the chain's decision if no call is possible.

    Raises:
        StaleJobError: The job is no longer in `generating`.
    """
    image = chain_input.image
    async with source.app.db.write_transaction() as tx:
        # A job cancelled meanwhile causes no further cost.
        if image.job_id is not None:
            await jobs.require_claim(tx, image.job_id, source.app.instance.id)
        state = await provider_selection.load_chain_state(tx, source)
        choice = provider_selection.choose_provider(source, chain_input, state)
        if not isinstance(choice, CallProvider):
            return choice
        provider = source.providers[choice.name]
        attempt = await _start_attempt(tx, source, provider, chain_input, state)
    if attempt.cost > 0:
        crossed = provider_selection.budget_thresholds_crossed(
            source, chain_input, state, provider
        )
        job_log.log_budget_thresholds(source, attempt.provider, crossed)
    call = _build_call(provider, attempt, image)
    if provider.traits.is_card:
        return _with_card_reason(source, call, chain_input, state)
    return call


async def _start_attempt(
    tx: Tx,
    source: SourceContext,
    provider: Provider,
    chain_input: ChainInput,
    state: ChainState,
) -> Attempt:
    traits, image = provider.traits, chain_input.image
    generation = await breaker_store.acquire_breaker(
        tx,
        source.app,
        provider,
        state.breakers[traits.name],
        owner=breaker_store.probe_owner(image.job_id),
        now=state.now,
    )
    charge = provider_selection.cost_of(source, chain_input, state, provider)
    if isinstance(charge, OverBudget):
        raise AssertionError(traits.name)  # noqa: TRY004 - decide_next() excludes it
    number = chain_input.number
    return await attempts.start_attempt(
        tx,
        source=source.name,
        page_id=image.page_id,
        job_id=image.job_id,
        number=number,
        round=chain_input.round,
        provider=traits.name,
        generation=generation,
        price=provider_selection.reserved_price(provider, image, state.now),
        cost=charge.cost,
        included_cost=charge.included_cost,
        started_at=state.now,
        seed=await _choose_seed(tx, source, provider, chain_input),
        file_name=await _free_file_name(
            tx, source.app, traits.prefix, chain_input.number
        ),
    )


async def _choose_seed(
    tx: Tx, source: SourceContext, provider: Provider, chain_input: ChainInput
) -> int:
    """Return the wanted seed, or a new one: after a card, that of another layout."""
    image = chain_input.image
    if image.seed is not None:
        return (image.seed + chain_input.number - 1) % 2**31
    if provider.traits.is_card and image.job_id is not None:
        for shown in await images.of_page(tx, source.name, image.page_id):
            if shown.is_card and shown.seed is not None:
                return (shown.seed + 1) % 2**31
    return random.randrange(2**31)  # noqa: S311 - not a secret


async def _free_file_name(tx: Tx, app: AppContext, prefix: str, number: int) -> str:
    local = app.now().astimezone(app.clock.zone)
    stem = files.file_name(prefix, local, number).removesuffix(f"{number}.png")
    taken = await attempts.file_names_with_prefix(tx, stem)
    while True:
        name = files.file_name(prefix, local, number)
        if name not in taken and not app.store.is_local(name):
            return name
        number += 1


def _build_call(provider: Provider, attempt: Attempt, image: ImageSpec) -> AdmittedCall:
    limit = provider.traits.max_prompt
    prompt, _ = fit_prompt(image.prompt, image.post_part, limit)
    order = ImageRequest(
        prompt=prompt,
        words=image.words,
        width=image.size.width,
        height=image.size.height,
        seed=attempt.seed,
    )
    return AdmittedCall(attempt=attempt, provider=provider, order=order, image=image)


def _with_card_reason(
    source: SourceContext,
    call: AdmittedCall,
    chain_input: ChainInput,
    state: ChainState,
) -> AdmittedCall:
    """Add to the call of a card why no service of the chain generates the image."""
    services = provider_selection.list_services(source.providers, chain_input.chain)
    # The chain has no image service.
    if not services:
        return call
    without_card = replace(chain_input, chain=services, card_allowed=False)
    choice = provider_selection.choose_provider(source, without_card, state)
    if isinstance(choice, Exhausted):
        why = provider_selection.describe_reasons(source, choice.reasons)
    else:
        label = source.providers[choice.name].traits.label
        why = f"{label} is still loading or at capacity"
    is_replaceable = any(
        provider_selection.permanently_excluded_reason(
            chain_input, source.providers[name]
        )
        is None
        for name in services
    )
    return replace(call, card_why=why, replaceable=is_replaceable)


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

    async def run() -> GeneratedImage:
        try:
            return await source.app.provider_runner.run(
                call.provider,
                call.order,
                now=source.app.now(),
                save_remote_id=save_remote_id,
                cancellation=source.app.signals.cancellation_token(call.attempt.job_id),
            )
        except asyncio.CancelledError:
            why = "postbrush was stopped before the answer came"
            await asyncio.shield(call_result.record_unknown(source, call.attempt, why))
            raise

    _log_dropped_options(source, call)
    return await _record_result(source, call, run())


async def _record_result(
    source: SourceContext, call: AdmittedCall, running: Awaitable[GeneratedImage]
) -> CallResult:
    try:
        image = await running
    except ShuttingDown:
        return CallResult(None)
    except JobCancelled:
        # The provider may charge for it.
        why = "cancelled together with its job"
        return await call_result.record_unknown(source, call.attempt, why)
    except ProviderError as error:
        return await call_result.record_failure(source, call, error)
    return await call_result.store_image(source, call, image)


def _log_dropped_options(source: SourceContext, call: AdmittedCall) -> None:
    dropped = [*call.provider.dropped_options(call.order)]
    if call.order.prompt != call.image.prompt:
        length = len(call.order.prompt)
        dropped.append(f"the end of the post's part ({length} characters)")
    if dropped:
        source.log.debug(
            "request.options_dropped",
            summary=f"{call.attempt.provider}: {', '.join(dropped)}",
            provider=call.attempt.provider,
            job=call.attempt.job_id,
        )


async def adopt_image(
    source: SourceContext, attempt: Attempt, image: ImageSpec
) -> bool:
    """Record the image of an open call whose file already exists, after a crash.

    Returns:
        Whether the file exists and its provider and format still do.

    Raises:
        StoreUnavailableError: The shared store cannot confirm that it has the image.
        NameCollisionError: The shared store has another image of that name.
    """
    provider = source.providers.get(attempt.provider)
    if provider is None or not image.has_size:
        return False
    name, store = attempt.file_name, source.app.store
    try:
        path = await asyncio.to_thread(store.ensure_local, name)
    except FileNotFoundError:
        return False
    data = await asyncio.to_thread(path.read_bytes)
    # The crash may have come before the upload to the shared store.
    await asyncio.to_thread(store.push_to_remote, name, data)
    # The reason of a card is lost with the process that knew it.
    call = replace(
        _build_call(provider, attempt, image),
        card_why="no image service was available",
        replaceable=True,
    )
    await call_result.record_image(source, call, None, data)
    return True


async def resume_call(
    source: SourceContext, attempt: Attempt, image: ImageSpec
) -> CallResult:
    """Fetch the result of a call that was sent before a crash or a stop.

    The provider is called at least once, even after the call's deadline.  The result
    stays unknown without a remote ID or if the provider is no longer configured.
    """
    # Recovery could not check this if the shared store was unavailable.
    if await retry_until_stored(source, lambda: adopt_image(source, attempt, image)):
        return CallResult(Outcome.IMAGE)
    provider = source.providers.get(attempt.provider)
    if provider is None or attempt.remote_id is None:
        return await call_result.record_unknown(source, attempt)
    elapsed = max(0.0, (source.app.now() - attempt.started_at).total_seconds())
    running = source.app.provider_runner.resume(
        provider,
        attempt.remote_id,
        seconds_left=provider.traits.timeout - elapsed,
        cancellation=source.app.signals.cancellation_token(attempt.job_id),
    )
    return await _record_result(source, _build_call(provider, attempt, image), running)
