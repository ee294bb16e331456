"""The command `status`: daemon, queue, providers and costs on one screen."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from datetime import datetime, tzinfo
from typing import Any

import typer
from rich.console import Console

from daemon import app
from daemon.cli import context, output
from daemon.cli.command_group import Json, Source
from daemon.cli.providers import describe_provider, make_provider_table
from daemon.cluster.base import list_peers, read_instance_id
from daemon.config import Settings
from daemon.context import SourceContext, Sources
from daemon.formatting import format_count, format_spending
from daemon.generation import provider_selection, storage_guard
from daemon.service import control, lock
from daemon.status_line import Activity, describe_activity, load_activity
from db import images, posts, queue, source_state
from db.engine import Tx
from db.states import JobState

_NEWEST = 5


def status(source: Source = None, json: Json = False) -> None:
    """Show daemon, queue, services and costs on one screen."""
    if not asyncio.run(show_status(source, json=json)):
        raise typer.Exit(1)


async def show_status(source: str | None, *, json: bool) -> bool:
    """Print the state of the daemon and its sources; return whether a daemon runs."""
    settings = context.load_settings(source)
    holder = lock.find_holder(app.lock_path(settings))
    reply = await control.send_command(app.socket_path(settings), "status")
    async with context.read_session(settings) as sources:
        data, activity = await _load_status(sources, settings, source)
    data["daemon"] = {
        "running": holder is not None,
        "pid": holder.pid if holder else None,
        **(reply or {}),
    }
    # Another machine's daemon may do the work of a shared database.
    is_running = holder is not None or any(
        not peer["silent"] for peer in data["daemons"]
    )
    outage, store = ((reply or {}).get(key, "") for key in ("notion", "store"))
    now = replace(activity, outage=outage, disk=activity.disk or store)
    output.print_result(
        data,
        json=json,
        human=lambda out: _print_status(
            out, sources, settings, data, describe_activity(now) if is_running else ""
        ),
    )
    return is_running


async def _load_status(
    sources: Sources, settings: Settings, source_name: str | None
) -> tuple[dict[str, Any], Activity]:
    source = sources.first
    in_chain = dict.fromkeys(name for source in sources for name in source.chain)
    async with source.app.db.read_transaction() as tx:
        chain_state = await provider_selection.load_chain_state(
            tx, sources.shared_budget_source
        )
        own_budgets = [
            (source, await provider_selection.load_chain_state(tx, source))
            for source in sources.own_budget_sources
        ]
        counts = await queue.count_by_state(tx, source=source_name)
        newest = await images.list_newest(tx, limit=_NEWEST, source=source_name)
        failed = await queue.list_jobs(
            tx,
            [JobState.FAILED],
            limit=_NEWEST,
            source=source_name,
        )
        statuses = [await _load_source_status(tx, source) for source in sources]
        peers = await list_peers(tx, source.app.db, read_instance_id(settings.data_dir))
        lease = settings.options.database.lease
        data = {
            # With several sources, these two belong to the first.
            **{key: statuses[0][key] for key in ("source", "swept_at")},
            "sources": statuses,
            "posts": sum(status["posts"] for status in statuses),
            "held": sum(status["held"] for status in statuses),
            "daemons": [
                asdict(peer) | {"silent": peer.is_expired(source.app.now(), lease)}
                for peer in peers
            ],
            "disk": storage_guard.unwritable_reason(source) or "",
            "paused": statuses[0]["paused"] if len(statuses) == 1 else None,
            "jobs": {state.value: counts.get(state, 0) for state in JobState},
            "providers": [
                describe_provider(source, chain_state, name, in_chain)
                for name in (*in_chain, *source.writers)
            ],
            # The shared budget; with a single source, its own.
            "month": _summarize_month(sources.shared_budget_source, chain_state),
            "own_months": {
                source.name: _summarize_month(source, own_state)
                for source, own_state in own_budgets
            },
            "failed": [
                {"job": job.id, "title": job.title, "why": job.outcome}
                for job in failed
            ],
            "newest": [
                {"name": image.name, "made_at": image.made_at} for image in newest
            ],
        }
        return data, await load_activity(tx, sources, chain_state)


def _summarize_month(
    source: SourceContext, chain_state: provider_selection.ChainState
) -> dict[str, Any]:
    """Return this month's dollars and images, and the budget in dollars."""
    return {
        "cost": chain_state.spending.month.cost,
        "budget": source.options.budget.month,
        "images": chain_state.spending.month.images,
    }


async def _load_source_status(tx: Tx, source: SourceContext) -> dict[str, Any]:
    """Return the stored state of one source."""
    name = source.name
    state = await source_state.load_source_state(tx, name)
    return {
        "name": name,
        "source": state.title if state else None,
        "swept_at": state.last_sweep_at if state else None,
        "posts": await posts.count(tx, source=name),
        "held": await posts.count_held(tx, source=name),
        "paused": await source_state.get_pause(tx, name, source.app.now()),
        "chain": list(source.chain),
    }


