"""The front page: what the daemon is doing, what waits, who serves, what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from daemon.flow import choose, storage
from daemon.flow.choose import Situation
from daemon.flow.context import Flow
from daemon.flow.flows import Flows
from daemon.flow.money import dollars
from daemon.flow.postpone import next_try
from daemon.notion.filter_check import filter_problems
from daemon.others import others
from daemon.web.site import Site, site_of
from db import attempts, gallery, jobs, listing, pauses, posts
from db.attempts import Sums
from db.engine import Tx
from db.gallery import Wanted
from db.records import Attempt, Job
from db.states import State
from providers import telling
from providers.breaker import State as Position

_QUEUE = 8
_HELD = 4
_FAILED = 3
_NEWEST = 12
_USUAL_MEGAPIXELS = 1080 * 1080 / 1e6


def add_routes(app: web.Application) -> None:
    app.router.add_get("/", _show)


async def _show(request: web.Request) -> web.StreamResponse:
    site = site_of(request)
    async with site.flow.db.reading() as tx:
        data = await _gather(tx, site)
    return site.render(request, "now.html", **data)


async def _gather(tx: Tx, site: Site) -> dict[str, Any]:
    flow, now = site.flow, site.flow.now()
    situation = await choose.survey(tx, site.flows.spender)
    own = [(one, await choose.survey(tx, one)) for one in site.flows.own_spenders]
    counts = await jobs.open_counts(tx)
    working = await jobs.in_state(tx, [State.GENERATING, State.UPLOADING])
    calls = await attempts.of_jobs(tx, [job.id for job in working])
    names = [await _title(tx, one) for one in site.flows]
    stops = [await pauses.get(tx, source, now) for source in site.flows.names]
    held = await posts.held_count(tx)
    newest = await gallery.page(tx, Wanted(), limit=_NEWEST)
    return {
        "sources": [name for name in names if name],
        "filters": [problem for one in site.flows for problem in _filters(one)],
        "away": site.flows.trouble,
        "away_until": _soonest(site.flows),
        "others": await others(tx, flow.db, flow.who),
        "disk": storage.trouble(flow) or "",
        # Of several, what one of them does not make is said in the list of sources.
        "pause": stops[0] if all(stops) else None,
        "paused": [one.source for one in stops if one and not all(stops)],
        "working": [
            _at_work(site.flow_of(job.source), job, calls.get(job.id, ()))
            for job in working
        ],
        "queued": counts.get(State.QUEUED, 0),
        "queue": [_waits(flow, job) for job in await listing.waiting(tx, limit=_QUEUE)],
        "held": held,
        "held_posts": await posts.some_held(tx, limit=_HELD),
        "held_cost": dollars(held * flow.plan.usual_price),
        "failed": await listing.listed(tx, [State.FAILED], limit=_FAILED),
        "providers": _services(site.flows, situation),
        "month": situation.books.month,
        "month_name": now.astimezone(flow.clock.zone).strftime("%B"),
        "budget": site.flows.spender.plan.limits.month,
        "own_months": [
            (one.plan.source, its_own.books.month.cost, one.plan.limits.month)
            for one, its_own in own
        ],
        "newest": newest.tiles,
    }


async def _title(tx: Tx, flow: Flow) -> str:
    known = await posts.load_sync(tx, flow.plan.source)
    return known.title if known else ""


def _filters(flow: Flow) -> list[str]:
    """Return what is wrong with posts.only and posts.skip, as far as it is known."""
    if flow.schema is None:
        return []
    rules = flow.plan.rules
    return filter_problems(flow.schema, rules.only, rules.skip)


def _soonest(flows: Flows) -> datetime | None:
    times = [one.asks_again_at for one in flows if one.outage.why]
    return min((time for time in times if time is not None), default=None)


def _services(flows: Flows, situation: Situation) -> list[dict[str, Any]]:
    asked = {name for flow in flows for name in flow.plan.chain}
    described = [
        _describe(flows.first, situation, name) for name in flows.first.providers
    ]
    return [one | {"in_chain": one["name"] in asked} for one in described]


def _at_work(flow: Flow, job: Job, calls: Sequence[Attempt]) -> dict[str, Any]:
    asked = next((one.provider for one in calls if one.outcome is None), None)
    if job.state is State.UPLOADING:
        doing = "is put on its page"
    elif asked is None:
        doing = "is about to be made"
    else:
        doing = f"is being made by {flow.providers[asked].traits.label}"
    if (delay := _delay(flow, job)) is not None:
        return {"job": job, "doing": f"waits: {delay['why']}"} | delay
    return {"job": job, "doing": doing, "since": job.moved_at, "until": None}


def _delay(flow: Flow, job: Job) -> dict[str, Any] | None:
    """Return why a step of a job failed last, and when it is tried again."""
    for delay in flow.delays.of_job(job.id):
        why = f"{delay.subject.task} failed ({delay.why})"
        return {
            "why": why,
            "since": job.moved_at,
            "until": next_try(flow, delay.subject),
        }
    return None


def _waits(flow: Flow, job: Job) -> dict[str, Any]:
    if (delay := _delay(flow, job)) is not None:
        return {"job": job, "why": f"because {delay['why']}", "until": delay["until"]}
    if job.owed == "untick" and job.acked_at is None:
        return {"job": job, "why": "for its tick box to be cleared", "until": None}
    if job.due_at > flow.now():
        for_whom = (
            f"for {job.waits_for}" if job.waits_for else "for its words to settle"
        )
        if not job.waits_for and job.tries:
            for_whom = "for the next round"
        return {"job": job, "why": for_whom, "until": job.due_at}
    return {"job": job, "why": "for its turn", "until": None}


def _describe(flow: Flow, situation: Situation, name: str) -> dict[str, Any]:
    traits, state = flow.providers[name].traits, situation.breakers[name]
    return {
        "name": name,
        "label": traits.label,
        "open": state.state is not Position.CLOSED,
        "probing": state.state is Position.HALF_OPEN,
        "words": telling.describe(state, situation.now, flow.clock.zone),
        "message": state.message,
        "price": dollars(traits.price(_USUAL_MEGAPIXELS)),
        "sums": situation.books.by_provider.get(name, Sums()),
        "included": traits.included,
        "included_per": traits.included_per,
        "covered": situation.books.covered(traits),
        "calls": situation.calls.get(name, 0),
    }
