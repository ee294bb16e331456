"""The command `check`, which tests the set-up without a paid call."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import typer

from daemon import app
from daemon.cli import context, output
from daemon.cli.check_notion import CheckResult, check_notion
from daemon.cli.check_services import check_provider, check_writers
from daemon.cli.command_group import Json, Source
from daemon.cli.test import check_addresses
from daemon.clock import zone_problem
from daemon.cluster.base import describe_stores, list_peers, read_instance_id
from daemon.config import Settings
from daemon.context import SourceContext, Sources
from daemon.formatting import format_cents
from daemon.imaging import files
from daemon.imaging.store import StoreUnavailableError
from daemon.service import lock
from db import upgrade
from db.errors import DatabaseError
from providers.card.colour import illegible_contrast


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
            results += _check_card(source_settings, prefix)
        for name in sources.first.providers:
            found = await check_provider(sources.first, name)
            in_chain = any(name in source.chain for source in sources)
            results += found if in_chain else map(_as_unused, found)
        for source in sources:
            prefix = f"{source.name}: " if settings.has_named_sources else ""
            async for result in check_writers(source):
                results.append(replace(result, what=f"{prefix}{result.what}"))
            results += _describe_budget(source, prefix)
        addresses = [
            CheckResult("notifications", address.where, address.wrong)
            async for address in check_addresses(settings)
        ]
        off = CheckResult("notifications", "off (set notify.urls to turn them on)")
        results += addresses or [off]
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


def _check_card(settings: Settings, prefix: str) -> list[CheckResult]:
    """Return what is wrong with the colors of the card; nothing if all is well."""
    card = settings.options.card
    if not card.background or not card.color:
        return []
    ratio = illegible_contrast(card.background, card.color)
    if ratio is None:
        return []
    return [
        CheckResult(
            f"{prefix}card",
            f"card.color on card.background has a contrast of {ratio:.1f}:1",
            "choose colors with a contrast of at least 3:1; cards use another text "
            "color until then",
        )
    ]
