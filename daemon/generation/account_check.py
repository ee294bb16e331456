"""Asks the accounts of the providers for their credits, free of charge.

That is at the start, every six hours, every hour while the credits are used up, and
after a call was refused for lack of credits (402).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from daemon.context import SourceContext, Sources
from daemon.generation.storage_guard import retry_until_stored
from daemon.jobs import breaker_store
from daemon.jobs.allowance import (
    account_record,
    describe_allowance,
    describe_missing_right,
    is_request_due,
    load_allowances,
)
from db import jobs, spending
from db.engine import Tx
from db.models import AccountRecord
from providers import breaker
from providers.account import (
    AccountUsage,
    TokenRight,
    judge_credits,
    read_usage,
)
from providers.base import HttpCall, Response
from providers.breaker import Breaker, BreakerState
from providers.outcomes import Outcome, ProviderError, UnauthorizedError
from providers.provider import Provider

#: Seconds between two requests for the credits of an account.
_INTERVAL = 6 * 3600.0
#: While the credits are used up: a top-up makes them available before the reset.
_PAUSED_INTERVAL = 3600.0
#: After a request without an answer.
_RETRY_INTERVAL = 900.0
#: Seconds between two requests for the rights of a token, whose rate is limited.
_RIGHTS_INTERVAL = 12 * 3600.0
_FORBIDDEN = 403


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountReading:
    """What an account has answered.

    Attributes:
        usage: Its credits; None: not known.
        problem: Why the credits are not known, for people.
        is_answered: There was an answer, be it a refusal.
    """

    usage: AccountUsage | None
    problem: str = ""
    is_answered: bool = True


async def request_usage(source: SourceContext, provider: Provider) -> AccountReading:
    """Ask the account of a provider for its credits; this never raises."""
    now = source.app.now()
    call = provider.usage_call(now)
    if call is None:
        return AccountReading(
            usage=None, problem="the address of the Hub is not set (hub_url)"
        )
    try:
        response = await _send(source, provider, call)
    except UnauthorizedError as error:
        problem = str(error)
        # The name of an organisation's right is not published.
        if error.status == _FORBIDDEN and "/organizations/" not in call.url:
            problem = describe_missing_right(TokenRight.BILLING)
        return AccountReading(usage=None, problem=problem)
    except ProviderError as error:
        return AccountReading(usage=None, problem=str(error), is_answered=False)
    usage = read_usage(response, now)
    problem = "" if usage else "the billing answer has an unexpected form"
    return AccountReading(usage=usage, problem=problem)


async def request_missing_rights(source: SourceContext, provider: Provider) -> str:
    """Return the names of the rights that a token lacks, separated by spaces.

    Raises:
        ProviderError: There was no answer.
    """
    call = provider.token_check_call()
    if call is None:
        return ""
    response = await _send(source, provider, call)
    return " ".join(provider.missing_rights(response))


async def _send(source: SourceContext, provider: Provider, call: HttpCall) -> Response:
    response = await source.app.provider_runner.send_once(call, provider.traits)
    provider.raise_for_error(response)
    return response


async def check_account_after_refusal(
    source: SourceContext, name: str, generation: int
) -> None:
    """Find out why a call was refused for lack of credits, and adjust the breaker.

    Args:
        generation: The breaker's generation after the refusal.
    """
    provider = source.providers[name]
    reading = await request_usage(source, provider)
    await retry_until_stored(
        source,
        lambda: _store_reading(
            source, provider, reading, generation=generation, just_refused=True
        ),
    )


async def _store_reading(
    source: SourceContext,
    provider: Provider,
    reading: AccountReading,
    *,
    generation: int,
    just_refused: bool = False,
    is_first: bool = False,
    missing: str | None = None,
) -> None:
    """Store an account's answer together with what it means for the breaker."""
    name, now = provider.traits.name, source.app.now()
    async with source.app.db.write_transaction() as tx:
        words_before = await _allowance_in_words(tx, source, provider)
        stored = (await spending.load_accounts(tx)).get(name)
        known = stored[0] if stored else None
        record = _updated_record(source, provider, reading, known, missing=missing)
        await spending.save_account(tx, record)
        before = (await breaker_store.load_breakers(tx, [name]))[name]
        after = breaker.record_account(
            before,
            judge_credits(
                reading.usage,
                source.price_of(name),
                just_refused=just_refused,
            ),
            record.resets_at,
            generation=generation,
            now=now,
            traits=provider.traits,
            jitter=random.random(),  # noqa: S311 - spreads requests, keeps no secret
        )
        if after != before:
            await breaker_store.save_change(tx, source, before, after)
            await jobs.wake_waiting(tx, name, now)
        words = await _allowance_in_words(tx, source, provider)
    is_news = is_first or words != words_before
    write_line = source.app.log.info if is_news else source.app.log.debug
    write_line("account.read", summary=f"{name}: {words}", provider=name)
    # The refusal has opened it; only now the length of the pause is known.
    if just_refused and after.generation == generation:
        breaker_store.log_breaker_opened(source, after)
    source.app.signals.kick.set()


