"""How things stand, in one line: for `systemctl status`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.flow import choose
from daemon.flow.flows import Flows
from daemon.notion.model import Schema
from db import jobs, posts
from db.states import State
from providers import telling
from providers.breaker import State as Position

_OPEN = (State.QUEUED, State.GENERATING, State.UPLOADING)
#: A title may have 2,000 signs, and the line is cut: what follows is read, too.
_LONGEST_TITLE = 80


async def standing(flows: Flows) -> str:
    """Read the queue, who rests, and the money of the month."""
    flow = flows.first
    async with flow.db.reading() as tx:
        situation = await choose.survey(tx, flows.spender)
        counts = await jobs.open_counts(tx)
        held = await posts.held_count(tx)
    chain = dict.fromkeys(name for one in flows for name in one.plan.chain)
    resting = [
        f"{name}: {telling.describe(found, situation.now, flow.clock.zone)}"
        for name in chain
        if (found := situation.breakers.get(name))
        and found.state is not Position.CLOSED
    ]
    return in_words(
        counts,
        held=held,
        resting=resting,
        cost=situation.books.month.cost,
        budget=flows.spender.plan.limits.month,
    )


def in_words(
    counts: Mapping[State, int],
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


def mark(source: str) -> str:
    """Return what a status line calls a data source by, besides its title."""
    return f"({source.replace('-', '')[:8]})"


def watching(flows: Flows) -> str:
    """Return "'Facebook posts' (1a2b3c4d), last poll 10:15:30"."""
    if trouble := flows.trouble:
        return f"Notion: {trouble}"
    if not any(flow.speaks for flow in flows):
        return "another daemon asks Notion"
    looked_at = flows.looked_at
    ours = [flow.schema for flow in flows if flow.speaks]
    seen = [_named(schema) for schema in ours if schema is not None]
    if looked_at is None or len(seen) < len(ours):
        return "Notion has not answered yet"
    at = looked_at.astimezone(flows.first.clock.zone)
    return f"{', '.join(seen)}, last poll {at:%H:%M:%S}"


def _named(schema: Schema) -> str:
    title = schema.title
    if len(title) > _LONGEST_TITLE:
        title = f"{title[: _LONGEST_TITLE - 1]}…"
    return f"'{title}' {mark(schema.source)}"
