"""Records the result of a provider call: image file, attempt row, breaker state."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass

from daemon.config.model import ImagesSection
from daemon.context import SourceContext
from daemon.generation.account_check import check_account_after_refusal
from daemon.generation.chain_input import ImageSpec
from daemon.generation.storage_guard import retry_until_stored
from daemon.imaging import normalize
from daemon.jobs import breaker_store, job_log
from daemon.jobs.lifecycle import reject_if_charged_without_image
from db import attempts, images, jobs
from db.models import Attempt
from db.states import JobState
from providers.base import GeneratedImage, ImageRequest
from providers.breaker import Breaker
from providers.charges import FREE
from providers.outcomes import (
    BlankImageError,
    IdenticalImageError,
    InvalidImageError,
    Outcome,
    ProviderError,
)
from providers.provider import Provider

#: Why a call that was cut off has no answer.
LOST = "postbrush stopped before the answer came"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedCall:
    """A committed attempt, ready to be sent.

    Attributes:
        order: What is sent; its prompt is cut to the provider's limit.
        card_why: Reason of a card; empty if the chain has no image service.
        replaceable: A service may generate the image later, as it was unavailable
            and did not refuse the prompt.
    """

    attempt: Attempt
    provider: Provider
    order: ImageRequest
    image: ImageSpec
    card_why: str = ""
    replaceable: bool = False


@dataclass(frozen=True, slots=True)
class CallResult:
    """How a call ended.

    Attributes:
        outcome: None if a stop interrupted the wait; the restart resumes the call.
    """

    outcome: Outcome | None
    why: str = ""


async def store_image(
    source: SourceContext, call: AdmittedCall, image: GeneratedImage
) -> CallResult:
    """Write an image to the store and to the database, and return the call's result.

    An image that cannot be decoded is recorded as a failure.
    """
    try:
        async with source.app.decoding:
            data = await asyncio.to_thread(
                _encode_image, source.options.images, call, image
            )
    except ProviderError as error:
        return await record_failure(source, call, error)
    if await _is_repeated(source, call, data):
        job_log.log_repeated_image(source, call.attempt.provider, call.attempt)
        if await _may_ask_again(source, call):
            repeated = IdenticalImageError("returned the same image as before")
            return await record_failure(source, call, repeated)
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
    return CallResult(Outcome.IMAGE)


def _encode_image(
    settings: ImagesSection, call: AdmittedCall, image: GeneratedImage
) -> bytes:
    provenance: normalize.Provenance | None = None
    is_card = call.provider.traits.is_card
    if settings.mark_ai:
        provenance = "digitalCreation" if is_card else "trainedAlgorithmicMedia"
    try:
        pixels = normalize.normalize_image(
            image.data, call.image.size, may_be_plain=is_card
        )
    except BlankImageError as error:
        # A server of the owner has no moderation: it does not work.
        if call.provider.traits.is_own_server:
            raise InvalidImageError("sent a blank image") from error
        raise
    return normalize.encode_png(
        pixels,
        provenance=provenance,
        prompt=call.order.prompt if settings.embed_prompt else None,
    )


async def _is_repeated(source: SourceContext, call: AdmittedCall, data: bytes) -> bool:
    """Return True if the page has had this image, although another seed was sent."""
    attempt = call.attempt
    # A card has no seed, and a person may have asked for this one.
    is_chosen = call.provider.traits.is_card or call.image.seed is not None
    if attempt.job_id is None or is_chosen:
        return False
    digest = hashlib.sha256(data).hexdigest()
    async with source.app.db.read_transaction() as tx:
        earlier = await images.of_page(tx, source.name, attempt.page_id)
    return any(
        image.sha256 == digest and image.seed != attempt.seed for image in earlier
    )


async def _may_ask_again(source: SourceContext, call: AdmittedCall) -> bool:
    """Return True for the first repeated image of a service that costs nothing."""
    attempt = call.attempt
    if attempt.price > 0 or attempt.job_id is None:
        return False
    async with source.app.db.read_transaction() as tx:
        calls = await attempts.of_job(tx, attempt.job_id)
    return not any(
        other.provider == attempt.provider
        and other.number == attempt.number
        and other.outcome == Outcome.IDENTICAL
        for other in calls
    )


async def record_image(
    source: SourceContext, call: AdmittedCall, image: GeneratedImage | None, data: bytes
) -> None:
    """Commit an image whose file is stored, the cost of its call and the breaker.

    Args:
        image: None if only the file was found, after a crash.
        data: The PNG of the file.
    """
    attempt, traits = call.attempt, call.provider.traits
    async with source.app.db.write_transaction() as tx:
        now = source.app.now()
        closed = await attempts.end_attempt(
            tx,
            attempt,
            Outcome.IMAGE,
            now=now,
            free=False,
            http_status=None if image is None or traits.is_card else 200,
            price=image.price if image else None,
            seed=image.seed if image else None,
            model=image.model if image else None,
        )
        if not closed:
            return
        await images.add(
            tx,
            source=source.name,
            page_id=attempt.page_id,
            job_id=attempt.job_id,
            attempt_id=attempt.id,
            number=attempt.number,
            provider=traits.name,
            is_card=traits.is_card,
            card_why=call.card_why if traits.is_card else "",
            replaceable=traits.is_card and call.replaceable,
            name=attempt.file_name,
            width=call.order.width,
            height=call.order.height,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            seed=(image.seed if image else None) or attempt.seed,
            model=image.model if image else None,
            prompt="" if traits.is_card else call.order.prompt,
            fingerprint=call.image.fingerprint,
            made_at=now,
        )
        await breaker_store.record_outcome(tx, source, attempt, Outcome.IMAGE)


async def record_failure(
    source: SourceContext, call: AdmittedCall, error: ProviderError
) -> CallResult:
    """Log and record a failed call, and report it to the breaker."""
    attempt, why = call.attempt, str(error)
    # A card says itself why it cannot be rendered.
    is_card = call.provider.traits.is_card
    if error.outcome is Outcome.BAD_REQUEST and not is_card:
        job_log.log_unknown_refusal(source, attempt.provider, error)
    # Logged before its consequences, such as a breaker that opens.
    source.log.warning(
        "provider.failed",
        summary=f"{attempt.provider}: {why}",
        provider=attempt.provider,
        outcome=error.outcome,
        job=attempt.job_id,
        page=attempt.page_id,
        status=error.status,
    )
    opened = await retry_until_stored(
        source, lambda: close_attempt(source, attempt, error.outcome, why, error)
    )
    # Before the job goes on, so that it knows how long the pause will be.
    if opened is not None:
        await check_account_after_refusal(source, attempt.provider, opened.generation)
    return CallResult(error.outcome, why)


async def record_unknown(
    source: SourceContext, attempt: Attempt, why: str = LOST
) -> CallResult:
    """Record a call without an answer; whether it is charged is unknown."""
    await close_attempt(source, attempt, Outcome.UNKNOWN, why)
    return CallResult(Outcome.UNKNOWN, why)


async def close_attempt(
    source: SourceContext,
    attempt: Attempt,
    outcome: Outcome,
    why: str,
    error: ProviderError | None = None,
) -> Breaker | None:
    """End an attempt without an image, in one transaction with its breaker.

    Returns:
        The breaker if the account has to be asked why the call was refused.
    """
    async with source.app.db.write_transaction() as tx:
        closed = await attempts.end_attempt(
            tx,
            attempt,
            outcome,
            now=source.app.now(),
            free=outcome in FREE,
            http_status=error.status if error else None,
            error=why,
            price=error.price if error else None,
        )
        if not closed:
            return None
        opened = await breaker_store.record_outcome(
            tx, source, attempt, outcome, error=error, why=why
        )
        job = await jobs.get(tx, attempt.job_id) if attempt.job_id else None
        # The job was cancelled during the call.
        if job is not None and job.state is JobState.CANCELLED:
            await reject_if_charged_without_image(tx, job)
    return opened
