"""The command `status`: daemon, queue, providers and costs on one screen."""

from __future__ import annotations

import asyncio
from datetime import tzinfo

import typer
from rich.console import Console

from daemon import app
from daemon.cli import context, output
from daemon.cli.command_group import Json, Source
from daemon.cli.providers import make_provider_table
from daemon.cli.status_report import (
    DaemonStatus,
    DelayedTask,
    MonthStatus,
    PeerStatus,
    SourceStatus,
    StatusReport,
    load_status,
    read_daemon,
)
from daemon.config import Settings
from daemon.context import Sources
from daemon.formatting import format_count, format_spending
from daemon.service import control, lock


def status(source: Source = None, json: Json = False) -> None:
    """Show daemon, queue, services and costs on one screen."""
    if not asyncio.run(show_status(source, json=json)):
        raise typer.Exit(1)


async def show_status(source: str | None, *, json: bool) -> bool:
    """Print the state of the daemon and its sources; return whether a daemon runs."""
    settings = context.load_settings(source)
    holder = lock.find_holder(app.lock_path(settings))
    reply = await control.send_command(app.socket_path(settings), "status")
    daemon = read_daemon(holder.pid if holder else None, reply or {})
    async with context.read_session(settings) as sources:
        data = await load_status(sources, settings, source, daemon)
    output.print_result(
        data, json=json, human=lambda out: _print_status(out, sources, settings, data)
    )
    return data.is_running


def _print_status(
    out: Console, sources: Sources, settings: Settings, data: StatusReport
) -> None:
    zone = sources.app.clock.zone
    out.print(_format_daemon(data.daemon, settings, zone), markup=False)
    if data.activity:
        out.print(f"now      {data.activity}", markup=False)
    for index, peer in enumerate(data.daemons):
        words = _format_peer(peer, zone)
        out.print(f"{'' if index else 'daemons':<9}{words}", markup=False)
    for source_status in data.sources:
        _print_source(out, source_status, several=settings.has_named_sources, zone=zone)
    counts = ", ".join(f"{n} {name}" for name, n in data.jobs.items() if n)
    out.print(f"jobs     {counts or 'none yet'}")
    if waiting := data.waiting_for_approval:
        out.print(
            f"approval {format_count(waiting, 'post')} waiting: `postbrush approve`"
        )
    if len(data.sources) == 1 and (pause := data.sources[0].paused):
        until = pause.until
        when = (
            f"until {output.format_time(until, zone)}"
            if until
            else "until you run `postbrush resume`"
        )
        out.print(f"paused   new requests are queued {when}", markup=False)
    if data.disk_problem:
        out.print(f"disk     {data.disk_problem}. Generation is paused", markup=False)
    if store := data.daemon.store_problem:
        out.print(f"store    {store}. Generation is paused", markup=False)
    several = settings.has_named_sources and sources.shared_budget_source.has_own_budget
    out.print(
        _format_spending(
            data.month, sources.shared_budget_source.name if several else ""
        ),
        markup=False,
    )
    for name, month in data.own_months.items():
        out.print(_format_spending(month, name), markup=False)
    out.print()
    out.print(make_provider_table(data.providers))
    for delay in data.daemon.delayed:
        out.print(_format_delayed(delay, zone), markup=False)
    for job in data.failed:
        out.print(
            f"failed   job {job.job_id} '{job.title}': {job.outcome}", markup=False
        )
    for image in data.newest:
        out.print(f"image    {image.name}  {output.format_time(image.made_at, zone)}")


def _format_delayed(delay: DelayedTask, zone: tzinfo) -> str:
    """Return "delayed  job 3 'A post': TASK failed: WHY. Next attempt: TIME"."""
    about = f"job {delay.job_id} '{delay.title}': " if delay.job_id else ""
    at = output.format_time(delay.retry_at, zone)
    return f"delayed  {about}{delay.task} failed: {delay.why}. Next attempt: {at}"


def _format_spending(month: MonthStatus, source: str) -> str:
    whose = f"{source}: " if source else ""
    spent = format_spending(month.cost, month.budget)
    images_made = format_count(month.images, "image")
    return f"costs    {whose}{spent} this month for {images_made}"


def _print_source(
    out: Console, source: SourceStatus, *, several: bool, zone: tzinfo
) -> None:
    words = "not read yet"
    if source.database:
        words = f"{source.database}, {format_count(source.posts, 'post')}"
    if not several:
        out.print(f"source   {words}", markup=False)
        return
    if source.waiting_for_approval:
        words += f", {source.waiting_for_approval} waiting for approval"
    if source.paused:
        until = source.paused.until
        words += (
            f", paused{f' until {output.format_time(until, zone)}' if until else ''}"
        )
    out.print(f"source   {source.source}: {words}", markup=False)


def _format_peer(peer: PeerStatus, zone: tzinfo) -> str:
    heard_at = output.format_time(peer.heard_at, zone)
    words = f"{peer.name} ({peer.roles})"
    if peer.silent:
        return f"{words}, no heartbeat since {heard_at}"
    since = output.format_time(peer.since, zone)
    leader_note = "; does the Notion work" if peer.is_leader else ""
    return f"{words}, since {since}, last heartbeat {heard_at}{leader_note}"


def _format_daemon(daemon: DaemonStatus, settings: Settings, zone: tzinfo) -> str:
    if not daemon.running:
        return f"daemon   not running (start it: {context.start_command(settings)})"
    words = f"daemon   running (process {daemon.pid})"
    if daemon.notion_problem:
        return f"{words}; {daemon.notion_problem}"
    if daemon.is_leader is False:
        return f"{words}; another daemon does the Notion work"
    if daemon.polled_at is None:
        return words
    at = output.format_time(daemon.polled_at, zone)
    return f"{words}, last poll {at}"
