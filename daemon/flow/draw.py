"""One call of one provider: committed before it is sent, and taken up after a crash."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

from daemon.flow import breakers, choose, files, keep, tell
from daemon.flow.call import NOBODY_ANSWERED, Call, Ended, Subject
from daemon.flow.case import Case
from daemon.flow.choose import Choice, Situation
from daemon.flow.context import Flow
from daemon.flow.money import Over
from daemon.flow.prompt import cut
from daemon.flow.storage import until_it_works
from daemon.flow.verdict import in_words
from db import attempts, jobs
from db.engine import Tx
from db.records import Attempt
from db.states import State
from providers import breaker, rests
from providers.base import Order, Provider
from providers.chain import Ask, Spent
from providers.leave import Interrupted, Withdrawn
from providers.outcomes import Outcome, ProviderError


async def begin(flow: Flow, subject: Subject, case: Case) -> Call | Choice:
    """Choose whom to ask and commit the attempt, budget and breaker place with it.

    Returns:
        The call to carry out, or what the chain decided instead.

    Raises:
        MovedElsewhereError: The job is not in work any more.
    """
    async with flow.db.writing() as tx:
        # Cancelled meanwhile: nothing more is paid for it.
        if subject.job_id is not None:
            await jobs.require(tx, subject.job_id, State.GENERATING, flow.who)
        situation = await choose.survey(tx, flow)
        choice = choose.choose(flow, case, situation)
        if not isinstance(choice, Ask):
            return choice
        provider = flow.providers[choice.name]
        generation = await _admit(tx, flow, provider, subject, situation)
        charge = choose.charge(flow, case, situation, provider.traits)
        if isinstance(charge, Over):
            raise AssertionError(choice.name)  # noqa: TRY004 - decide() has seen to it
        traits = provider.traits
        attempt = await attempts.begin(
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
            seed=_seed(subject),
            file_name=await _free_name(tx, flow, traits.prefix, case.number),
        )
    if charge.cost > 0:
        passed = choose.budget_marks(flow, case, situation, traits)
        tell.say_budgets(flow, traits.name, passed)
    if traits.is_card:
        services = [n for n in case.chain if not flow.providers[n].traits.is_card]
        subject = replace(
            subject,
            card_why=_stands_in_for(flow, case, situation, services),
            replaceable=any(choose.never(case, name) is None for name in services),
        )
    return _call(provider, attempt, subject)


async def _admit(
    tx: Tx, flow: Flow, provider: Provider, subject: Subject, situation: Situation
) -> int:
    """Take the provider's place; return the generation the answer will belong to."""
    traits = provider.traits
    before = situation.breakers[traits.name]
    admitted = breaker.admit(
        before,
        str(subject.job_id or "by hand"),
        situation.now,
        rests.policy_of(traits),
    )
    if admitted is None:
        raise AssertionError(f"the chain chose {traits.name}, which does not serve")
    opened, is_probe = admitted
    if opened != before:
        await breakers.save(tx, opened)
    if is_probe:
        tell.say_probe(flow, opened)
    return opened.generation


def _seed(subject: Subject) -> int:
    if subject.seed is not None:
        return subject.seed
    return random.randrange(2**31)  # noqa: S311 - a seed, not a secret


def _stands_in_for(
    flow: Flow, case: Case, situation: Situation, services: list[str]
) -> str:
    """Say why no service makes the image; empty when the chain has none."""
    if not services:
        return ""
    without_card = replace(case, chain=services, card_allowed=False)
    choice = choose.choose(flow, without_card, situation)
    if isinstance(choice, Spent):
        return in_words(with_labels(flow, choice.reasons))
    return f"{flow.providers[choice.name].traits.label} is still loading or too busy"


def with_labels(
    flow: Flow, reasons: tuple[tuple[str, str], ...]
) -> list[tuple[str, str]]:
    """Put the names people know in the place of the configuration's."""
    return [(flow.providers[name].traits.label, why) for name, why in reasons]


