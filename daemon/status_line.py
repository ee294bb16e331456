"""How things stand, in one line: for `systemctl status`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.generation import provider_selection
from daemon.notion.model import Schema
from daemon.sources import Sources
from db import job_lists, posts
from db.states import JobState
from providers import descriptions
from providers.breaker import BreakerState as Position

_OPEN = (JobState.QUEUED, JobState.GENERATING, JobState.UPLOADING)
#: A title may have 2,000 signs, and the line is cut: what follows is read, too.
_LONGEST_TITLE = 80


async def compose_status_line(flows: Sources) -> str:
    """Read the queue, who rests, and the money of the month."""
    flow = flows.first
    async with flow.db.read_transaction() as tx:
        situation = await provider_selection.load_chain_state(
            tx, flows.shared_budget_source
        )
        counts = await job_lists.count_open_by_state(tx)
        held = await posts.count_held(tx)
    chain = dict.fromkeys(name for one in flows for name in one.plan.chain)
    resting = [
        name
        + ": "
        + descriptions.describe_breaker(found, situation.now, flow.clock.zone)
        for name in chain
        if (found := situation.breakers.get(name))
        and found.state is not Position.CLOSED
    ]
    return format_status(
        counts,
        held=held,
        resting=resting,
        cost=situation.books.month.cost,
        budget=flows.shared_budget_source.plan.limits.month,
    )


def format_status(
    counts: Mapping[JobState, int],
    *,
    held: int,
    resting: Sequence[str],
    cost: float,
    budget: float | None,
) -> str:
    """Return "2 queued, 1 generating; flux: credits used up, ...; $0.12 of $5.00"."""
    waiting = [f"{counts[s]} {s.value}" for s in _OPEN if counts.get(s)]
    of = f" of ${budget:.2f}" if budget is not None else ""
    parts = [
        ", ".join(waiting) or "nothing queued",
        *([f"{held} held"] if held else []),
        *resting,
        f"${cost:.2f}{of} this month",
    ]
    return "; ".join(parts)


def short_source_id(source: str) -> str:
    """Return what a status line calls a data source by, besides its title."""
    return f"({source.replace('-', '')[:8]})"


def describe_watching(flows: Sources) -> str:
    """Return "'Facebook posts' (1a2b3c4d), last poll 10:15:30"."""
    if trouble := flows.outage_reason:
        return f"Notion: {trouble}"
    if not any(flow.speaks for flow in flows):
        return "another daemon asks Notion"
    looked_at = flows.last_poll_at
    ours = [flow.schema for flow in flows if flow.speaks]
    seen = [_format_source(schema) for schema in ours if schema is not None]
    if looked_at is None or len(seen) < len(ours):
        return "Notion has not answered yet"
    at = looked_at.astimezone(flows.first.clock.zone)
    return f"{', '.join(seen)}, last poll {at:%H:%M:%S}"


def _format_source(schema: Schema) -> str:
    title = schema.title
    if len(title) > _LONGEST_TITLE:
        title = f"{title[: _LONGEST_TITLE - 1]}…"
    return f"'{title}' {short_source_id(schema.source)}"
