"""`once`, `migrate` and `alarm`."""

from __future__ import annotations

import asyncio
import os
import sys

import structlog
import typer

from daemon import app, once, service_conflict
from daemon.cli import context, notify_test
from daemon.cli.configuration import start_log
from daemon.cli.signals import graceful_interrupt
from daemon.config import Settings
from daemon.errors import PostbrushError
from daemon.jobs import actions
from daemon.service import log
from daemon.service.alerts import Message
from daemon.source_setup import build_pollers


def run_once(*, yes: bool) -> None:
    """Look once and work; exit 1 when something failed or is held."""
    found = context.load_settings()
    start_log(found)
    raise typer.Exit(asyncio.run(_run_once(found, yes=yes)))


async def _run_once(found: Settings, *, yes: bool) -> int:
    app.require_notion_token(found)
    async with (
        app.data_dir_lock(found, "once"),
        app.open_context(found) as flows,
        app.join_cluster(found, flows) as company,
    ):
        flow, watchers = flows.first, build_pollers(found, flows)
        await service_conflict.refuse_if_service_watches(flow, watchers, os.environ)

        async def approve(held: int) -> bool:
            question = f"{held} posts want an image. Make them all?"
            if not (yes or (sys.stdin.isatty() and typer.confirm(question, err=True))):
                return False
            async with flow.db.write_transaction() as tx:
                await actions.approve_held(tx, None, flow.now())
            return True

        with graceful_interrupt(flow):
            result = await once.run_once(flows, watchers, company, approve)
    return 1 if result.notion or result.failed or result.held or result.no_room else 0


def run_migrations() -> None:
    """Bring the database up to date."""
    found = context.load_settings()
    start_log(found)
    asyncio.run(_run_migrations(found))


async def _run_migrations(found: Settings) -> None:
    async with app.data_dir_lock(found, "migrate"):
        typer.echo(f"{app.database_backend(found)} is up to date")


def report_failed_unit(unit: str) -> None:
    """Say that a unit has failed, where its owner will see it."""
    log_ = structlog.get_logger()
    words = (
        f"{unit} has failed and stays down. Why: journalctl -u {unit} -n 30; then: "
        f"sudo systemctl reset-failed {unit}; sudo systemctl start {unit}"
    )
    try:
        found = context.load_settings()
    except PostbrushError:
        # Which may be why it failed; the journal is told all the same.
        log.configure("info", "auto", environ=os.environ)
        log_.error("service.failed", summary=words, unit=unit)  # noqa: TRY400 - it is not about this one
        return
    start_log(found)
    log_.error("service.failed", summary=words, unit=unit)
    message = Message(title="the service is down", body=words, level="failure")
    for result in asyncio.run(notify_test.notify_all(found, message)):
        if result.wrong:
            log_.warning("notify.failed", summary=f"{result.where}: {result.wrong}")
