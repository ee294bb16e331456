"""What postbrush is doing, in one line: for `systemctl status`, commands, web page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from daemon.config.parsing import parse_format
from daemon.context import SourceContext, Sources
from daemon.formatting import (
    format_clock,
    format_count,
    format_note_time,
    format_spending,
)
from daemon.generation import provider_selection, storage_guard
from daemon.generation.chain_input import ChainInput, ImageSpec, load_chain_inputs
from daemon.generation.provider_selection import ChainState
from daemon.notion.model import Schema
from db import posts, queue, source_state
from db.engine import Tx
from db.models import Job
from db.states import JobState
from providers.breaker import BreakerState
from providers.breaker_text import describe_breaker
from providers.chain import Exhausted

_OPEN = (JobState.QUEUED, JobState.GENERATING, JobState.UPLOADING)
#: Characters; a title may have 2,000, and systemd truncates the line.
_MAX_TITLE = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What decides the one sentence about the present activity.

    Attributes:
        disk: Why images cannot be saved; empty if they can.
        outage: Why Notion cannot be reached; empty if it can.
        is_paused: Every source is paused.
        working: Number of jobs that are running.
        is_read: Notion has been read at least once.
        shortage: See `describe_shortage`.
    """

    disk: str
    outage: str
    is_paused: bool
    working: int
    is_read: bool
    queued: int
    held: int
    posts: int
    shortage: str


async def load_activity(tx: Tx, sources: Sources, state: ChainState) -> Activity:
    """Return the present activity of all sources, as this process knows it."""
    app, names = sources.app, sources.names
    pauses = [await source_state.get_pause(tx, name, app.now()) for name in names]
    stored = [await source_state.load_source_state(tx, name) for name in names]
    counts = await queue.count_open_by_state(tx)
    working = (JobState.GENERATING, JobState.UPLOADING)
    return Activity(
        disk=storage_guard.unwritable_reason(sources.first) or "",
        outage=sources.outage_reason,
        is_paused=all(pauses),
        working=sum(counts.get(job_state, 0) for job_state in working),
        is_read=any(stored),
        queued=counts.get(JobState.QUEUED, 0),
        held=await posts.count_held(tx),
        posts=await posts.count(tx),
        shortage=describe_shortage(sources.shared_budget_source, state),
    )


def describe_activity(activity: Activity) -> str:
    """Return one sentence; "Up to date." only if nothing is left to do.  Pure."""
    are_waiting = "post is" if activity.held == 1 else "posts are"
    verb = "Generating" if activity.working == 1 else "Working on"
    cases = (
        (activity.disk, "Disk problem: images cannot be saved."),
        (activity.outage, "Cannot reach Notion."),
        (activity.is_paused, "Paused."),
        (activity.working, f"{verb} {format_count(activity.working, 'image')}."),
        (not activity.is_read, "Reading the posts …"),
        (activity.queued, f"{format_count(activity.queued, 'post')} in the queue."),
        (activity.held, f"{activity.held} {are_waiting} waiting for your approval."),
        (not activity.posts, "No posts yet."),
        (activity.shortage, f"{activity.shortage}."),
    )
    return next((text for applies, text in cases if applies), "Up to date.")


def describe_shortage(source: SourceContext, state: ChainState) -> str:
    """Return "Hugging Face FLUX is out of credits: cards until 1 Dec", or "".

    Empty while a new post would get its image from a service, now or after a short
    wait, and for a chain without services.
    """
    services = provider_selection.list_services(source.providers, source.chain)
    chain_input = ChainInput(
        image=ImageSpec(prompt="", words="", size=parse_format("square")),
        chain=services,
        card_allowed=False,
    )
    choice = provider_selection.choose_provider(source, chain_input, state)
    if not services or not isinstance(choice, Exhausted):
        return ""
    name, why, _ = choice.reasons[0]
    subject = f"{source.providers[name].traits.label} {why}"
    if len(services) > 1:
        subject = "No image service is available"
    times = [reason.until for reason in choice.reasons if reason.until is not None]
    end = ""
    if times:
        end = f" until {format_note_time(min(times), state.now, source.app.clock.zone)}"
    instead = "cards" if len(source.chain) > len(services) else "no images"
    return f"{subject}: {instead}{end}"


