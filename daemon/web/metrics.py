"""/metrics for Prometheus, with a session of the page or with basic authentication.

The process metrics are our own, because those of prometheus_client are missing
under systemd's ProcSubset=pid.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from aiohttp import web
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from daemon.context import SourceContext
from daemon.generation.provider_selection import ChainState, load_chain_state
from daemon.imaging import files
from daemon.web.api import has_password, raise_password_required
from daemon.web.session import WebContext, web_context_of
from db import attempts, posts, queue
from db.attempts import FeedPosition
from db.engine import Tx
from db.models import Attempt, JobEvent
from db.spending import SpendingTotals
from db.states import FINAL, OPEN, JobState
from providers.breaker import BreakerState

#: Name without "postbrush_", help text, labels.
GAUGES = (
    ("info", "Version of postbrush.", "version"),
    ("jobs", "Open jobs by state.", "state"),
    ("queue_age_seconds", "Seconds that the oldest due job has waited."),
    ("held_posts", "Posts waiting for approval."),
    ("attempts_open", "Calls in progress.", "provider"),
    (
        "breaker_state",
        "1 for the current state of the breaker, else 0.",
        "provider",
        "state",
    ),
    ("breaker_until_timestamp_seconds", "End of the pause; 0: not paused.", "provider"),
    ("month_cost_dollars", "Dollars charged this month.", "provider"),
    (
        "month_included_dollars",
        "Dollars covered by included credits this month.",
        "provider",
    ),
    ("month_budget_dollars", "budget.month in dollars; 0: no limit."),
    ("notion_up", "1 if Notion can be reached."),
    ("last_poll_timestamp_seconds", "Time of the last successful poll."),
    ("disk_free_bytes", "Free disk space for images."),
)
COUNTERS = (
    ("jobs_ended_total", "Ended jobs by outcome.", "outcome"),
    ("attempts_total", "Ended calls by service and outcome.", "provider", "outcome"),
    ("cost_dollars_total", "Dollars charged for calls.", "provider"),
    ("notion_requests_total", "Requests to Notion by outcome.", "outcome"),
)
_SECONDS = {
    "attempt_seconds": (0.1, 0.5, 1, 2, 5, 10, 20, 40, 60, 120, 300, 600),
    "step_seconds": (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900, 3600, 14400, 86400),
}
HISTOGRAMS = (
    ("attempt_seconds", "Duration of a call.", "provider"),
    ("step_seconds", "Time that a job spent in a state.", "step"),
)
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The metrics of one daemon, in a separate registry."""

    def __init__(self, site: WebContext) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped in prometheus_client
        self._site = site
        self._turn = asyncio.Lock()
        self._requests: dict[str, int] = {}
        registry = self._registry = CollectorRegistry()
        self._gauges = {
            name: Gauge(f"postbrush_{name}", words, labels, registry=registry)
            for name, words, *labels in GAUGES
        }
        self._counters = {
            name: Counter(f"postbrush_{name}", words, labels, registry=registry)
            for name, words, *labels in COUNTERS
        }
        histograms = {
            name: Histogram(
                f"postbrush_{name}",
                words,
                labels,
                buckets=_SECONDS[name],
                registry=registry,
            )
            for name, words, *labels in HISTOGRAMS
        }
        self._process = ProcessMetrics(registry)
        self._gauges["info"].labels(version("postbrush")).set(1)
        # Counters start at 0 instead of being absent.
        for state in FINAL:
            self._counters["jobs_ended_total"].labels(state.value)
        for outcome in ("answered", "limited"):
            self._counters["notion_requests_total"].labels(outcome)
        self._events = EventCounters(self._counters, histograms, site.feed_position)

    async def render_text(self) -> bytes:
        """Return all metrics in the Prometheus text format."""
        async with self._turn:
            await self._update_gauges(self._site.source)
            return generate_latest(self._registry)

    async def _update_gauges(self, source: SourceContext) -> None:
        now = source.app.now()
        async with source.app.db.read_transaction() as tx:
            await self._events.count_new_rows(tx)
            counts = await queue.count_open_by_state(tx)
            oldest = await queue.oldest_due_at(tx, now)
            held = await posts.count_held(tx)
            chain_state = await load_chain_state(tx, source)
        gauges = self._gauges
        for state in OPEN:
            gauges["jobs"].labels(state.value).set(counts.get(state, 0))
        gauges["queue_age_seconds"].set((now - oldest).total_seconds() if oldest else 0)
        gauges["held_posts"].set(held)
        for name in source.services:
            self._update_provider(name, chain_state)
        gauges["month_budget_dollars"].set(source.options.budget.month or 0)
        gauges["notion_up"].set(0 if self._site.sources.outage_reason else 1)
        last_poll = self._site.sources.last_poll_at
        gauges["last_poll_timestamp_seconds"].set(_timestamp_of(last_poll))
        with suppress(OSError):
            gauges["disk_free_bytes"].set(files.free_bytes(source.app.image_folder))
        # `traffic` counts from the start, so the difference to the last read is added.
        for outcome, count in source.app.traffic.items():
            new = count - self._requests.get(outcome, 0)
            self._counters["notion_requests_total"].labels(outcome).inc(new)
            self._requests[outcome] = count
        self._process.update_metrics()

    def _update_provider(self, name: str, chain_state: ChainState) -> None:
        gauges, breaker = self._gauges, chain_state.breakers[name]
        for position in BreakerState:
            is_current = breaker.state is position
            gauges["breaker_state"].labels(name, position.value).set(int(is_current))
        until = None if breaker.state is BreakerState.CLOSED else breaker.until
        gauges["breaker_until_timestamp_seconds"].labels(name).set(_timestamp_of(until))
        gauges["attempts_open"].labels(name).set(chain_state.calls.get(name, 0))
        totals = chain_state.spending.by_provider.get(name, SpendingTotals())
        gauges["month_cost_dollars"].labels(name).set(totals.cost)
        gauges["month_included_dollars"].labels(name).set(totals.included_cost)


