"""`status`: one screen."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from rich.console import Console

from daemon import app
from daemon.cli import context, providers
from daemon.cluster.peers import list_peers, read_instance_id
from daemon.config import Settings
from daemon.context import SourceContext
from daemon.generation import provider_selection, storage_guard
from daemon.service import control, lock
from daemon.sources import Sources
from db import images, jobs, pauses, posts
from db.engine import Tx
from db.states import JobState

_NEWEST = 5


def show_status(source: str | None, *, json: bool) -> None:
    """Say how things stand."""
    context.run_coroutine(_show_status(source, json=json))


async def _show_status(source: str | None, *, json: bool) -> None:
    found = context.load_settings(source)
    holder = lock.find_holder(app.lock_path(found))
    answer = await control.send_command(app.socket_path(found), "status")
    async with context.read_session(found) as flows:
        data = await _load_status(flows, found, source)
    data["daemon"] = {
        "running": holder is not None,
        "pid": holder.pid if holder else None,
        **(answer or {}),
    }
    context.print_result(
        data, json=json, human=lambda out: _print_status(out, flows, found, data)
    )


async def _load_status(
    flows: Sources, found: Settings, source: str | None
) -> dict[str, Any]:
    flow = flows.first
    asked = dict.fromkeys(name for one in flows for name in one.plan.chain)
    async with flow.db.read_transaction() as tx:
        situation = await provider_selection.load_chain_state(
            tx, flows.shared_budget_source
        )
        own = [
            (one, await provider_selection.load_chain_state(tx, one))
            for one in flows.own_budget_sources
        ]
        counts = await jobs.count_by_state(tx, source=source)
        newest = await images.list_newest(tx, limit=_NEWEST, source=source)
        failed = await jobs.in_state(
            tx, [JobState.FAILED], limit=_NEWEST, sources=[source] if source else None
        )
        watched = [await _load_source_status(tx, one) for one in flows]
        there = await list_peers(tx, flow.db, read_instance_id(found.data_dir))
        lease = found.options.database.lease
        return {
            # Of several, those of the first.
            **{key: watched[0][key] for key in ("source", "swept_at")},
            "sources": watched,
            "posts": sum(one["posts"] for one in watched),
            "held": sum(one["held"] for one in watched),
            "daemons": [
                context.to_dict(one) | {"silent": one.is_expired(flow.now(), lease)}
                for one in there
            ],
            "disk": storage_guard.unwritable_reason(flow) or "",
            "paused": watched[0]["paused"] if len(watched) == 1 else None,
            "jobs": {state.value: counts.get(state, 0) for state in JobState},
            "providers": [
                providers.describe_provider(flow, situation, name, asked)
                for name in asked
            ],
            # Of those without a budget of their own; of a single one, its own.
            "month": _summarize_month(flows.shared_budget_source, situation),
            "own_months": {
                one.plan.source: _summarize_month(one, its_own) for one, its_own in own
            },
            "failed": [
                {"job": one.id, "title": one.title, "why": one.outcome}
                for one in failed
            ],
            "newest": [{"name": one.name, "made_at": one.made_at} for one in newest],
        }


def _summarize_month(
    flow: SourceContext, situation: provider_selection.ChainState
) -> dict[str, Any]:
    """Return what was spent from a source's budget."""
    return {
        "cost": situation.books.month.cost,
        "budget": flow.plan.limits.month,
        "images": situation.books.month.images,
    }


async def _load_source_status(tx: Tx, flow: SourceContext) -> dict[str, Any]:
    """Return how one source stands."""
    name = flow.plan.source
    known = await posts.load_source_state(tx, name)
    return {
        "name": name,
        "source": known.title if known else None,
        "swept_at": known.swept_at if known else None,
        "posts": await posts.count(tx, source=name),
        "held": await posts.count_held(tx, source=name),
        "paused": await pauses.get(tx, name, flow.now()),
        "chain": list(flow.plan.chain),
    }


