"""The owner's own server was away: is it up again?  Asked before any job is."""

from __future__ import annotations

from daemon.flow import breakers, tell
from daemon.flow.context import Flow
from db import jobs
from providers import breaker, rests
from providers.base import Provider
from providers.outcomes import (
    LoadingError,
    ProviderError,
    TimedOutError,
    UnavailableError,
)


async def greet(flow: Flow, name: str) -> None:
    """Send the cheap question, move the breaker by its answer, wake who waits."""
    provider = flow.providers[name]
    answered = await _answers(flow, provider)
    async with flow.db.writing() as tx:
        before = (await breakers.load(tx, flow))[name]
        after = breaker.greeted(
            before,
            answered=answered,
            now=flow.now(),
            policy=rests.policy_of(provider.traits),
        )
        if after != before:
            await breakers.save(tx, after)
        await jobs.wake(tx, name, flow.now())
    if not answered:
        tell.say_still_away(flow, after)
    flow.kick.set()


async def _answers(flow: Flow, provider: Provider) -> bool:
    call = provider.greet()
    if call is None:
        return True
    try:
        provider.check(await flow.studio.once(call, provider.traits))
    except (UnavailableError, TimedOutError, LoadingError):
        return False
    # It is up, whatever it thinks of us: the next job will hear it.
    except ProviderError:
        return True
    return True
