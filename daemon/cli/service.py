"""The commands `once`, `migrate` and `alarm`."""

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
    """Poll once and work until nothing is due.

    Exits with 1 if something failed, is held, or could not be stored.

    Args:
        yes: Whether to approve held posts without a question.
    """
    settings = context.load_settings()
    start_log(settings)
    raise typer.Exit(asyncio.run(_run_once(settings, yes=yes)))


async def _run_once(settings: Settings, *, yes: bool) -> int:
    app.require_notion_token(settings)
    async with (
        app.data_dir_lock(settings, "once"),
        app.open_context(settings) as sources,
        app.join_cluster(settings, sources) as membership,
    ):
        source, pollers = sources.first, build_pollers(settings, sources)
        await service_conflict.refuse_if_service_watches(source, pollers, os.environ)

        async def approve_held(held: int) -> bool:
            question = f"{held} posts want an image. Make them all?"
            if not (yes or (sys.stdin.isatty() and typer.confirm(question, err=True))):
                return False
            async with source.app.db.write_transaction() as tx:
                await actions.approve_held(tx, None, source.app.now())
            return True

        with graceful_interrupt(source):
            result = await once.run_once(sources, pollers, membership, approve_held)
    return 1 if result.notion or result.failed or result.held or result.no_room else 0


def run_migrations() -> None:
    """Upgrade the database schema."""
    settings = context.load_settings()
    start_log(settings)
    asyncio.run(_run_migrations(settings))


async def _run_migrations(settings: Settings) -> None:
    async with app.data_dir_lock(settings, "migrate"):
        typer.echo(f"{app.database_backend(settings)} is up to date")


def report_failed_unit(unit: str) -> None:
    """Log that a systemd unit has failed, and notify the owner."""
    logger = structlog.get_logger()
    summary = (
        f"{unit} has failed and stays down. Why: journalctl -u {unit} -n 30; then: "
        f"sudo systemctl reset-failed {unit}; sudo systemctl start {unit}"
    )
    try:
        settings = context.load_settings()
    except PostbrushError:
        # A wrong configuration may be the reason, so only the journal gets the line.
        log.configure("info", "auto", environ=os.environ)
        logger.error("service.failed", summary=summary, unit=unit)  # noqa: TRY400 - it is not about this one
        return
    start_log(settings)
    logger.error("service.failed", summary=summary, unit=unit)
    message = Message(title="the service is down", body=summary, level="failure")
    for result in asyncio.run(notify_test.notify_all(settings, message)):
        if result.wrong:
            logger.warning("notify.failed", summary=f"{result.where}: {result.wrong}")