def _print_status(
    out: Console,
    sources: Sources,
    settings: Settings,
    data: dict[str, Any],
    activity: str,
) -> None:
    zone = sources.app.clock.zone
    out.print(_format_daemon(data["daemon"], settings, zone), markup=False)
    if activity:
        out.print(f"now      {activity}", markup=False)
    for index, peer in enumerate(data["daemons"]):
        words = _format_peer(peer, zone)
        out.print(f"{'' if index else 'daemons':<9}{words}", markup=False)
    for source_status in data["sources"]:
        _print_source(out, source_status, several=settings.has_named_sources, zone=zone)
    counts = ", ".join(f"{n} {name}" for name, n in data["jobs"].items() if n)
    out.print(f"jobs     {counts or 'none yet'}")
    if data["held"]:
        out.print(
            f"approval {format_count(data['held'], 'post')} waiting: `postbrush "
            "approve`"
        )
    if data["paused"]:
        until = data["paused"].until
        when = (
            f"until {output.format_time(until, zone)}"
            if until
            else "until `postbrush resume`"
        )
        out.print(f"paused   new requests are queued {when}", markup=False)
    if data["disk"]:
        out.print(f"disk     {data['disk']}: generation is paused", markup=False)
    if store := data["daemon"].get("store"):
        out.print(f"store    {store}: generation is paused", markup=False)
    several = settings.has_named_sources and sources.shared_budget_source.has_own_budget
    out.print(
        _format_spending(
            data["month"], sources.shared_budget_source.name if several else ""
        ),
        markup=False,
    )
    for name, month in data["own_months"].items():
        out.print(_format_spending(month, name), markup=False)
    out.print()
    out.print(make_provider_table(data["providers"]))
    for delay in data["daemon"].get("delayed", ()):
        out.print(_format_delayed(delay, zone), markup=False)
    for job in data["failed"]:
        out.print(
            f"failed   job {job['job']} '{job['title']}': {job['why']}", markup=False
        )
    for image in data["newest"]:
        out.print(
            f"image    {image['name']}  {output.format_time(image['made_at'], zone)}"
        )


def _format_delayed(delay: dict[str, Any], zone: tzinfo) -> str:
    """Return "delayed  job 3 'A post': TASK failed: WHY. Next attempt: TIME"."""
    about = f"job {delay['job']} '{delay['title']}': " if delay["job"] else ""
    at = output.format_time(datetime.fromisoformat(delay["next"]), zone)
    return f"delayed  {about}{delay['task']} failed: {delay['why']}. Next attempt: {at}"


def _format_spending(month: dict[str, Any], source: str) -> str:
    whose = f"{source}: " if source else ""
    spent = format_spending(month["cost"], month["budget"])
    images_made = format_count(month["images"], "image")
    return f"costs    {whose}{spent} this month for {images_made}"


def _print_source(
    out: Console, source: dict[str, Any], *, several: bool, zone: tzinfo
) -> None:
    words = "not read yet"
    if source["source"]:
        words = f"{source['source']}, {format_count(source['posts'], 'post')}"
    if not several:
        out.print(f"source   {words}", markup=False)
        return
    if source["held"]:
        words += f", {source['held']} waiting for approval"
    if source["paused"]:
        until = source["paused"].until
        words += (
            f", paused{f' until {output.format_time(until, zone)}' if until else ''}"
        )
    out.print(f"source   {source['name']}: {words}", markup=False)


def _format_peer(peer: dict[str, Any], zone: tzinfo) -> str:
    heard_at = output.format_time(peer["heard_at"], zone)
    words = f"{peer['name']} ({peer['roles']})"
    if peer["silent"]:
        return f"{words}, no heartbeat since {heard_at}"
    since = output.format_time(peer["since"], zone)
    leader_note = "; does the Notion work" if peer["asks"] else ""
    return f"{words}, since {since}, last heartbeat {heard_at}{leader_note}"


def _format_daemon(daemon: dict[str, Any], settings: Settings, zone: tzinfo) -> str:
    if not daemon["running"]:
        return f"daemon   not running (start it: {context.start_command(settings)})"
    words = f"daemon   running (process {daemon['pid']})"
    if daemon.get("notion"):
        return f"{words}; Notion: {daemon['notion']}"
    if daemon.get("asks_notion") is False:
        return f"{words}; another daemon does the Notion work"
    polled = daemon.get("polled_at")
    if not polled:
        return words
    at = output.format_time(datetime.fromisoformat(polled), zone)
    return f"{words}, last poll {at}"
