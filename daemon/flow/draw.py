"""One call of one provider: committed before it is sent, and its end written down."""

from __future__ import annotations

import asyncio
import hashlib
import random
from dataclasses import dataclass

from daemon.flow import choose, files, picture
from daemon.flow.announce import announce
from daemon.flow.choose import Case, Choice
from daemon.flow.context import Flow
from daemon.flow.formats import Size
from daemon.flow.money import Over, day_start
from daemon.flow.prompt import cut
from daemon.flow.storage import when_there_is_room
from db import attempts, breakers, images, jobs
from db.engine import Tx
from db.records import Attempt
from providers import breaker
from providers.base import (
    FREE,
    Image,
    Order,
    Outcome,
    Provider,
    ProviderError,
)
from providers.chain import Ask
from providers.http import Interrupted


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is to be painted, and for whom.

    Attributes:
        job_id: None for an image by hand.
        card_why: What a card made now stands in for; empty: it was asked for.
    """

    page_id: str
    job_id: int | None
    prompt: str
    words: str
    size: Size
    fingerprint: str
    card_why: str = ""
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A committed attempt, ready to be sent."""

    attempt: Attempt
    provider: Provider
    order: Order
    subject: Subject
    was_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a call ended; `interrupted`: it goes on after a restart."""

    outcome: Outcome | None
    why: str = ""
    interrupted: bool = False


async def begin(flow: Flow, subject: Subject, case: Case) -> Call | Choice:
    """Choose whom to ask and commit the attempt, budget and breaker place with it.

    Returns:
        The call to carry out, or what the chain decided instead.
    """
    async with flow.db.writing() as tx:
        situation = await choose.survey(tx, flow)
        choice = await choose.choose(tx, flow, case, situation)
        if not isinstance(choice, Ask):
            return choice
        provider = flow.providers[choice.name]
        traits = provider.traits
        owner = str(subject.job_id or "by hand")
        admitted = breaker.admit(
            situation.breakers[choice.name],
            owner,
            situation.now,
            breaker.policy_of(traits),
        )
        today = day_start(situation.now, flow.clock.zone)
        page_today = await attempts.calls_for_page_since(tx, case.page_id, today)
        charge = choose.charge(flow, case, situation, traits, page_today)
        if admitted is None or isinstance(charge, Over):
            raise AssertionError(f"the chain chose {choice.name}, which may not serve")
        opened, _ = admitted
        await breakers.save(tx, choose.store(flow.plan.source, opened))
        prompt, was_cut = cut(subject.prompt, traits.max_prompt)
        seed = random.randrange(2**31) if subject.seed is None else subject.seed  # noqa: S311 - a seed, not a secret
        attempt = await attempts.begin(
            tx,
            source=flow.plan.source,
            page_id=subject.page_id,
            job_id=subject.job_id,
            number=case.number,
            round=case.round,
            provider=traits.name,
            generation=opened.generation,
            price=traits.price(case.megapixels),
            cost=charge.cost,
            covered=charge.covered,
            started_at=situation.now,
            seed=seed,
            file_name=await _free_name(tx, flow, traits.prefix, case.number),
        )
    order = Order(
        prompt=prompt,
        words=subject.words,
        width=subject.size.width,
        height=subject.size.height,
        seed=seed,
    )
    return Call(
        attempt=attempt,
        provider=provider,
        order=order,
        subject=subject,
        was_cut=was_cut,
    )


async def _free_name(tx: Tx, flow: Flow, prefix: str, number: int) -> str:
    local = flow.now().astimezone(flow.clock.zone)
    while True:
        name = files.file_name(prefix, local, number)
        taken = await attempts.name_taken(tx, name)
        if not taken and not (flow.images / name).exists():
            return name
        number += 1


async def carry_out(flow: Flow, call: Call) -> Ended:
    """Send a committed call, keep its image, and write down how it ended."""

    async def remember(remote: str) -> None:
        async with flow.db.writing() as tx:
            await attempts.remember_remote(tx, call.attempt, remote)

    try:
        image = await flow.studio.draw(
            call.provider,
            call.order,
            now=flow.now(),
            timeout=call.provider.traits.timeout,
            remember=remember,
            stopping=flow.stopping,
        )
    except Interrupted:
        return Ended(outcome=None, interrupted=True)
    except ProviderError as error:
        return await failed(flow, call, error)
    return await keep(flow, call, image)


async def keep(flow: Flow, call: Call, image: Image) -> Ended:
    """Take an image in, write it to disk and to the database."""
    try:
        async with flow.decoding:
            data = await asyncio.to_thread(_encode, flow, call, image)
    except ProviderError as error:
        return await failed(flow, call, error)
    path = flow.images / call.attempt.file_name
    await when_there_is_room(
        flow, lambda: asyncio.to_thread(files.save_new, flow.images, path.name, data)
    )
    await when_there_is_room(flow, lambda: record(flow, call, image, data))
    flow.log.debug(
        "image.saved",
        summary=path.name,
        provider=call.attempt.provider,
        job=call.attempt.job_id,
        page=call.attempt.page_id,
    )
    return Ended(outcome=Outcome.IMAGE)


def _encode(flow: Flow, call: Call, image: Image) -> bytes:
    taken = picture.take_in(image.data, call.subject.size)
    source = "digitalCreation" if call.provider.traits.is_card else "trainedAlgorithmicMedia"
    return picture.encode_png(
        taken,
        provenance=source if flow.plan.mark_ai else None,
        prompt=call.order.prompt if flow.plan.embed_prompt else None,
    )


async def record(flow: Flow, call: Call, image: Image | None, data: bytes) -> None:
    """Commit an image that is on disk, and what it means for money and breaker."""
    attempt, traits, subject = call.attempt, call.provider.traits, call.subject
    async with flow.db.writing() as tx:
        now = flow.now()
        await attempts.end(
            tx,
            attempt,
            Outcome.IMAGE,
            now=now,
            free=False,
            http_status=None if image is None or traits.is_card else 200,
            seed=image.seed if image else None,
            model=image.model if image else None,
        )
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
            replaceable=traits.is_card and bool(subject.card_why),
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
        await _report(tx, flow, attempt, Outcome.IMAGE, None, "")


async def failed(flow: Flow, call: Call, error: ProviderError) -> Ended:
    """Write down a call that brought no image, and move the breaker."""
    why = str(error)
    await when_there_is_room(
        flow, lambda: close(flow, call.attempt, error.outcome, why, error)
    )
    flow.log.warning(
        "provider.failed",
        summary=f"{call.attempt.provider}: {why}",
        provider=call.attempt.provider,
        outcome=error.outcome,
        job=call.attempt.job_id,
        page=call.attempt.page_id,
        status=error.status,
    )
    return Ended(outcome=error.outcome, why=why)


async def close(
    flow: Flow,
    attempt: Attempt,
    outcome: Outcome,
    why: str,
    error: ProviderError | None = None,
) -> None:
    """End an attempt without an image in one transaction with its breaker."""
    async with flow.db.writing() as tx:
        await attempts.end(
            tx,
            attempt,
            outcome,
            now=flow.now(),
            free=outcome in FREE,
            http_status=error.status if error else None,
            error=why,
        )
        seconds = error.seconds if error else None
        await _report(tx, flow, attempt, outcome, seconds, why)


async def _report(
    tx: Tx,
    flow: Flow,
    attempt: Attempt,
    outcome: Outcome,
    seconds: float | None,
    why: str,
) -> None:
    """Tell the breaker, say what changed, and wake who waits for this provider."""
    stored = await breakers.load(tx, flow.plan.source)
    provider = flow.providers.get(attempt.provider)
    if provider is None or attempt.provider not in stored:
        return
    before = choose.restore(stored[attempt.provider])
    after = breaker.report(
        before,
        outcome,
        generation=attempt.generation,
        owner=str(attempt.job_id or "by hand"),
        now=flow.now(),
        policy=breaker.policy_of(provider.traits),
        seconds=seconds,
        jitter=random.random(),  # noqa: S311 - spreads requests, keeps no secret
        message=why,
    )
    await breakers.save(tx, choose.store(flow.plan.source, after))
    await jobs.wake(tx, attempt.provider, flow.now())
    announce(flow, before, after)
    flow.kick.set()