async def _free_name(tx: Tx, flow: Flow, prefix: str, number: int) -> str:
    local = flow.now().astimezone(flow.clock.zone)
    stem = files.file_name(prefix, local, number).removesuffix(f"{number}.png")
    taken = await attempts.names_from(tx, stem)
    while True:
        name = files.file_name(prefix, local, number)
        if name not in taken and not flow.store.is_here(name):
            return name
        number += 1


def _call(provider: Provider, attempt: Attempt, subject: Subject) -> Call:
    prompt, was_cut = cut(subject.prompt, provider.traits.max_prompt)
    order = Order(
        prompt=prompt,
        words=subject.words,
        width=subject.size.width,
        height=subject.size.height,
        seed=attempt.seed,
    )
    return Call(
        attempt=attempt,
        provider=provider,
        order=order,
        subject=subject,
        was_cut=was_cut,
    )


async def carry_out(flow: Flow, call: Call) -> Ended:
    """Send a committed call, keep its image, and write down how it ended."""

    async def remember(remote: str) -> None:
        async def commit_remote() -> None:
            async with flow.db.writing() as tx:
                await attempts.remember_remote(tx, call.attempt, remote)

        # It is paid for: what leads to it is not let go.
        await until_it_works(flow, commit_remote)

    _say_what_is_lost(flow, call)
    try:
        image = await flow.studio.draw(
            call.provider,
            call.order,
            now=flow.now(),
            remember=remember,
            leave=flow.leave(call.attempt.job_id),
        )
    except Interrupted:
        return Ended(outcome=None, interrupted=True)
    except Withdrawn:
        return await _withdrawn(flow, call.attempt)
    except ProviderError as error:
        return await keep.failed(flow, call, error)
    except asyncio.CancelledError:
        await keep.cut_off(flow, call)
        raise
    return await keep.keep(flow, call, image)


async def _withdrawn(flow: Flow, attempt: Attempt) -> Ended:
    """The job was cancelled and so was the remote one; some bill that all the same."""
    why = "cancelled there, because its job was"
    await keep.close(flow, attempt, Outcome.UNKNOWN, why)
    return Ended(outcome=Outcome.UNKNOWN, why=why)


def _say_what_is_lost(flow: Flow, call: Call) -> None:
    lost = [*call.provider.dropped(call.order)]
    if call.was_cut:
        lost.append(f"prompt cut to {len(call.order.prompt)} characters")
    if lost:
        flow.log.debug(
            "order.trimmed",
            summary=f"{call.attempt.provider}: {', '.join(lost)}",
            provider=call.attempt.provider,
            job=call.attempt.job_id,
        )


def _of_old(provider: Provider, subject: Subject) -> Subject:
    """Say of a card what is always true: why it was made is not on record."""
    if not provider.traits.is_card:
        return subject
    return replace(subject, card_why=NOBODY_ANSWERED, replaceable=True)


async def take_up(flow: Flow, attempt: Attempt, subject: Subject) -> Ended:
    """Ask for the result of a call that was paid for before we died.

    It is asked at least once before any deadline applies; without a remote id, or
    with a provider that is no longer configured, its end stays unknown.
    """
    provider = flow.providers.get(attempt.provider)
    if provider is not None:
        # Its file was there before we died, and the store was away when we began.
        came = _call(provider, attempt, _of_old(provider, subject))
        if await until_it_works(flow, lambda: keep.found(flow, came)):
            return Ended(outcome=Outcome.IMAGE)
    if provider is None or attempt.remote is None:
        why = "we stopped before the answer came"
        await keep.close(flow, attempt, Outcome.UNKNOWN, why)
        return Ended(outcome=Outcome.UNKNOWN, why=why)
    call = _call(provider, attempt, subject)
    late = max(0.0, (flow.now() - attempt.started_at).total_seconds())
    try:
        image = await flow.studio.resume(
            provider,
            attempt.remote,
            left=provider.traits.timeout - late,
            leave=flow.leave(attempt.job_id),
        )
    except Interrupted:
        return Ended(outcome=None, interrupted=True)
    except Withdrawn:
        return await _withdrawn(flow, attempt)
    except ProviderError as error:
        return await keep.failed(flow, call, error)
    return await keep.keep(flow, call, image)
