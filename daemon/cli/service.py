"""`run`, `once` and `migrate`."""

from __future__ import annotations

import asyncio
import os
import sys

import structlog
import typer

from daemon import app, loop, neighbour
from daemon.cli import desk
from daemon.cli.patience import patiently
from daemon.config import Settings
from daemon.flow import manual
from daemon.flow.poll import Watcher
from daemon.life import Life
from daemon.service import log


def start_log(found: Settings) -> None:
    """Set the log up for a command that works like the daemon."""
    log.configure(
        found.log.level,
        found.log.format,
        environ=os.environ,
        secrets=found.secrets.values(),
    )
    for words in found.secrets.exposed:
        structlog.get_logger().warning("secret.exposed", summary=words)


def run() -> None:
    """Be the daemon."""
    found = desk.settings()
    start_log(found)
    asyncio.run(Life(found, reread=_again).run())


def _again() -> Settings:
    found = desk.settings()
    start_log(found)
    return found


def once(*, yes: bool) -> None:
    """Look once and work; exit 1 when something failed or is held."""
    found = desk.settings()
    start_log(found)
    raise typer.Exit(asyncio.run(_once(found, yes=yes)))


async def _once(found: Settings, *, yes: bool) -> int:
    app.require_notion(found)
    async with app.locked(found, "once"), app.opened(found) as flow:
        watcher = Watcher(flow=flow, target=found.notion.data_source)
        await neighbour.refuse_second(flow, watcher, os.environ)

        async def approve(held: int) -> bool:
            question = f"{held} posts want an image. Make them all?"
            if not (yes or (sys.stdin.isatty() and typer.confirm(question, err=True))):
                return False
            async with flow.db.writing() as tx:
                await manual.approve(tx, None, flow.now())
            return True

        with patiently(flow):
            result = await loop.once(flow, watcher, approve)
    return 1 if result.notion or result.failed or result.held or result.no_room else 0


def migrate() -> None:
    """Bring the database up to date."""
    found = desk.settings()
    start_log(found)
    asyncio.run(_migrate(found))


async def _migrate(found: Settings) -> None:
    async with app.locked(found, "migrate"):
        typer.echo(f"{app.database_path(found)} is up to date")


def alarm(unit: str) -> None:
    """Say that a unit has failed, where its owner will see it."""
    start_log(desk.settings())
    structlog.get_logger().error(
        "service.failed",
        summary=f"{unit} has failed and stays down. Why: journalctl -u {unit} -n 30; "
        f"then: sudo systemctl restart {unit}",
        unit=unit,
    )
