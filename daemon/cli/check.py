"""`check`: the whole set-up, tested without paying."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import asdict, replace

import typer
from rich.console import Console

from daemon import app
from daemon.cli import context, notify_test
from daemon.cli.check_notion import (
    CheckResult,
    check_notion,
)
from daemon.cli.generate import silence_log
from daemon.cluster.peers import describe_stores, list_peers, read_instance_id
from daemon.config import Settings
from daemon.context import SourceContext
from daemon.imaging import files
from daemon.imaging.store.errors import StoreUnavailableError
from daemon.jobs.budget import format_dollars
from daemon.service import lock
from daemon.sources import Sources
from db import upgrade
from db.errors import DatabaseError
from providers.outcomes import (
    ProviderError,
    TimedOutError,
    UnauthorizedError,
    UnavailableError,
)

_LOOKED_AT = 5000


def run_checks(source: str | None, *, json: bool) -> None:
    """Check everything and print a table; exit 1 when something must be done."""
    found = context.load_settings(source)
    silence_log(found)
    lines = context.run_coroutine(_check_all(found))

    def human(out: Console) -> None:
        made = context.make_table("", "WHAT", "FOUND", "WHAT TO DO")
        marked = [
            ["✗" if one.todo else "✓", one.what, one.found, one.todo] for one in lines
        ]
        out.print(context.fill_table(made, marked))

    context.print_result([asdict(one) for one in lines], json=json, human=human)
    if any(one.todo for one in lines):
        raise typer.Exit(1)


async def _check_all(found: Settings) -> list[CheckResult]:
    lines = [_check_configuration(found), _check_disk(found), _check_database(found)]
    lines += [CheckResult("secrets", "", todo) for todo in found.secrets.exposed]
    lines += await asyncio.to_thread(_check_store, found)
    async with context.read_session(found, missing_ok=True) as flows:
        lines += await _check_peers(found, flows)
        for name, own in found.by_source().items():
            of = f"{name}: " if found.has_named_sources else ""
            async for line in check_notion(own, flows.by_source[name]):
                lines.append(replace(line, what=f"{of}{line.what}"))
        for name in flows.first.providers:
            lines.append(await _check_provider(flows.first, name))
        for flow in flows:
            lines += _describe_budget(
                flow, f"{flow.plan.source}: " if found.has_named_sources else ""
            )
        lines += [line async for line in _check_notifications(found)]
    return lines


def _describe_budget(flow: SourceContext, of: str) -> list[CheckResult]:
    chain = ", then ".join(app.describe_price(flow, name) for name in flow.plan.chain)
    month = flow.plan.limits.month
    budget = "no limit" if month is None else f"${month:.2f} a month"
    if flow.plan.own_budgets and not flow.plan.has_own_budget:
        budget += ", for all sources without a budget of their own together"
    return [CheckResult(f"{of}chain", chain), CheckResult(f"{of}budget", budget)]


def _check_configuration(found: Settings) -> CheckResult:
    return CheckResult("configuration", str(found.file or "defaults and environment"))


def _check_disk(found: Settings) -> CheckResult:
    folder = app.images_path(found)
    existing = next(one for one in [folder, *folder.parents] if one.exists())
    free = files.free_bytes(existing)
    words = f"{folder}, {free // 2**20} MiB free"
    if free < found.images.reserve:
        return CheckResult(
            "disk", words, "make room: below images.reserve nothing is made"
        )
    todo = f"give {existing} to the user postbrush runs as, or set data_dir"
    if not existing.is_dir():
        return CheckResult(
            "disk", f"{existing} is no folder", "set data_dir to a folder"
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        return CheckResult("disk", f"{words}; {existing} cannot be written to", todo)
    return CheckResult("disk", words)


def _check_store(found: Settings) -> list[CheckResult]:
    """Put something on the store that is set, read it and remove it."""
    remote = app.open_store(found).remote
    if found.store is None or remote is None:
        return []
    server = found.store.endpoint or f"Amazon, {found.store.region}"
    where = f"{found.store} ({server})"
    try:
        remote.check_read_write()
    except StoreUnavailableError as error:
        return [CheckResult("store", where, str(error))]
    return [CheckResult("store", f"{where}: written, read and removed")]


def _check_database(found: Settings) -> CheckResult:
    place = app.database_backend(found)
    holder = lock.find_holder(app.lock_path(found))
    running = f"; the daemon runs (process {holder.pid})" if holder else ""
    try:
        revision = upgrade.refuse_newer(place)
    except DatabaseError as error:
        return CheckResult("database", str(place), str(error))
    state = "none yet" if revision is None else "up to date"
    if revision not in {None, upgrade.HEAD}:
        state = "older; brought up to date at the next start"
    return CheckResult("database", f"{place}: {state}{running}")


async def _check_peers(found: Settings, flows: Sources) -> list[CheckResult]:
    """Say who else works on the database, and whether they share their images."""
    db, now = flows.first.db, flows.first.now()
    if db.folder is not None or not upgrade.database_exists(db.backend):
        return []
    async with db.read_transaction() as tx:
        known = await list_peers(tx, db, read_instance_id(found.data_dir))
    lease = found.options.database.lease
    there = [one for one in known if not one.is_expired(now, lease)]
    if not there:
        return [CheckResult("daemons", "no other works on this database now")]
    names = ", ".join(f"{one.name} ({one.roles})" for one in there)
    words, todo = describe_stores(str(found.store or ""), there)
    return [CheckResult("daemons", f"also {names}"), CheckResult("images", words, todo)]


async def _check_notifications(found: Settings) -> AsyncIterator[CheckResult]:
    """Test who is told of troubles; nothing is sent."""
    none = True
    async for one in notify_test.check_addresses(found):
        none = False
        yield CheckResult("notify", one.where, one.wrong)
    if none:
        yield CheckResult("notify", "nobody is told: notify.urls is empty")


async def _check_provider(flow: SourceContext, name: str) -> CheckResult:
    """Test a service without paying, as far as it can be tested."""
    provider = flow.providers[name]
    traits = provider.traits
    if traits.is_card:
        return CheckResult(name, "made here, free")
    costs = traits.price(1.1664)
    price = (
        f"{format_dollars(costs)}{' an image' if costs else ''} ({traits.price_source})"
    )
    call = provider.token_check_call()
    if call is None:
        return CheckResult(name, f"{price}; `postbrush test` shows whether it works")
    try:
        provider.raise_for_error(await flow.studio.send_once(call, traits))
    except UnauthorizedError as error:
        return CheckResult(
            name, price, f"it refuses the token: {error}. {_token_hint(name)}"
        )
    except (UnavailableError, TimedOutError) as error:
        return CheckResult(name, price, f"{traits.base_url} {error}: is it up?")
    except ProviderError as error:
        return CheckResult(name, price, str(error))
    return CheckResult(name, f"answers and knows us, {price}")


def _token_hint(name: str) -> str:
    if name == "flux":
        return (
            "Make one at huggingface.co/settings/tokens that may 'Make calls to "
            "Inference Providers'"
        )
    return "Make a new one there"