def _print_status(
    out: Console, flows: Sources, found: Settings, data: dict[str, Any]
) -> None:
    zone = flows.first.clock.zone
    out.print(_format_daemon(data["daemon"], found, zone), markup=False)
    for number, one in enumerate(data["daemons"]):
        words = _format_peer(one, zone)
        out.print(f"{'' if number else 'daemons':<9}{words}", markup=False)
    for one in data["sources"]:
        _print_source(out, one, several=found.has_named_sources, zone=zone)
    counts = ", ".join(f"{n} {name}" for name, n in data["jobs"].items() if n)
    out.print(f"jobs     {counts or 'none yet'}")
    if data["held"]:
        out.print(f"held     {data['held']} posts wait for `postbrush approve`")
    if data["paused"]:
        until = data["paused"].until
        when = (
            f"until {context.format_time(until, zone)}" if until else "until `resume`"
        )
        out.print(f"paused   nothing is made {when}", markup=False)
    if data["disk"]:
        out.print(
            f"disk     {data['disk']}: no images are made until then", markup=False
        )
    if store := data["daemon"].get("store"):
        out.print(f"store    {store}: no images are made until then", markup=False)
    several = found.has_named_sources and flows.shared_budget_source.plan.has_own_budget
    out.print(
        _format_spending(
            data["month"], flows.shared_budget_source.plan.source if several else ""
        ),
        markup=False,
    )
    for name, month in data["own_months"].items():
        out.print(_format_spending(month, name), markup=False)
    out.print()
    providers.print_providers(out, data["providers"])
    for one in data["daemon"].get("delayed", ()):
        out.print(_format_delayed(one, zone), markup=False)
    for one in data["failed"]:
        out.print(
            f"failed   job {one['job']} '{one['title']}': {one['why']}", markup=False
        )
    for one in data["newest"]:
        out.print(
            f"image    {one['name']}  {context.format_time(one['made_at'], zone)}"
        )


def _format_delayed(one: dict[str, Any], zone: tzinfo) -> str:
    """Return "delayed  job 3 'A post': uploading the image failed: ..., next try"."""
    about = f"job {one['job']} '{one['title']}': " if one["job"] else ""
    at = context.format_time(datetime.fromisoformat(one["next"]), zone)
    return f"delayed  {about}{one['task']} failed: {one['why']}; next try {at}"


def _format_spending(month: dict[str, Any], source: str) -> str:
    whose = f"{source}: " if source else ""
    budget = f" of ${month['budget']:.2f}" if month["budget"] is not None else ""
    spent = f"${month['cost']:.2f}{budget} this month"
    return f"money    {whose}{spent} for {context.format_image_count(month['images'])}"


def _print_source(
    out: Console, one: dict[str, Any], *, several: bool, zone: tzinfo
) -> None:
    words = "none yet: Notion has not been reached"
    if one["source"]:
        words = f"{one['source']}, {one['posts']} posts"
    if not several:
        out.print(f"source   {words}", markup=False)
        return
    if one["held"]:
        words += f", {one['held']} held"
    if one["paused"]:
        until = one["paused"].until
        words += (
            f", paused{f' until {context.format_time(until, zone)}' if until else ''}"
        )
    out.print(f"source   {one['name']}: {words}", markup=False)


def _format_peer(one: dict[str, Any], zone: tzinfo) -> str:
    heard = context.format_time(one["heard_at"], zone)
    words = f"{one['name']} ({one['roles']})"
    if one["silent"]:
        return f"{words}, silent since {heard}"
    since = context.format_time(one["since"], zone)
    asks = "; asks Notion" if one["asks"] else ""
    return f"{words}, since {since}, last heard of {heard}{asks}"


def _start_command(found: Settings) -> str:
    """Return what starts the daemon whose configuration that is."""
    if found.is_service:
        return "sudo systemctl start postbrush"
    return "postbrush run"


def _format_daemon(daemon: dict[str, Any], found: Settings, zone: tzinfo) -> str:
    if not daemon["running"]:
        return f"daemon   is not running ({_start_command(found)})"
    words = f"daemon   runs (process {daemon['pid']})"
    if daemon.get("notion"):
        return f"{words}; Notion: {daemon['notion']}"
    if daemon.get("asks_notion") is False:
        return f"{words}; another daemon asks Notion"
    polled = daemon.get("polled_at")
    if not polled:
        return words
    at = context.format_time(datetime.fromisoformat(polled), zone)
    return f"{words}, last poll {at}"
