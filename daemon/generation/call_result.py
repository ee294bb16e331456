"""What a call brought: an image to disk, its end written down, the breaker moved."""

from __future__ import annotations

import asyncio
import hashlib
import random

from daemon.context import SourceContext
from daemon.generation.call_types import AdmittedCall, CallResult
from daemon.generation.storage_guard import retry_until_stored
from daemon.imaging import normalize
from daemon.jobs import breaker_store, job_log
from daemon.jobs.lifecycle import reject_if_charged_without_image
from db import attempts, images, jobs
from db.engine import Tx
from db.models import Attempt
from db.states import JobState
from providers import breaker, breaker_policy
from providers.base import GeneratedImage
from providers.outcomes import FREE, Outcome, ProviderError


async def store_image(
    flow: SourceContext, call: AdmittedCall, image: GeneratedImage
) -> CallResult:
    """Take an image in, write it to disk and to the database."""
    try:
        async with flow.decoding:
            data = await asyncio.to_thread(_encode_image, flow, call, image)
    except ProviderError as error:
        return await record_failure(flow, call, error)
    name = call.attempt.file_name
    await retry_until_stored(
        flow, lambda: asyncio.to_thread(flow.store.save_image, name, data)
    )
    await retry_until_stored(flow, lambda: record_image(flow, call, image, data))
    flow.log.debug(
        "image.saved",
        summary=name,
        provider=call.attempt.provider,
        job=call.attempt.job_id,
        page=call.attempt.page_id,
    )
    return CallResult(outcome=Outcome.IMAGE)


def _encode_image(
    flow: SourceContext, call: AdmittedCall, image: GeneratedImage
) -> bytes:
    provenance: normalize.Provenance | None = None
    if flow.plan.mark_ai:
        drawn = call.provider.traits.is_card
        provenance = "digitalCreation" if drawn else "trainedAlgorithmicMedia"
    return normalize.encode_png(
        normalize.normalize_image(image.data, call.subject.size),
        provenance=provenance,
        prompt=call.order.prompt if flow.plan.embed_prompt else None,
    )


async def record_image(
    flow: SourceContext, call: AdmittedCall, image: GeneratedImage | None, data: bytes
) -> None:
    """Commit an image that is on disk, and what it means for money and breaker.

    Args:
        image: None when only its file was found, after a crash.
    """
    attempt, traits, subject = call.attempt, call.provider.traits, call.subject
    async with flow.db.write_transaction() as tx:
        now = flow.now()
        closed = await attempts.end_attempt(
            tx,
            attempt,
            Outcome.IMAGE,
            now=now,
            free=False,
            http_status=None if image is None or traits.is_card else 200,
            seed=image.seed if image else None,
            model=image.model if image else None,
        )
        if not closed:
            return
        await images.add(
            tx,
            source=flow.plan.source,
            page_id=subject.page_id,
            job_id=subject.job_id,
            attempt_id=attempt.id,
            number=attempt.number,
            provider=traits.name,
            is_card=traits.is_card,
            card_why=subject.card_why if traits.is_card else "",
            replaceable=traits.is_card and subject.replaceable,
            name=attempt.file_name,
            width=subject.size.width,
            height=subject.size.height,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            seed=(image.seed if image else None) or attempt.seed,
            model=image.model if image else None,
            prompt="" if traits.is_card else call.order.prompt,
            fingerprint=subject.fingerprint,
            made_at=now,
        )
        await _report_to_breaker(tx, flow, attempt, Outcome.IMAGE)


async def adopt_file(flow: SourceContext, call: AdmittedCall) -> bool:
    """Record the image of a call whose file is there already, after a crash.

    Returns:
        Whether it was there.

    Raises:
        StoreAwayError: It is not known to be on the store.
    """
    name = call.attempt.file_name
    try:
        path = await asyncio.to_thread(flow.store.ensure_local, name)
    except FileNotFoundError:
        return False
    data = await asyncio.to_thread(path.read_bytes)
    # Linked here, and maybe no more than that.
    await asyncio.to_thread(flow.store.push_to_remote, name, data)
    await record_image(flow, call, None, data)
    return True


async def record_failure(
    flow: SourceContext, call: AdmittedCall, error: ProviderError
) -> CallResult:
    """Write down a call that brought no image, and move the breaker."""
    why = str(error)
    # Said first: what follows from it (a breaker that opens) comes after.
    flow.log.warning(
        "provider.failed",
        summary=f"{call.attempt.provider}: {why}",
        provider=call.attempt.provider,
        outcome=error.outcome,
        job=call.attempt.job_id,
        page=call.attempt.page_id,
        status=error.status,
    )
    await retry_until_stored(
        flow, lambda: close_attempt(flow, call.attempt, error.outcome, why, error)
    )
    return CallResult(outcome=error.outcome, why=why)


async def record_abort(flow: SourceContext, call: AdmittedCall) -> None:
    """Stopped in the middle: whether the service will bill it is not known."""
    why = "cut off by a signal before the answer came"
    await asyncio.shield(close_attempt(flow, call.attempt, Outcome.UNKNOWN, why))


async def close_attempt(
    flow: SourceContext,
    attempt: Attempt,
    outcome: Outcome,
    why: str,
    error: ProviderError | None = None,
) -> None:
    """End an attempt without an image, in one transaction with its breaker."""
    async with flow.db.write_transaction() as tx:
        closed = await attempts.end_attempt(
            tx,
            attempt,
            outcome,
            now=flow.now(),
            free=outcome in FREE,
            http_status=error.status if error else None,
            error=why,
        )
        if closed:
            seconds = error.seconds if error else None
            # A remote job that was lost says nothing of the service.
            told = outcome if error is None or error.moves_breaker else Outcome.UNKNOWN
            await _report_to_breaker(tx, flow, attempt, told, seconds=seconds, why=why)
            job = await jobs.get(tx, attempt.job_id) if attempt.job_id else None
            # Cancelled while it was asked for.
            if job is not None and job.state is JobState.CANCELLED:
                await reject_if_charged_without_image(tx, job)


async def _report_to_breaker(
    tx: Tx,
    flow: SourceContext,
    attempt: Attempt,
    outcome: Outcome,
    *,
    seconds: float | None = None,
    why: str = "",
) -> None:
    """Tell the breaker, say what changed, and wake who waits for this provider."""
    provider = flow.providers.get(attempt.provider)
    if provider is None:
        return
    before = (await breaker_store.load_breakers(tx, flow))[attempt.provider]
    after = breaker.record_outcome(
        before,
        outcome,
        generation=attempt.generation,
        owner=str(attempt.job_id or "by hand"),
        now=flow.now(),
        policy=breaker_policy.policy_of(provider.traits),
        seconds=seconds,
        jitter=random.random(),  # noqa: S311 - spreads requests, keeps no secret
        message=why,
    )
    if after != before:
        await breaker_store.save_breaker(tx, after)
        job_log.log_breaker_changed(flow, before, after)
    woken = await jobs.wake_waiting(tx, attempt.provider, flow.now())
    # After an image the job goes on, and what it does next kicks.
    if woken or after != before or outcome is not Outcome.IMAGE:
        flow.kick.set()