class EventCounters:
    """Counts job events and provider calls from the rows added since the last read.

    The database has all of them in their order, so that the pipeline needs no counters.
    """

    def __init__(
        self,
        counters: Mapping[str, Counter],
        histograms: Mapping[str, Histogram],
        position: FeedPosition,
    ) -> None:
        self._counters, self._histograms = counters, histograms
        self._position = position
        self._since: dict[int, tuple[JobState, datetime]] = {}
        self._open: set[int] = set()

    async def count_new_rows(self, tx: Tx) -> None:
        """Count all rows after the position, and advance it."""
        event_id, attempt_id = self._position.event, self._position.attempt
        while events := await attempts.events_after(tx, event_id):
            for event in events:
                self._count_event(event)
            event_id = events[-1].id
        for attempt in await attempts.ended_among(tx, self._open):
            self._open.discard(attempt.id)
            self._count_call(attempt)
        while calls := await attempts.attempts_after(tx, attempt_id):
            for attempt in calls:
                if attempt.outcome is None:
                    self._open.add(attempt.id)
                else:
                    self._count_call(attempt)
            attempt_id = calls[-1].id
        self._position = FeedPosition(event_id, attempt_id)

    def _count_event(self, event: JobEvent) -> None:
        state, since = self._since.get(event.job_id, (None, event.at))
        if state is event.state:
            return
        if state is not None:
            seconds = max(0.0, (event.at - since).total_seconds())
            self._histograms["step_seconds"].labels(state.value).observe(seconds)
        if event.state in FINAL:
            self._since.pop(event.job_id, None)
            self._counters["jobs_ended_total"].labels(event.state.value).inc()
        else:
            self._since[event.job_id] = (event.state, event.at)

    def _count_call(self, call: Attempt) -> None:
        labels = (call.provider, call.outcome or "")
        self._counters["attempts_total"].labels(*labels).inc()
        self._counters["cost_dollars_total"].labels(call.provider).inc(call.cost)
        if call.ended_at is not None:
            seconds = max(0.0, (call.ended_at - call.started_at).total_seconds())
            self._histograms["attempt_seconds"].labels(call.provider).observe(seconds)


class ProcessMetrics:
    """Memory, open files and CPU time under the standard Prometheus names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._memory = Gauge(
            "process_resident_memory_bytes",
            "Resident memory in bytes.",
            registry=registry,
        )
        self._files = Gauge(
            "process_open_fds", "Open file descriptors.", registry=registry
        )
        self._time = Counter(
            "process_cpu_seconds_total", "CPU time in seconds.", registry=registry
        )
        self._before = 0.0

    def update_metrics(self) -> None:
        """Read the values again; memory and files stay 0 without /proc."""
        with suppress(OSError, ValueError, IndexError):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self._memory.set(pages * os.sysconf("SC_PAGE_SIZE"))
            self._files.set(sum(1 for _ in Path("/proc/self/fd").iterdir()))
        used = sum(os.times()[:2])
        self._time.inc(max(0.0, used - self._before))
        self._before = used


def _timestamp_of(time: datetime | None) -> float:
    return time.timestamp() if time else 0.0


async def answer_scrape(request: web.Request, metrics: Metrics) -> web.Response:
    """Return the metrics to a scraper that may read them.

    Raises:
        HTTPUnauthorized: The request has neither a session nor the password.
    """
    site = web_context_of(request)
    if not site.may_enter(request) and not await has_password(site, request):
        raise_password_required(
            "Authentication required: any user name, with WEB_PASSWORD as the password."
        )
    text = await metrics.render_text()
    return web.Response(body=text, headers={"Content-Type": _CONTENT_TYPE})
