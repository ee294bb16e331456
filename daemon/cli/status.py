"""`status`: one screen."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Any

from rich.console import Console

from daemon import app
from daemon.cli import desk, providers
from daemon.config import Settings
from daemon.flow import choose, storage
from daemon.flow.context import Flow
from daemon.service import control, lock
from db import images, jobs, pauses, posts
from db.states import State

_NEWEST = 5


def status(*, json: bool) -> None:
    """Say how things stand."""
    desk.finish(_status(json=json))


async def _status(*, json: bool) -> None:
    found = desk.settings()
    holder = lock.holder(app.lock_path(found))
    answer = await control.ask(app.socket_path(found), "status")
    async with desk.looking(found) as flow:
        data = await _gather(found, flow)
    data["daemon"] = {
        "running": holder is not None,
        "pid": holder.pid if holder else None,
        **(answer or {}),
    }
    desk.show(data, json=json, human=lambda out: _print(out, flow, found, data))


async def _gather(found: Settings, flow: Flow) -> dict[str, Any]:
    async with flow.db.reading() as tx:
        situation = await choose.survey(tx, flow)
        source = await posts.load_sync(tx, flow.plan.source)
        counts = await jobs.counts(tx)
        newest = await images.newest(tx, limit=_NEWEST)
        failed = await jobs.in_state(tx, [State.FAILED], limit=_NEWEST)
        return {
            "source": source.title if source else None,
            "swept_at": source.swept_at if source else None,
            "posts": await posts.count(tx),
            "held": await posts.held_count(tx),
            "disk": storage.trouble(flow) or "",
            "paused": await pauses.get(tx, flow.plan.source, flow.now()),
            "jobs": {state.value: counts.get(state, 0) for state in State},
            "providers": [
                providers.describe(found, flow, situation, name)
                for name in found.resolved_chain()
            ],
            "month": {
                "cost": situation.books.month.cost,
                "budget": flow.plan.limits.month,
                "images": situation.books.month.images,
            },
            "failed": [
                {"job": one.id, "title": one.title, "why": one.outcome}
                for one in failed
            ],
            "newest": [{"name": one.name, "made_at": one.made_at} for one in newest],
        }


def _print(out: Console, flow: Flow, found: Settings, data: dict[str, Any]) -> None:
    zone = flow.clock.zone
    out.print(_daemon_line(data["daemon"], found, zone), markup=False)
    source = "none yet: Notion has not been reached"
    if data["source"]:
        source = f"{data['source']}, {data['posts']} posts"
    out.print(f"source   {source}", markup=False)
    counts = ", ".join(f"{n} {name}" for name, n in data["jobs"].items() if n)
    out.print(f"jobs     {counts or 'none yet'}")
    if data["held"]:
        out.print(f"held     {data['held']} posts wait for `postbrush approve`")
    if data["paused"]:
        until = data["paused"].until
        when = f"until {desk.moment(until, zone)}" if until else "until `resume`"
        out.print(f"paused   nothing is made {when}", markup=False)
    if data["disk"]:
        out.print(
            f"disk     {data['disk']}: no images are made until then", markup=False
        )
    month = data["month"]
    budget = f" of ${month['budget']:.2f}" if month["budget"] is not None else ""
    out.print(
        f"money    ${month['cost']:.2f}{budget} this month for {month['images']} images"
    )
    out.print()
    providers.print_lines(out, data["providers"])
    for one in data["failed"]:
        out.print(
            f"failed   job {one['job']} '{one['title']}': {one['why']}", markup=False
        )
    for one in data["newest"]:
        out.print(f"image    {one['name']}  {desk.moment(one['made_at'], zone)}")


def _starter(found: Settings) -> str:
    """Return what starts the daemon whose configuration that is."""
    if found.is_service:
        return "sudo systemctl start postbrush"
    return "postbrush run"


def _daemon_line(daemon: dict[str, Any], found: Settings, zone: tzinfo) -> str:
    if not daemon["running"]:
        return f"daemon   is not running ({_starter(found)})"
    words = f"daemon   runs (process {daemon['pid']})"
    if daemon.get("notion"):
        return f"{words}; Notion: {daemon['notion']}"
    polled = daemon.get("polled_at")
    if not polled:
        return words
    return f"{words}, last poll {desk.moment(datetime.fromisoformat(polled), zone)}"
