"""Loads, moves and saves the circuit breakers, and logs each change once."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime

from daemon.context import AppContext, SourceContext
from daemon.formatting import format_service
from db import jobs, source_state
from db.engine import Tx
from db.models import Attempt, BreakerRecord
from providers import breaker
from providers.base import ProviderTraits
from providers.breaker import Breaker, BreakerState
from providers.breaker_text import describe_breaker
from providers.outcomes import (
    ModelLoadingError,
    Outcome,
    ProviderError,
    TimedOutError,
    UnavailableError,
)
from providers.provider import Provider

_FIELDS = tuple(field.name for field in fields(Breaker))
#: Outcomes that only a person can fix, logged as errors.
_LOUD = frozenset({Outcome.UNAUTHORIZED, Outcome.NOT_FOUND, Outcome.REGION_BLOCKED})


async def load_breakers(tx: Tx, names: Iterable[str]) -> dict[str, Breaker]:
    """Return the breakers of providers, by provider name."""
    stored = await source_state.load_breakers(tx)
    return {
        name: breaker_from_record(stored[name])
        if name in stored
        else Breaker(name=name)
        for name in names
    }


async def save_breaker(tx: Tx, breaker: Breaker) -> None:
    """Store a breaker, in the transaction that loaded it."""
    values = {name: getattr(breaker, name) for name in _FIELDS}
    values["state"] = breaker.state.value
    values["reason"] = breaker.reason.value if breaker.reason else None
    await source_state.save_breaker(
        tx, BreakerRecord(source=source_state.SHARED, **values)
    )


async def save_change(
    tx: Tx, source: SourceContext, before: Breaker, after: Breaker
) -> None:
    """Store a breaker if it has changed, and log that it opened or closed."""
    if after == before:
        return
    await save_breaker(tx, after)
    closed = BreakerState.CLOSED
    if after.state is BreakerState.OPEN and after.generation != before.generation:
        log_breaker_opened(source, after, is_known=before.reason is after.reason)
    elif after.state is closed and before.state is not closed:
        _log_breaker_closed(source.app, after.name, "available again")


def breaker_from_record(record: BreakerRecord) -> Breaker:
    """Return the breaker of a database row."""
    values = {name: getattr(record, name) for name in _FIELDS}
    values["state"] = BreakerState(record.state)
    values["reason"] = Outcome(record.reason) if record.reason else None
    return Breaker(**values)


async def acquire_breaker(
    tx: Tx,
    app: AppContext,
    provider: Provider,
    before: Breaker,
    *,
    owner: str,
    now: datetime,
) -> int:
    """Acquire a breaker that admits the call; return the call's breaker generation.

    Args:
        owner: Owner of the probe, if the breaker is half-open.
    """
    acquired = breaker.try_acquire(before, owner, now, provider.traits)
    if acquired is None:
        raise AssertionError(f"the chain chose {before.name}, which admits no call")
    after, is_probe = acquired
    if after != before:
        await save_breaker(tx, after)
    if is_probe:
        app.log.info(
            "breaker.half_open",
            summary=f"{format_service(after.name)}: being tested with one job",
            provider=after.name,
        )
    return after.generation


async def record_outcome(
    tx: Tx,
    source: SourceContext,
    attempt: Attempt,
    outcome: Outcome,
    *,
    error: ProviderError | None = None,
    why: str = "",
) -> Breaker | None:
    """Record a call's outcome in its breaker, log the change, wake the waiting jobs.

    Args:
        error: The failure, which may name the pause that the provider asks for.

    Returns:
        The breaker, open but not logged, if its account says for how long.
    """
    provider = source.services.get(attempt.provider)
    if provider is None:
        return None
    app = source.app
    # A lost remote job says nothing about the provider.
    if error is not None and not error.moves_breaker:
        outcome = Outcome.UNKNOWN
    before = (await load_breakers(tx, [attempt.provider]))[attempt.provider]
    after = breaker.record_outcome(
        before,
        outcome,
        generation=attempt.generation,
        owner=probe_owner(attempt.job_id),
        now=app.now(),
        traits=provider.traits,
        seconds=error.seconds_at(app.now()) if error else None,
        jitter=random.random(),  # noqa: S311 - spreads requests, keeps no secret
        message=why,
    )
    asks_account = (
        outcome is Outcome.CREDITS
        and attempt.is_for_image
        and provider.traits.asks_account
        and after.generation != before.generation
    )
    if asks_account:
        await save_breaker(tx, after)
    else:
        await save_change(tx, source, before, after)
    # No job waits for a writer.
    if not attempt.is_for_image:
        return None
    woken = [
        await jobs.wake_waiting(tx, name, app.now())
        for name in names_on_server(provider.traits, source.providers)
    ]
    # After an image, the next step of the job sets `kick`.
    if any(woken) or after != before or outcome is not Outcome.IMAGE:
        app.signals.kick.set()
    return after if asks_account else None


def names_on_server(
    traits: ProviderTraits, providers: Mapping[str, Provider]
) -> list[str]:
    """Return the names of the providers that share the work of a server."""
    if not traits.is_own_server:
        return [traits.name]
    return [
        name
        for name, provider in providers.items()
        if provider.traits.server == traits.server
    ]


def probe_owner(job_id: int | None) -> str:
    """Return the owner of a probe: a job, or `generate` and `test`."""
    return str(job_id or "by hand")


async def check_health(app: AppContext, provider: Provider) -> None:
    """Send a free health check, record its result in the breaker, wake waiting jobs."""
    is_up = await _is_up(app, provider)
    name = provider.traits.name
    async with app.db.write_transaction() as tx:
        before = (await load_breakers(tx, [name]))[name]
        after = breaker.record_health_check(
            before,
            answered=is_up,
            now=app.now(),
            traits=provider.traits,
        )
        if after != before:
            await save_breaker(tx, after)
        await jobs.wake_waiting(tx, name, app.now())
    if not is_up:
        words = _describe_breaker(app, after)
        app.log.debug(
            "provider.away", summary=f"{format_service(name)}: {words}", provider=name
        )
    app.signals.kick.set()


async def _is_up(app: AppContext, provider: Provider) -> bool:
    call = provider.health_check_call()
    if call is None:
        return True
    try:
        response = await app.provider_runner.send_once(call, provider.traits)
        provider.raise_for_error(response)
    except (UnavailableError, TimedOutError, ModelLoadingError):
        return False
    # Any other error is an answer of a running server; the next job records it.
    except ProviderError:
        return True
    return True


def log_breaker_reset(app: AppContext, breaker: Breaker) -> None:
    """Log that a command in another process closed a breaker."""
    # A breaker read before its opening was committed is closed, but not reset.
    opened_generation = app.log_state.open_breakers.get(
        breaker.name, breaker.generation
    )
    if breaker.state is BreakerState.CLOSED and breaker.generation > opened_generation:
        _log_breaker_closed(app, breaker.name, "reset and available again")


def _log_breaker_closed(app: AppContext, name: str, words: str) -> None:
    app.log_state.open_breakers.pop(name, None)
    app.log.info(
        "breaker.closed", summary=f"{format_service(name)}: {words}", provider=name
    )


def log_breaker_opened(
    source: SourceContext, breaker: Breaker, *, is_known: bool = False
) -> None:
    """Log an opened breaker; a daily probe that changed nothing is not loud again."""
    source.app.log_state.open_breakers[breaker.name] = breaker.generation
    log = source.app.log
    words = _describe_breaker(source.app, breaker)
    is_loud = breaker.reason in _LOUD
    write_line = log.error if is_loud else log.warning
    if is_loud and is_known:
        write_line = log.info
    write_line(
        "breaker.opened",
        summary=f"{format_service(breaker.name)}: {words}"
        f"{_describe_fallback(source, breaker)}",
        provider=breaker.name,
        reason=breaker.reason,
        until=breaker.until.isoformat() if breaker.until else None,
    )


def _describe_breaker(app: AppContext, breaker: Breaker) -> str:
    return describe_breaker(breaker, app.now(), app.clock.zone)


def _describe_fallback(source: SourceContext, breaker: Breaker) -> str:
    """Return the providers used instead; jobs wait for a short pause to end."""
    if breaker.name in source.writers:
        return "; meanwhile postbrush builds prompts from the posts"
    if breaker.reason in {Outcome.LOADING, Outcome.RATE_LIMITED}:
        return "; jobs wait for it"
    labels = [
        "the card" if source.providers[name].traits.is_card else name
        for name in source.chain
        if name != breaker.name
    ]
    return f"; meanwhile postbrush uses {', then '.join(labels)}" if labels else ""