async def load_blocked_reasons(
    tx: Tx, sources: Iterable[SourceContext], jobs: Sequence[Job]
) -> dict[int, str]:
    """Return why due jobs cannot start, by job ID; only those that cannot."""
    reasons = {}
    for source in sources:
        own = [job for job in jobs if _is_due(source, job)]
        if not own:
            continue
        state = await provider_selection.load_chain_state(tx, source)
        inputs = await load_chain_inputs(tx, source, own)
        for job_id, chain_input in inputs.items():
            choice = provider_selection.choose_provider(source, chain_input, state)
            if isinstance(choice, Exhausted):
                why = provider_selection.describe_reasons(source, choice.reasons)
                reasons[job_id] = why
    return reasons


def _is_due(source: SourceContext, job: Job) -> bool:
    is_waiting = job.source == source.name and job.state is JobState.QUEUED
    return is_waiting and job.due_at <= source.app.now()


async def compose_status_line(sources: Sources) -> str:
    """Return the queue, the paused providers and the spending of the month."""
    async with sources.app.db.read_transaction() as tx:
        state = await provider_selection.load_chain_state(
            tx, sources.shared_budget_source
        )
        counts = await queue.count_open_by_state(tx)
        held = await posts.count_held(tx)
    names = dict.fromkeys(name for source in sources for name in source.chain)
    paused = [
        name + ": " + describe_breaker(breaker, state.now, sources.app.clock.zone)
        for name in names
        if (breaker := state.breakers.get(name))
        and breaker.state is not BreakerState.CLOSED
    ]
    return format_status(
        counts,
        held=held,
        paused=paused,
        cost=state.spending.month.cost,
        budget=sources.shared_budget_source.options.budget.month,
    )


def format_status(
    counts: Mapping[JobState, int],
    *,
    held: int,
    paused: Sequence[str],
    cost: float,
    budget: float | None,
) -> str:
    """Return "2 queued, 1 generating; flux: credits used up, ...; $0.12 of $5.00".

    Args:
        paused: One text for each paused provider.
        cost: Dollars spent this month.
        budget: Dollars a month; None without a limit.
    """
    open_jobs = [
        f"{counts[state]} {state.value}" for state in _OPEN if counts.get(state)
    ]
    parts = [
        ", ".join(open_jobs) or "nothing queued",
        *([f"{held} waiting for approval"] if held else []),
        *paused,
        f"{format_spending(cost, budget)} this month",
    ]
    return "; ".join(parts)


def short_source_id(source: str) -> str:
    """Return the first eight digits of a data source ID, in parentheses."""
    return f"({source.replace('-', '')[:8]})"


def describe_watching(sources: Sources) -> str:
    """Return "'Facebook posts' (1a2b3c4d), last poll 10:15:30", or why not."""
    if outage := sources.outage_reason:
        return outage
    if not sources.led:
        return "another daemon polls Notion"
    polled_at = sources.last_poll_at
    schemas = [source.state.schema for source in sources.led]
    titles = [_format_source(schema) for schema in schemas if schema is not None]
    if polled_at is None or len(titles) < len(schemas):
        return "Notion has not responded yet"
    time = format_clock(polled_at, sources.app.clock.zone, seconds=True)
    return f"{', '.join(titles)}, last poll {time}"


def _format_source(schema: Schema) -> str:
    title = schema.title
    if len(title) > _MAX_TITLE:
        title = f"{title[: _MAX_TITLE - 1]}…"
    return f"'{title}' {short_source_id(schema.source)}"