async def _allowance_in_words(tx: Tx, source: SourceContext, provider: Provider) -> str:
    allowances = await load_allowances(tx, source, lambda _traits: 0.0)
    allowance = allowances[name := provider.traits.name]
    return describe_allowance(
        provider.traits, allowance, source.app.clock.zone, source.price_of(name)
    )


def _updated_record(
    source: SourceContext,
    provider: Provider,
    reading: AccountReading,
    known: AccountRecord | None,
    *,
    missing: str | None,
) -> AccountRecord:
    """Return the record after a request; the last answer survives a failed one."""
    name = provider.traits.name
    settings = source.fingerprints.get(name, "")
    is_same = known is not None and known.settings == settings
    if missing is None:
        missing = known.missing_rights if known and is_same else ""
    if known and is_same and not reading.is_answered:
        return replace(known, problem=reading.problem, missing_rights=missing)
    return account_record(
        name,
        settings,
        reading.usage,
        source.app.now(),
        problem=reading.problem,
        missing_rights=missing,
    )


@dataclass(slots=True)
class AccountSchedule:
    """When this process asks each account; times are monotonic seconds.

    Attributes:
        look_at: When to look again whether the account has to be asked, by provider.
        asked_at: The last request that was answered, by provider.
        rights_due_at: The next request for the rights of the token, by provider.
        done: The providers whose account was asked since the start of the process.
    """

    sources: Sources
    look_at: dict[str, float] = field(default_factory=dict)
    asked_at: dict[str, float] = field(default_factory=dict)
    rights_due_at: dict[str, float] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def due_checks(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """Return the checks to run now, each with a name that is unique."""
        elapsed = self.sources.app.clock.elapsed()
        return [
            (f"account of {name}", partial(self.refresh_account, name))
            for name in self._providers()
            if self.look_at.get(name, elapsed) <= elapsed
        ]

    async def refresh_all(self) -> None:
        """Ask all accounts that are due, for a command that generates images."""
        for _name, check in self.due_checks():
            await check()

    @property
    def is_first_pending(self) -> bool:
        """Whether an account has not been asked since the start of the process."""
        return not self.done.issuperset(self._providers())

    def _providers(self) -> list[str]:
        """Return the providers of any chain that have an account to ask."""
        if not self.sources.app.instance.runs_generation:
            return []
        in_chain = {name for source in self.sources for name in source.chain}
        providers = self.sources.first.providers
        return [
            n for n in providers if providers[n].traits.asks_account and n in in_chain
        ]

    async def refresh_account(self, name: str) -> None:
        """Ask an account if that is due; a top-up closes its breaker."""
        try:
            await self._refresh_if_due(name)
        finally:
            self.done.add(name)

    async def _refresh_if_due(self, name: str) -> None:
        source, elapsed = self.sources.first, self.sources.app.clock.elapsed()
        self.look_at[name] = elapsed + _RETRY_INTERVAL
        async with source.app.db.read_transaction() as tx:
            before = (await breaker_store.load_breakers(tx, [name]))[name]
        if not is_request_due(self.asked_at.get(name), elapsed, _interval(before)):
            return
        provider = source.providers[name]
        reading, missing = await asyncio.gather(
            request_usage(source, provider), self._request_rights(source, provider)
        )
        if reading.is_answered:
            self.asked_at[name] = elapsed
        await _store_reading(
            source,
            provider,
            reading,
            generation=before.generation,
            is_first=name not in self.done,
            missing=missing,
        )

    async def _request_rights(
        self, source: SourceContext, provider: Provider
    ) -> str | None:
        """Return the missing rights, or None if they were read lately."""
        name, elapsed = provider.traits.name, source.app.clock.elapsed()
        if self.rights_due_at.get(name, elapsed) > elapsed:
            return None
        self.rights_due_at[name] = elapsed + _RIGHTS_INTERVAL
        with suppress(ProviderError):
            return await request_missing_rights(source, provider)
        return None


def _interval(before: Breaker) -> float:
    """Return the seconds between two requests, by the state of the breaker."""
    is_open = before.state is not BreakerState.CLOSED
    # A top-up is noticed soon.
    if is_open and before.reason is Outcome.CREDITS:
        return _PAUSED_INTERVAL
    return _INTERVAL
