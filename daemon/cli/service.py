"""The commands `once`, `reload`, `migrate`, `alarm` and `config`."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import structlog
import typer

from daemon import app, service_conflict
from daemon import config as configuration
from daemon import once as one_pass
from daemon.cli import OPTIONS, context, output
from daemon.cli.command_group import Json
from daemon.cli.setup import answer_files, config_text
from daemon.cli.test import notify_all
from daemon.config import Settings
from daemon.context import Sources
from daemon.errors import PostbrushError, SetupError
from daemon.generation.provider_selection import load_chain_state
from daemon.jobs import actions
from daemon.places import find_config
from daemon.service import control, log
from daemon.service.alerts import Message
from daemon.source_setup import build_pollers
from daemon.status_line import describe_activity, load_activity


@dataclass(frozen=True, slots=True)
class ConfiguredValue:
    """A setting, and where its value comes from."""

    key: str
    value: str
    origin: str


def once(
    yes: Annotated[
        bool, typer.Option("--yes", help="Approve all waiting posts without asking.")
    ] = False,
) -> None:
    """Poll once, finish all due work, and exit."""
    settings = context.load_settings()
    context.start_log(settings)
    raise typer.Exit(asyncio.run(_run_once(settings, yes=yes)))


async def _run_once(settings: Settings, *, yes: bool) -> int:
    """Return 1 if something failed, is held, or could not be stored; else 0.

    Args:
        yes: Whether to approve held posts without a question.
    """
    app.require_notion_token(settings)
    async with (
        app.data_dir_lock(settings, "once"),
        app.open_context(settings) as sources,
        app.join_cluster(settings, sources) as membership,
    ):
        source, pollers = sources.first, build_pollers(sources)
        await service_conflict.refuse_if_service_watches(source, pollers, os.environ)

        async def approve_held(held: int) -> bool:
            are_waiting = "post is" if held == 1 else "posts are"
            question = f"{held} {are_waiting} waiting for approval. Generate now?"
            if not (yes or (sys.stdin.isatty() and typer.confirm(question, err=True))):
                return False
            async with source.app.db.write_transaction() as tx:
                await actions.approve_held(tx, None, source.app.now())
            return True

        with context.graceful_interrupt(source):
            result = await one_pass.run_once(sources, pollers, membership, approve_held)
            await _log_end(sources)
    return 1 if result.notion or result.failed or result.held or result.no_room else 0


async def _log_end(sources: Sources) -> None:
    async with sources.app.db.read_transaction() as tx:
        state = await load_chain_state(tx, sources.shared_budget_source)
        activity = await load_activity(tx, sources, state)
    sources.app.log.info("once.finished", summary=describe_activity(activity))


def reload() -> None:
    """Make the running daemon read its configuration again."""
    settings = context.load_settings()
    reply = asyncio.run(control.send_command(app.socket_path(settings), "reload"))
    if reply is None:
        raise SetupError(
            f"No daemon answers in {settings.data_dir}. Start it with "
            f"`{context.start_command(settings)}`. If you changed data_dir, restart "
            "the daemon"
        )
    if why := reply.get("error"):
        raise SetupError(f"The previous configuration stays in use: {why}")
    typer.echo("The daemon has accepted the new configuration.")


def migrate() -> None:
    """Upgrade the database; `run` does this automatically."""
    settings = context.load_settings()
    context.start_log(settings)
    asyncio.run(_run_migrations(settings))


async def _run_migrations(settings: Settings) -> None:
    async with app.data_dir_lock(settings, "migrate"):
        typer.echo(f"{app.database_backend(settings)} is up to date")


def alarm(
    unit: Annotated[str, typer.Argument(help="The systemd unit that failed.")],
) -> None:
    """Report that a unit of the service has failed; called by systemd."""
    logger = structlog.get_logger()
    summary = (
        f"{unit} has failed and will not restart. See the reason with `journalctl -u "
        f"{unit} -n 30`, then run `sudo systemctl reset-failed {unit}; sudo systemctl "
        f"start {unit}`"
    )
    try:
        settings = context.load_settings()
    except PostbrushError:
        # A wrong configuration may be the reason, so only the journal gets the line.
        log.configure("info", "auto", environ=os.environ)
        logger.error("service.failed", summary=summary, unit=unit)  # noqa: TRY400 - it is not about this one
        return
    context.start_log(settings)
    logger.error("service.failed", summary=summary, unit=unit)
    message = Message(title="the service is down", body=summary, level="failure")
    for result in asyncio.run(notify_all(settings, message)):
        if result.wrong:
            logger.warning("notify.failed", summary=f"{result.where}: {result.wrong}")


def _migrate_config() -> None:
    """Give renamed settings their present names; the old file is kept beside it."""
    file = find_config(OPTIONS.config, os.environ, Path.cwd())
    if file is None:
        raise SetupError("No postbrush.toml was found. Name it with --config")
    # The bytes, since the ends of lines are the owner's.
    text, renamed = config_text.rename_keys(file.read_bytes().decode())
    if not renamed:
        typer.echo(f"{file}: all settings have their current names.")
        return
    answer_files.require_writable(file)
    backup = answer_files.write_config(file, text)
    for change in renamed:
        typer.echo(change)
    typer.echo(f"{file} has been rewritten. The old file is kept as {backup}.")


def config(
    example: Annotated[
        bool, typer.Option("--example", help="Print a commented postbrush.toml.")
    ] = False,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Rename outdated settings in the file.")
    ] = False,
    json: Json = False,
) -> None:
    """Show every setting and where it comes from."""
    if migrate:
        _migrate_config()
        return
    if example:
        sys.stdout.write(configuration.example_text())
        return
    origins = configuration.list_origins(context.load_settings())
    output.print_result(
        [ConfiguredValue(*row) for row in origins],
        json=json,
        human=output.make_table(("KEY", "VALUE", "FROM"), origins),
    )
