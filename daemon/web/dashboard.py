"""The front page: what the daemon is doing, what waits, who serves, what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from daemon.cluster.peers import list_peers
from daemon.context import SourceContext
from daemon.generation import provider_selection, storage_guard
from daemon.generation.provider_selection import ChainState
from daemon.jobs.budget import format_dollars
from daemon.jobs.postponement import next_try_at
from daemon.notion.filter_check import filter_problems
from daemon.sources import Sources
from daemon.web.session import WebContext, web_context_of
from db import attempts, gallery, job_lists, jobs, pauses, posts
from db.attempts import SpendingTotals
from db.engine import Tx
from db.gallery import GalleryFilter
from db.models import Attempt, Job
from db.states import JobState
from providers import descriptions
from providers.breaker import BreakerState as Position

_QUEUE = 8
_HELD = 4
_FAILED = 3
_NEWEST = 12
_USUAL_MEGAPIXELS = 1080 * 1080 / 1e6


def add_routes(app: web.Application) -> None:
    app.router.add_get("/", _show_dashboard)


async def _show_dashboard(request: web.Request) -> web.StreamResponse:
    site = web_context_of(request)
    async with site.flow.db.read_transaction() as tx:
        data = await _load_dashboard(tx, site)
    return site.render(request, "now.html", **data)


async def _load_dashboard(tx: Tx, site: WebContext) -> dict[str, Any]:
    flow, now = site.flow, site.flow.now()
    situation = await provider_selection.load_chain_state(
        tx, site.flows.shared_budget_source
    )
    own = [
        (one, await provider_selection.load_chain_state(tx, one))
        for one in site.flows.own_budget_sources
    ]
    counts = await job_lists.count_open_by_state(tx)
    working = await jobs.in_state(tx, [JobState.GENERATING, JobState.UPLOADING])
    calls = await attempts.of_jobs(tx, [job.id for job in working])
    names = [await _source_title(tx, one) for one in site.flows]
    stops = [await pauses.get(tx, source, now) for source in site.flows.names]
    held = await posts.count_held(tx)
    newest = await gallery.load_page(tx, GalleryFilter(), limit=_NEWEST)
    return {
        "sources": [name for name in names if name],
        "filters": [
            problem for one in site.flows for problem in _source_filter_problems(one)
        ],
        "away": site.flows.outage_reason,
        "away_until": _next_notion_attempt(site.flows),
        "others": await list_peers(tx, flow.db, flow.who),
        "disk": storage_guard.unwritable_reason(flow) or "",
        # Of several, what one of them does not make is said in the list of sources.
        "pause": stops[0] if all(stops) else None,
        "paused": [one.source for one in stops if one and not all(stops)],
        "working": [
            _describe_running_job(site.flow_of(job.source), job, calls.get(job.id, ()))
            for job in working
        ],
        "queued": counts.get(JobState.QUEUED, 0),
        "queue": [
            _describe_queued_job(flow, job)
            for job in await job_lists.list_queued(tx, limit=_QUEUE)
        ],
        "held": held,
        "held_posts": await posts.latest_held(tx, limit=_HELD),
        "held_cost": format_dollars(held * flow.plan.usual_price),
        "failed": await job_lists.list_jobs(tx, [JobState.FAILED], limit=_FAILED),
        "providers": _describe_providers(site.flows, situation),
        "month": situation.books.month,
        "month_name": now.astimezone(flow.clock.zone).strftime("%B"),
        "budget": site.flows.shared_budget_source.plan.limits.month,
        "own_months": [
            (one.plan.source, its_own.books.month.cost, one.plan.limits.month)
            for one, its_own in own
        ],
        "newest": newest.tiles,
    }


async def _source_title(tx: Tx, flow: SourceContext) -> str:
    known = await posts.load_source_state(tx, flow.plan.source)
    return known.title if known else ""


def _source_filter_problems(flow: SourceContext) -> list[str]:
    """Return what is wrong with posts.only and posts.skip, as far as it is known."""
    if flow.schema is None:
        return []
    rules = flow.plan.rules
    return filter_problems(flow.schema, rules.only, rules.skip)


def _next_notion_attempt(flows: Sources) -> datetime | None:
    times = [one.notion_retry_at for one in flows if one.outage.why]
    return min((time for time in times if time is not None), default=None)


def _describe_providers(flows: Sources, situation: ChainState) -> list[dict[str, Any]]:
    asked = {name for flow in flows for name in flow.plan.chain}
    described = [
        _describe_provider(flows.first, situation, name)
        for name in flows.first.providers
    ]
    return [one | {"in_chain": one["name"] in asked} for one in described]


def _describe_running_job(
    flow: SourceContext, job: Job, calls: Sequence[Attempt]
) -> dict[str, Any]:
    asked = next((one.provider for one in calls if one.outcome is None), None)
    if job.state is JobState.UPLOADING:
        doing = "is put on its page"
    elif asked is None:
        doing = "is about to be made"
    else:
        doing = f"is being made by {flow.providers[asked].traits.label}"
    if (delay := _describe_delay(flow, job)) is not None:
        return {"job": job, "doing": f"waits: {delay['why']}"} | delay
    return {"job": job, "doing": doing, "since": job.moved_at, "until": None}


def _describe_delay(flow: SourceContext, job: Job) -> dict[str, Any] | None:
    """Return why a step of a job failed last, and when it is tried again."""
    for delay in flow.delays.of_job(job.id):
        why = f"{delay.subject.task} failed ({delay.why})"
        return {
            "why": why,
            "since": job.moved_at,
            "until": next_try_at(flow, delay.subject),
        }
    return None


def _describe_queued_job(flow: SourceContext, job: Job) -> dict[str, Any]:
    if (delay := _describe_delay(flow, job)) is not None:
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


def _describe_provider(
    flow: SourceContext, situation: ChainState, name: str
) -> dict[str, Any]:
    traits, state = flow.providers[name].traits, situation.breakers[name]
    return {
        "name": name,
        "label": traits.label,
        "open": state.state is not Position.CLOSED,
        "probing": state.state is Position.HALF_OPEN,
        "words": descriptions.describe_breaker(state, situation.now, flow.clock.zone),
        "message": state.message,
        "price": format_dollars(traits.price(_USUAL_MEGAPIXELS)),
        "sums": situation.books.by_provider.get(name, SpendingTotals()),
        "included": traits.included,
        "included_per": traits.included_per,
        "covered": situation.books.included_cost_of(traits),
        "calls": situation.calls.get(name, 0),
    }
