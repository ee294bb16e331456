"""The dashboard, and /healthz, which tells a monitor whether the daemon can work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from daemon.cluster.base import list_peers
from daemon.context import SourceContext, Sources, earliest_time
from daemon.formatting import format_dollars
from daemon.generation import storage_guard
from daemon.generation.provider_selection import ChainState, load_chain_state
from daemon.jobs.allowance import describe_allowance
from daemon.jobs.postponement import next_try_at
from daemon.notion.filters import filter_problems
from daemon.status_line import describe_activity, load_activity, load_blocked_reasons
from daemon.web.session import WebContext, web_context_of
from db import attempts, gallery, posts, queue, source_state
from db.engine import Tx
from db.errors import DatabaseError
from db.gallery import GalleryFilter
from db.models import Attempt, Job
from db.spending import SpendingTotals
from db.states import JobState
from providers.breaker import BreakerState
from providers.breaker_text import describe_breaker

_QUEUE = 8
_HELD = 4
_FAILED = 3
_NEWEST = 12


def routes(_app: web.Application) -> list[web.RouteDef]:
    """Return the routes of the dashboard and of /healthz."""
    return [web.get("/", show_dashboard), web.get("/healthz", _show_health)]


async def show_dashboard(request: web.Request) -> web.StreamResponse:
    """Answer with the start page: queue, services, money and newest images."""
    site = web_context_of(request)
    async with site.source.app.db.read_transaction() as tx:
        data = await _load_dashboard(tx, site)
    return site.render(request, "now.html", **data)


async def _load_dashboard(tx: Tx, site: WebContext) -> dict[str, Any]:
    source, now = site.source, site.source.app.now()
    chain_state = await load_chain_state(tx, site.sources.shared_budget_source)
    own_budgets = [
        (source, await load_chain_state(tx, source))
        for source in site.sources.own_budget_sources
    ]
    working = await queue.list_jobs(tx, [JobState.GENERATING, JobState.UPLOADING])
    calls = await attempts.of_jobs(tx, [job.id for job in working])
    states = [
        await source_state.load_source_state(tx, name) for name in site.sources.names
    ]
    source_pauses = [
        await source_state.get_pause(tx, name, now) for name in site.sources.names
    ]
    newest = await gallery.load_page(tx, GalleryFilter(), limit=_NEWEST)
    next_jobs = await queue.list_queued(tx, limit=_QUEUE)
    blocked = await load_blocked_reasons(tx, site.sources, next_jobs)
    activity = await load_activity(tx, site.sources, chain_state)
    return {
        "headline": describe_activity(activity),
        "sources": [state.title for state in states if state and state.title],
        "filters": [
            problem
            for source in site.sources
            for problem in _source_filter_problems(source)
        ],
        "away": site.sources.outage_reason,
        "away_until": earliest_time(
            source.notion_retry_at
            for source in site.sources
            if source.notion_backoff.why
        ),
        "others": await list_peers(tx, source.app.db, source.app.instance.id),
        "disk": activity.disk,
        # `paused` lists the paused sources unless all of them are paused.
        "pause": source_pauses[0] if all(source_pauses) else None,
        "paused": [
            pause.source for pause in source_pauses if pause and not all(source_pauses)
        ],
        "working": [
            _describe_running_job(
                site.sources.source_of(job.source), job, calls.get(job.id, ())
            )
            for job in working
        ],
        "queued": activity.queued,
        "queue": [
            _describe_queued_job(source, job, blocked.get(job.id, ""))
            for job in next_jobs
        ],
        "held": activity.held,
        "held_posts": await posts.latest_held(tx, limit=_HELD),
        "held_cost": activity.held * source.price_of(source.chain[0]),
        "failed": await queue.list_jobs(tx, [JobState.FAILED], limit=_FAILED),
        "providers": _describe_providers(site.sources, chain_state),
        "month": chain_state.spending.month,
        "month_name": now.astimezone(source.app.clock.zone).strftime("%B"),
        "budget": site.sources.shared_budget_source.options.budget.month,
        "own_months": [
            (source.name, own_state.spending.month.cost, source.options.budget.month)
            for source, own_state in own_budgets
        ],
        "newest": newest.tiles,
    }


def _source_filter_problems(source: SourceContext) -> list[str]:
    """Return the problems of posts.only and posts.skip; none before the first poll."""
    if source.state.schema is None:
        return []
    rules = source.options.posts
    return filter_problems(source.state.schema, rules.only, rules.skip)


def _describe_providers(
    sources: Sources, chain_state: ChainState
) -> list[dict[str, Any]]:
    used = {name for each in sources for name in (*each.chain, *each.writers)}
    return [
        _describe_provider(sources.first, chain_state, name)
        | {"in_chain": name in used}
        for name in sources.first.services
    ]


def _describe_running_job(
    source: SourceContext, job: Job, calls: Sequence[Attempt]
) -> dict[str, Any]:
    provider = next((call.provider for call in calls if call.outcome is None), None)
    if job.state is JobState.UPLOADING:
        doing = "uploading to Notion"
    elif provider is None:
        doing = "starting"
    else:
        label = source.services[provider].traits.label
        is_writer = provider in source.writers
        doing = f"{label} is {'writing the prompt' if is_writer else 'generating'}"
    if (delay := _describe_delay(source, job)) is not None:
        return {"job": job, "doing": f"waiting, because {delay['why']}"} | delay
    return {"job": job, "doing": doing, "since": job.moved_at, "until": None}


def _describe_delay(source: SourceContext, job: Job) -> dict[str, Any] | None:
    """Return why a step of a job failed last, and when the next try is."""
    for delay in source.app.retry_schedule.of_job(job.id):
        why = f"{delay.subject.task} failed ({delay.why})"
        until = next_try_at(source.app, delay.subject)
        return {"why": why, "since": job.moved_at, "until": until}
    return None


def _describe_queued_job(
    source: SourceContext, job: Job, blocked: str
) -> dict[str, Any]:
    why = "in the queue"
    until: datetime | None = None
    if (delay := _describe_delay(source, job)) is not None:
        why, until = f"waiting, because {delay['why']}", delay["until"]
    elif job.pending_write == "untick" and job.acked_at is None:
        why = "waiting until Notion clears the checkbox"
    elif job.due_at > source.app.now():
        until = job.due_at
        why = "waiting until the post has not been edited for a while"
        if (service := source.services.get(job.waiting_for_provider or "")) is not None:
            why = f"waiting for {service.traits.label}"
        elif job.rounds:
            why = "waiting for the next attempt"
    elif blocked:
        why = f"waiting, because {blocked}"
    return {"job": job, "why": why, "until": until}


def _describe_provider(
    source: SourceContext, chain_state: ChainState, name: str
) -> dict[str, Any]:
    traits, breaker = source.services[name].traits, chain_state.breakers[name]
    return {
        "name": name,
        "label": traits.label,
        "is_card": traits.is_card,
        "noun": "prompt" if name in source.writers else "image",
        "open": breaker.state is not BreakerState.CLOSED,
        "probing": breaker.state is BreakerState.HALF_OPEN,
        "words": describe_breaker(breaker, chain_state.now, source.app.clock.zone),
        "message": breaker.message,
        "price": format_dollars(source.price_of(name)),
        "sums": chain_state.spending.by_provider.get(name, SpendingTotals()),
        "credits": describe_allowance(
            traits,
            chain_state.allowances[name],
            source.app.clock.zone,
            source.price_of(name),
        ),
        "calls": chain_state.calls.get(name, 0),
    }


async def _show_health(request: web.Request) -> web.StreamResponse:
    site = web_context_of(request)
    problems = await find_problems(site)
    if not problems:
        return web.Response(text="ok\n")
    # Without access to the page, a visitor gets no paths and messages.
    may_enter = site.may_enter(request)
    lines = [f"{word}: {why}" if may_enter else word for word, why in problems.items()]
    return web.Response(text="\n".join(lines) + "\n", status=503)


async def find_problems(site: WebContext) -> dict[str, str]:
    """Return the problems that prevent work, as keyword and message.

    An outage of Notion is not included, because the daemon waits for its end.
    """
    source = site.source
    problems: dict[str, str] = {}
    if (why := storage_guard.unwritable_reason(source)) is not None:
        problems["store" if why == source.app.store.away else "disk"] = why
    try:
        async with source.app.db.read_transaction() as tx:
            await queue.count_open_by_state(tx)
    except DatabaseError as error:
        problems["database"] = str(error)
    if stuck := source.app.watchdog.missed_deadlines():
        problems["stuck"] = f"no progress in {' and '.join(stuck)}"
    return problems
