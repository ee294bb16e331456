"""The status line for `systemctl status`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.context import Sources
from daemon.formatting import format_clock, format_spending
from daemon.generation import provider_selection
from daemon.notion.model import Schema
from db import posts, queue
from db.states import JobState
from providers.breaker import BreakerState
from providers.breaker_text import describe_breaker

_OPEN = (JobState.QUEUED, JobState.GENERATING, JobState.UPLOADING)
#: Characters; a title may have 2,000, and systemd truncates the line.
_MAX_TITLE = 80


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
        resting=paused,
        cost=state.spending.month.cost,
        budget=sources.shared_budget_source.options.budget.month,
    )


def format_status(
    counts: Mapping[JobState, int],
    *,
    held: int,
    resting: Sequence[str],
    cost: float,
    budget: float | None,
) -> str:
    """Return "2 queued, 1 generating; flux: credits used up, ...; $0.12 of $5.00".

    Args:
        resting: One text for each paused provider.
        cost: Dollars spent this month.
        budget: Dollars a month; None without a limit.
    """
    open_jobs = [
        f"{counts[state]} {state.value}" for state in _OPEN if counts.get(state)
    ]
    parts = [
        ", ".join(open_jobs) or "nothing queued",
        *([f"{held} held"] if held else []),
        *resting,
        f"{format_spending(cost, budget)} this month",
    ]
    return "; ".join(parts)


def short_source_id(source: str) -> str:
    """Return the first eight digits of a data source ID, in parentheses."""
    return f"({source.replace('-', '')[:8]})"


def describe_watching(sources: Sources) -> str:
    """Return "'Facebook posts' (1a2b3c4d), last poll 10:15:30", or why not."""
    if outage := sources.outage_reason:
        return f"Notion: {outage}"
    if not sources.led:
        return "another daemon asks Notion"
    polled_at = sources.last_poll_at
    schemas = [source.state.schema for source in sources.led]
    titles = [_format_source(schema) for schema in schemas if schema is not None]
    if polled_at is None or len(titles) < len(schemas):
        return "Notion has not answered yet"
    time = format_clock(polled_at, sources.app.clock.zone, seconds=True)
    return f"{', '.join(titles)}, last poll {time}"


def _format_source(schema: Schema) -> str:
    title = schema.title
    if len(title) > _MAX_TITLE:
        title = f"{title[: _MAX_TITLE - 1]}…"
    return f"'{title}' {short_source_id(schema.source)}"
