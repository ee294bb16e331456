"""Records the result of a provider call: image file, attempt row, breaker state."""

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
from providers import breaker
from providers.base import GeneratedImage
from providers.outcomes import FREE, Outcome, ProviderError


async def store_image(
    source: SourceContext, call: AdmittedCall, image: GeneratedImage
) -> CallResult:
    """Write an image to the store and to the database, and return the call's result.

    An image that cannot be decoded is recorded as a failure.
    """
    try:
        async with source.app.decoding:
            data = await asyncio.to_thread(_encode_image, source, call, image)
    except ProviderError as error:
        return await record_failure(source, call, error)
    name = call.attempt.file_name
    await retry_until_stored(
        source, lambda: asyncio.to_thread(source.app.store.save_image, name, data)
    )
    await retry_until_stored(source, lambda: record_image(source, call, image, data))
    source.log.debug(
        "image.saved",
        summary=name,
        provider=call.attempt.provider,
        job=call.attempt.job_id,
        page=call.attempt.page_id,
    )
    return CallResult(outcome=Outcome.IMAGE)


def _encode_image(
    source: SourceContext, call: AdmittedCall, image: GeneratedImage
) -> bytes:
    provenance: normalize.Provenance | None = None
    if source.options.images.mark_ai:
        is_card = call.provider.traits.is_card
        provenance = "digitalCreation" if is_card else "trainedAlgorithmicMedia"
    return normalize.encode_png(
        normalize.normalize_image(image.data, call.spec.size),
        provenance=provenance,
        prompt=call.order.prompt if source.options.images.embed_prompt else None,
    )


async def record_image(
    source: SourceContext, call: AdmittedCall, image: GeneratedImage | None, data: bytes
) -> None:
    """Commit an image whose file is stored, the cost of its call and the breaker.

    Args:
        image: None if only the file was found, after a crash.
        data: The PNG of the file.
    """
    attempt, traits, spec = call.attempt, call.provider.traits, call.spec
    async with source.app.db.write_transaction() as tx:
        now = source.app.now()
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
            source=source.name,
            page_id=spec.page_id,
            job_id=spec.job_id,
            attempt_id=attempt.id,
            number=attempt.number,
            provider=traits.name,
            is_card=traits.is_card,
            card_why=spec.card_why if traits.is_card else "",
            replaceable=traits.is_card and spec.replaceable,
            name=attempt.file_name,
            width=spec.size.width,
            height=spec.size.height,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            seed=(image.seed if image else None) or attempt.seed,
            model=image.model if image else None,
            prompt="" if traits.is_card else call.order.prompt,
            fingerprint=spec.fingerprint,
            made_at=now,
        )
        await _report_to_breaker(tx, source, attempt, Outcome.IMAGE)


async def adopt_file(source: SourceContext, call: AdmittedCall) -> bool:
    """Record the image of an open call whose file already exists, after a crash.

    Returns:
        Whether the file exists.

    Raises:
        StoreUnavailableError: The shared store cannot confirm that it has the image.
        NameCollisionError: The shared store has another image of that name.
    """
    name = call.attempt.file_name
    try:
        path = await asyncio.to_thread(source.app.store.ensure_local, name)
    except FileNotFoundError:
        return False
    data = await asyncio.to_thread(path.read_bytes)
    # The crash may have come before the upload to the shared store.
    await asyncio.to_thread(source.app.store.push_to_remote, name, data)
    await record_image(source, call, None, data)
    return True


async def record_failure(
    source: SourceContext, call: AdmittedCall, error: ProviderError
) -> CallResult:
    """Log and record a failed call, and report it to the breaker."""
    why = str(error)
    # Logged before its consequences, such as a breaker that opens.
    source.log.warning(
        "provider.failed",
        summary=f"{call.attempt.provider}: {why}",
        provider=call.attempt.provider,
        outcome=error.outcome,
        job=call.attempt.job_id,
        page=call.attempt.page_id,
        status=error.status,
    )
    await retry_until_stored(
        source, lambda: close_attempt(source, call.attempt, error.outcome, why, error)
    )
    return CallResult(outcome=error.outcome, why=why)


async def record_abort(source: SourceContext, call: AdmittedCall) -> None:
    """Record a call cut off by a signal; whether it is charged is unknown."""
    why = "cut off by a signal before the answer came"
    await asyncio.shield(close_attempt(source, call.attempt, Outcome.UNKNOWN, why))


async def close_attempt(
    source: SourceContext,
    attempt: Attempt,
    outcome: Outcome,
    why: str,
    error: ProviderError | None = None,
) -> None:
    """End an attempt without an image, in one transaction with its breaker."""
    async with source.app.db.write_transaction() as tx:
        closed = await attempts.end_attempt(
            tx,
            attempt,
            outcome,
            now=source.app.now(),
            free=outcome in FREE,
            http_status=error.status if error else None,
            error=why,
        )
        if closed:
            seconds = error.seconds if error else None
            # A lost remote job says nothing about the provider.
            reported = (
                outcome if error is None or error.moves_breaker else Outcome.UNKNOWN
            )
            await _report_to_breaker(
                tx, source, attempt, reported, seconds=seconds, why=why
            )
            job = await jobs.get(tx, attempt.job_id) if attempt.job_id else None
            # The job was cancelled during the call.
            if job is not None and job.state is JobState.CANCELLED:
                await reject_if_charged_without_image(tx, job)


async def _report_to_breaker(
    tx: Tx,
    source: SourceContext,
    attempt: Attempt,
    outcome: Outcome,
    *,
    seconds: float | None = None,
    why: str = "",
) -> None:
    """Record an outcome in the breaker, log its change, wake the waiting jobs."""
    provider = source.providers.get(attempt.provider)
    if provider is None:
        return
    before = (await breaker_store.load_breakers(tx, source))[attempt.provider]
    after = breaker.record_outcome(
        before,
        outcome,
        generation=attempt.generation,
        owner=str(attempt.job_id or "by hand"),
        now=source.app.now(),
        traits=provider.traits,
        seconds=seconds,
        jitter=random.random(),  # noqa: S311 - spreads requests, keeps no secret
        message=why,
    )
    if after != before:
        await breaker_store.save_breaker(tx, after)
        job_log.log_breaker_changed(source, before, after)
    woken = await jobs.wake_waiting(tx, attempt.provider, source.app.now())
    # After an image, the next step of the job sets `kick`.
    if woken or after != before or outcome is not Outcome.IMAGE:
        source.app.signals.kick.set()
