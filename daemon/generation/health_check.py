"""Checks whether a self-hosted provider is up again before it gets a job."""

from __future__ import annotations

from daemon.context import SourceContext
from daemon.jobs import breaker_store, job_log
from db import jobs
from providers import breaker
from providers.outcomes import (
    ModelLoadingError,
    ProviderError,
    TimedOutError,
    UnavailableError,
)
from providers.provider import Provider


async def check_health(source: SourceContext, name: str) -> None:
    """Send the health check of provider *name*, record its result, wake its jobs.

    The request is free of charge.  Its result moves the breaker.
    """
    provider = source.providers[name]
    is_up = await _is_up(source, provider)
    async with source.app.db.write_transaction() as tx:
        before = (await breaker_store.load_breakers(tx, source))[name]
        after = breaker.record_health_check(
            before,
            answered=is_up,
            now=source.app.now(),
            traits=provider.traits,
        )
        if after != before:
            await breaker_store.save_breaker(tx, after)
        await jobs.wake_waiting(tx, name, source.app.now())
    if not is_up:
        job_log.log_provider_still_down(source, after)
    source.app.signals.kick.set()


async def _is_up(source: SourceContext, provider: Provider) -> bool:
    call = provider.health_check_call()
    if call is None:
        return True
    try:
        provider.raise_for_error(
            await source.app.provider_runner.send_once(call, provider.traits)
        )
    except (UnavailableError, TimedOutError, ModelLoadingError):
        return False
    # Any other error is an answer of a running server; the next job records it.
    except ProviderError:
        return True
    return True
