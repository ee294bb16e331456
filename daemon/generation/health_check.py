"""The owner's own server was away: is it up again?  Asked before any job is."""

from __future__ import annotations

from daemon.context import SourceContext
from daemon.jobs import breaker_store, job_log
from db import jobs
from providers import breaker, breaker_policy
from providers.base import Provider
from providers.outcomes import (
    ModelLoadingError,
    ProviderError,
    TimedOutError,
    UnavailableError,
)


async def check_health(flow: SourceContext, name: str) -> None:
    """Send the cheap question, move the breaker by its answer, wake who waits."""
    provider = flow.providers[name]
    answered = await _is_answering(flow, provider)
    async with flow.db.write_transaction() as tx:
        before = (await breaker_store.load_breakers(tx, flow))[name]
        after = breaker.record_health_check(
            before,
            answered=answered,
            now=flow.now(),
            policy=breaker_policy.policy_of(provider.traits),
        )
        if after != before:
            await breaker_store.save_breaker(tx, after)
        await jobs.wake_waiting(tx, name, flow.now())
    if not answered:
        job_log.log_provider_still_down(flow, after)
    flow.kick.set()


async def _is_answering(flow: SourceContext, provider: Provider) -> bool:
    call = provider.health_check_call()
    if call is None:
        return True
    try:
        provider.raise_for_error(await flow.studio.send_once(call, provider.traits))
    except (UnavailableError, TimedOutError, ModelLoadingError):
        return False
    # It is up, whatever it thinks of us: the next job will hear it.
    except ProviderError:
        return True
    return True
