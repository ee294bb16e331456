"""The command `check`, which tests the set-up without a paid call."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import typer

from daemon import app
from daemon.cli import context, output
from daemon.cli.check_card import check_card
from daemon.cli.check_notion import CheckResult, check_notion
from daemon.cli.check_writer import check_writers, request_identity
from daemon.cli.command_group import Json, Source
from daemon.cli.test import check_addresses
from daemon.clock import zone_problem
from daemon.cluster.base import describe_stores, list_peers, read_instance_id
from daemon.config import Settings
from daemon.context import SourceContext, Sources
from daemon.formatting import format_cents, format_dollars
from daemon.generation import account_check
from daemon.imaging import files
from daemon.imaging.store import StoreUnavailableError
from daemon.jobs.allowance import (
    account_record,
    allowance_of,
    describe_allowance,
    describe_missing_right,
)
from daemon.service import lock
from db import upgrade
from db.errors import DatabaseError
from providers.account import TokenRight
from providers.base import Response
from providers.outcomes import (
    ProviderError,
    TimedOutError,
    UnauthorizedError,
    UnavailableError,
)
from providers.provider import Provider

#: `check` warns so long before a service ends the model.
_WARNING_TIME = timedelta(days=30)


def check(source: Source = None, json: Json = False) -> None:
    """Test the whole set-up, free of charge.

    The exit code is 1 when something must be done.
    """
    settings = context.load_settings(source)
    context.silence_log(settings)
    results = asyncio.run(_check_all(settings))
    rows = [
        [result.mark, result.what, result.found, result.todo or result.warning]
        for result in results
    ]
    output.print_result(
        results,
        json=json,
        human=output.make_table(("", "WHAT", "FOUND", "WHAT TO DO"), rows),
    )
    if any(result.todo for result in results):
        raise typer.Exit(1)


async def _check_all(settings: Settings) -> list[CheckResult]:
    results = [
        CheckResult("configuration", str(settings.file or "defaults and environment")),
        _check_disk(settings),
        _check_database(settings),
    ]
    results += [CheckResult("secrets", "", todo) for todo in settings.secrets.exposed]
    results += [
        CheckResult("secrets", "", warning=line) for line in settings.secrets.cleaned
    ]
    if problem := zone_problem():
        results.append(CheckResult("time zone", "UTC", problem))
    results += await asyncio.to_thread(_check_store, settings)
    async with context.read_session(settings, missing_ok=True) as sources:
        results += await _check_peers(settings, sources)
        for name, source_settings in settings.by_source().items():
            prefix = f"{name}: " if settings.has_named_sources else ""
            async for result in check_notion(source_settings, sources.by_name[name]):
                results.append(replace(result, what=f"{prefix}{result.what}"))
            results += check_card(source_settings, prefix)
        for name in sources.first.providers:
            found = [
                await _check_provider(sources.first, name),
                *await _check_model(sources.first, name),
            ]
            in_chain = any(name in source.chain for source in sources)
            results += found if in_chain else map(_as_unused, found)
        for source in sources:
            prefix = f"{source.name}: " if settings.has_named_sources else ""
            async for result in check_writers(source):
                results.append(replace(result, what=f"{prefix}{result.what}"))
            results += _describe_budget(source, prefix)
        results += [result async for result in _check_notifications(settings)]
    return results


def _as_unused(result: CheckResult) -> CheckResult:
    """Return the result of a service that `chain` leaves out: it needs no repair."""
    found, warning = f"not in the chain; {result.found}", result.todo or result.warning
    return replace(result, found=found, todo="", warning=warning)


def _describe_budget(source: SourceContext, prefix: str) -> list[CheckResult]:
    chain = ", then ".join(app.describe_price(source, name) for name in source.chain)
    month = source.options.budget.month
    budget = "no limit" if month is None else f"{format_cents(month)} a month"
    if source.own_budgets and not source.has_own_budget:
        budget += ", shared by all sources without their own budget"
    return [
        CheckResult(f"{prefix}chain", chain),
        CheckResult(f"{prefix}budget", budget),
    ]


def _check_disk(settings: Settings) -> CheckResult:
    folder = app.images_path(settings)
    existing = next(path for path in [folder, *folder.parents] if path.exists())
    free = files.free_bytes(existing)
    space = f"{folder}, {free // 2**20} MiB free"
    if free < settings.options.images.min_free_disk:
        return CheckResult(
            "disk",
            space,
            "free some space: postbrush pauses below images.min_free_disk",
        )
    todo = f"make {existing} writable for the user that runs postbrush, or set data_dir"
    if not existing.is_dir():
        return CheckResult(
            "disk", f"{existing} is not a folder", "set data_dir to a folder"
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        return CheckResult("disk", f"{space}; {existing} is not writable", todo)
    return CheckResult("disk", space)


def _check_store(settings: Settings) -> list[CheckResult]:
    """Write, read and delete a test object in the configured store."""
    remote = app.open_store(settings).remote
    if settings.store is None or remote is None:
        return []
    server = settings.store.endpoint or f"Amazon, {settings.store.region}"
    where = f"{settings.store} ({server})"
    try:
        remote.check_read_write()
    except StoreUnavailableError as error:
        return [CheckResult("store", where, str(error))]
    return [CheckResult("store", f"{where}: test object written, read and deleted")]


def _check_database(settings: Settings) -> CheckResult:
    backend = app.database_backend(settings)
    holder = lock.find_holder(app.lock_path(settings))
    running = f"; the daemon is running (process {holder.pid})" if holder else ""
    try:
        upgrade.require_current(backend)
        exists = upgrade.database_exists(backend)
    except DatabaseError as error:
        return CheckResult("database", str(backend), str(error))
    state = "up to date" if exists else "will be created at the first start"
    return CheckResult("database", f"{backend}: {state}{running}")


async def _check_peers(settings: Settings, sources: Sources) -> list[CheckResult]:
    """List the other daemons of a PostgreSQL database and compare their stores."""
    db, now = sources.app.db, sources.app.now()
    if db.backend.folder is not None or not upgrade.database_exists(db.backend):
        return []
    async with db.read_transaction() as tx:
        peers = await list_peers(tx, db, read_instance_id(settings.data_dir))
    lease = settings.options.database.lease
    active = [peer for peer in peers if not peer.is_expired(now, lease)]
    if not active:
        return [CheckResult("daemons", "no other daemon uses this database")]
    names = ", ".join(f"{peer.name} ({peer.roles})" for peer in active)
    shared, todo = describe_stores(str(settings.store or ""), active)
    return [
        CheckResult("daemons", f"also used by {names}"),
        CheckResult("images", shared, todo),
    ]


async def _check_notifications(settings: Settings) -> AsyncIterator[CheckResult]:
    """Check every notification address without sending a message."""
    none = True
    async for result in check_addresses(settings):
        none = False
        yield CheckResult("notifications", result.where, result.wrong)
    if none:
        yield CheckResult("notifications", "off (set notify.urls to turn them on)")


async def _check_provider(source: SourceContext, name: str) -> CheckResult:
    """Check the token of a provider with its free call, if it has one."""
    provider = source.providers[name]
    traits = provider.traits
    if traits.is_card:
        return CheckResult(name, "text card, rendered on this machine, no charge")
    dollars = source.price_of(name)
    cost = f"{format_dollars(dollars)} per image" if dollars else "no charge"
    price = f"{cost} ({traits.price_source})"
    if not provider.token_check_calls():
        return CheckResult(name, f"{price}; run `postbrush test` to try it")
    try:
        response = await request_identity(source, provider)
    except UnauthorizedError as error:
        why = str(error).rstrip(".")
        todo = f"{traits.label} rejects the token: {why}. {_token_hint(name)}"
        return CheckResult(name, price, todo)
    except (UnavailableError, TimedOutError) as error:
        return CheckResult(name, price, f"{provider.address}: {error}")
    except ProviderError as error:
        return CheckResult(name, price, str(error))
    own = source.providers[name].has_own_address
    where = f" at {provider.address}" if own else ""
    found = f"token accepted{where}, {price}"
    if left := provider.describe_quota(response):
        found += f"; {left}"
    if not traits.asks_account:
        return CheckResult(name, found)
    return await _check_account(source, provider, response, found)


async def _check_account(
    source: SourceContext, provider: Provider, identity: Response, found: str
) -> CheckResult:
    """Check the rights of a token and the credits of its account.

    Args:
        identity: The response to the check of the token.
        found: What is known about the provider so far.
    """
    traits, missing = provider.traits, provider.missing_rights(identity)
    reading = await account_check.request_usage(source, provider)
    record = account_record(
        traits.name,
        "",
        reading.usage,
        source.app.now(),
        problem=reading.problem,
        missing_rights="",
    )
    allowance = allowance_of(traits, (record, 0.0), 0.0, source.app.now(), "")
    price = source.price_of(traits.name)
    words = describe_allowance(traits, allowance, source.app.clock.zone, price)
    lacks_inference = TokenRight.INFERENCE in missing
    todo = describe_missing_right(TokenRight.INFERENCE) if lacks_inference else ""
    return CheckResult(traits.name, f"{found}; {words}", todo)


async def _check_model(source: SourceContext, name: str) -> list[CheckResult]:
    """Look the configured model up where the service has a list of its models."""
    provider = source.providers[name]
    call = provider.model_check_call()
    if call is None:
        return []
    try:
        response = await source.app.provider_runner.send_once(call, provider.traits)
        entry = provider.find_model(response)
    # The row of the provider says that it does not respond.
    except ProviderError:
        return []
    # The list has another format than is known.
    if entry is None:
        return []
    today = source.app.now().date()
    what, label = f"{name} model", provider.traits.label
    change = f"set providers.{name}.model to another model"
    if not entry.is_listed:
        missing = f"{label} does not offer this model: {change}"
        return [CheckResult(what, provider.model, missing)]
    if entry.ends_on is None or entry.ends_on > today + _WARNING_TIME:
        return [CheckResult(what, provider.model)]
    ends = f"{label} will retire this model on {entry.ends_on:%d %B %Y}: {change}"
    # The model has ended, though it is still in the list.
    if entry.ends_on <= today:
        return [CheckResult(what, provider.model, ends)]
    return [CheckResult(what, provider.model, warning=ends)]


def _token_hint(name: str) -> str:
    if name == "flux":
        return (
            "Create one at huggingface.co/settings/tokens with the permission 'Make "
            "calls to Inference Providers'"
        )
    return "Create a new token in your account with this service"
