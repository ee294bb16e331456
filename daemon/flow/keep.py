"""What a call brought: an image to disk, its end written down, the breaker moved."""

from __future__ import annotations

import asyncio
import hashlib
import random

from daemon.flow import breakers, picture, tell
from daemon.flow.call import Call, Ended
from daemon.flow.context import Flow
from daemon.flow.ending import answer_if_paid_in_vain
from daemon.flow.storage import until_it_works
from db import attempts, images, jobs
from db.engine import Tx
from db.records import Attempt
from db.states import State
from providers import breaker, rests
from providers.base import Image
from providers.outcomes import FREE, Outcome, ProviderError


async def keep(flow: Flow, call: Call, image: Image) -> Ended:
    """Take an image in, write it to disk and to the database."""
    try:
        async with flow.decoding:
            data = await asyncio.to_thread(_encode, flow, call, image)
    except ProviderError as error:
        return await failed(flow, call, error)
    name = call.attempt.file_name
    await until_it_works(flow, lambda: asyncio.to_thread(flow.store.keep, name, data))
    await until_it_works(flow, lambda: record(flow, call, image, data))
    flow.log.debug(
        "image.saved",
        summary=name,
        provider=call.attempt.provider,
        job=call.attempt.job_id,
        page=call.attempt.page_id,
    )
    return Ended(outcome=Outcome.IMAGE)


def _encode(flow: Flow, call: Call, image: Image) -> bytes:
    provenance: picture.Provenance | None = None
    if flow.plan.mark_ai:
        drawn = call.provider.traits.is_card
        provenance = "digitalCreation" if drawn else "trainedAlgorithmicMedia"
    return picture.encode_png(
        picture.take_in(image.data, call.subject.size),
        provenance=provenance,
        prompt=call.order.prompt if flow.plan.embed_prompt else None,
    )


async def record(flow: Flow, call: Call, image: Image | None, data: bytes) -> None:
    """Commit an image that is on disk, and what it means for money and breaker.

    Args:
        image: None when only its file was found, after a crash.
    """
    attempt, traits, subject = call.attempt, call.provider.traits, call.subject
    async with flow.db.writing() as tx:
        now = flow.now()
        closed = await attempts.end(
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
        await _report(tx, flow, attempt, Outcome.IMAGE)


async def found(flow: Flow, call: Call) -> bool:
    """Record the image of a call whose file is there already, after a crash.

    Returns:
        Whether it was there.

    Raises:
        StoreAwayError: It is not known to be on the store.
    """
    name = call.attempt.file_name
    try:
        path = await asyncio.to_thread(flow.store.path, name)
    except FileNotFoundError:
        return False
    data = await asyncio.to_thread(path.read_bytes)
    # Linked here, and maybe no more than that.
    await asyncio.to_thread(flow.store.share, name, data)
    await record(flow, call, None, data)
    return True


async def failed(flow: Flow, call: Call, error: ProviderError) -> Ended:
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
    await until_it_works(
        flow, lambda: close(flow, call.attempt, error.outcome, why, error)
    )
    return Ended(outcome=error.outcome, why=why)


async def cut_off(flow: Flow, call: Call) -> None:
    """Stopped in the middle: whether the service will bill it is not known."""
    why = "cut off by a signal before the answer came"
    await asyncio.shield(close(flow, call.attempt, Outcome.UNKNOWN, why))


async def close(
    flow: Flow,
    attempt: Attempt,
    outcome: Outcome,
    why: str,
    error: ProviderError | None = None,
) -> None:
    """End an attempt without an image, in one transaction with its breaker."""
    async with flow.db.writing() as tx:
        closed = await attempts.end(
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
            await _report(tx, flow, attempt, told, seconds=seconds, why=why)
            job = await jobs.get(tx, attempt.job_id) if attempt.job_id else None
            # Cancelled while it was asked for.
            if job is not None and job.state is State.CANCELLED:
                await answer_if_paid_in_vain(tx, job)


async def _report(
    tx: Tx,
    flow: Flow,
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
    before = (await breakers.load(tx, flow))[attempt.provider]
    after = breaker.report(
        before,
        outcome,
        generation=attempt.generation,
        owner=str(attempt.job_id or "by hand"),
        now=flow.now(),
        policy=rests.policy_of(provider.traits),
        seconds=seconds,
        jitter=random.random(),  # noqa: S311 - spreads requests, keeps no secret
        message=why,
    )
    if after != before:
        await breakers.save(tx, after)
        tell.say_moved(flow, before, after)
    woken = await jobs.wake(tx, attempt.provider, flow.now())
    # After an image the job goes on, and what it does next kicks.
    if woken or after != before or outcome is not Outcome.IMAGE:
        flow.kick.set()
