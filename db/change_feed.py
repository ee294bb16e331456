"""What has happened since somebody last looked: only the new rows are read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import Attempt, JobEvent
from db.tables import attempts, events

_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """How far somebody has read."""

    event: int = 0
    attempt: int = 0


async def current_position(tx: Tx) -> FeedPosition:
    """Return the place behind everything there is."""
    return FeedPosition(
        event=await mapping.fetch_scalar(tx, sa.select(sa.func.max(events.c.id))),
        attempt=await mapping.fetch_scalar(tx, sa.select(sa.func.max(attempts.c.id))),
    )


async def events_after(tx: Tx, event: int) -> list[JobEvent]:
    """Return what happened to jobs since, oldest first; not all of it at once."""
    query = sa.select(events).where(events.c.id > event).order_by(events.c.id)
    return await mapping.fetch_all(tx, JobEvent, query.limit(_AT_ONCE))


async def attempts_after(tx: Tx, attempt: int) -> list[Attempt]:
    """Return the calls that began since, oldest first; not all of them at once."""
    query = sa.select(attempts).where(attempts.c.id > attempt).order_by(attempts.c.id)
    return await mapping.fetch_all(tx, Attempt, query.limit(_AT_ONCE))


async def ended_among(tx: Tx, attempt_ids: Collection[int]) -> list[Attempt]:
    """Return those of some calls that have ended."""
    found: list[Attempt] = []
    known = sorted(attempt_ids)
    for start in range(0, len(known), 500):  # SQLite's limit of parameters
        query = sa.select(attempts).where(
            attempts.c.id.in_(known[start : start + 500]),
            attempts.c.outcome.is_not(None),
        )
        found += await mapping.fetch_all(tx, Attempt, query)
    return found
