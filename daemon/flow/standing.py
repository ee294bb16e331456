"""How things stand, in one line: for `systemctl status`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from daemon.flow import choose
from daemon.flow.context import Flow
from db import jobs, posts
from db.states import State
from providers import telling
from providers.breaker import State as Position

_OPEN = (State.QUEUED, State.GENERATING, State.UPLOADING)
#: A title may have 2,000 signs, and the line is cut: what follows is read, too.
_LONGEST_TITLE = 80


async def standing(flow: Flow) -> str:
    """Read the queue, who rests, and the money of the month."""
    async with flow.db.reading() as tx:
        situation = await choose.survey(tx, flow)
        counts = await jobs.open_counts(tx)
        held = await posts.held_count(tx)
    resting = [
        f"{name}: {telling.describe(found, situation.now, flow.clock.zone)}"
        for name in flow.plan.chain
        if (found := situation.breakers.get(name))
        and found.state is not Position.CLOSED
    ]
    return in_words(
        counts,
        held=held,
        resting=resting,
        cost=situation.books.month.cost,
        budget=flow.plan.limits.month,
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


def watching(flow: Flow, mark: str, looked_at: datetime | None) -> str:
    """Return "'Facebook posts' (1a2b3c4d), last poll 10:15:30"."""
    if flow.outage.why:
        return f"Notion: {flow.outage.why}"
    if flow.schema is None or looked_at is None:
        return "Notion has not answered yet"
    at = looked_at.astimezone(flow.clock.zone)
    title = flow.schema.title
    if len(title) > _LONGEST_TITLE:
        title = f"{title[: _LONGEST_TITLE - 1]}…"
    return f"'{title}' {mark}, last poll {at:%H:%M:%S}"
