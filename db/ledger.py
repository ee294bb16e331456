"""What has happened since somebody last looked: only the new rows are read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from db import rows
from db.engine import Tx
from db.records import Attempt, History
from db.tables import attempts, events

_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """How far somebody has read."""

    event: int = 0
    attempt: int = 0


async def newest(tx: Tx) -> Place:
    """Return the place behind everything there is."""
    return Place(
        event=await rows.number(tx, sa.select(sa.func.max(events.c.id))),
        attempt=await rows.number(tx, sa.select(sa.func.max(attempts.c.id))),
    )


async def moves_after(tx: Tx, event: int) -> list[History]:
    """Return what happened to jobs since, oldest first; not all of it at once."""
    query = sa.select(events).where(events.c.id > event).order_by(events.c.id)
    return await rows.many(tx, History, query.limit(_AT_ONCE))


async def calls_after(tx: Tx, attempt: int) -> list[Attempt]:
    """Return the calls that began since, oldest first; not all of them at once."""
    query = sa.select(attempts).where(attempts.c.id > attempt).order_by(attempts.c.id)
    return await rows.many(tx, Attempt, query.limit(_AT_ONCE))


async def ended(tx: Tx, attempt_ids: Collection[int]) -> list[Attempt]:
    """Return those of some calls that have ended."""
    found: list[Attempt] = []
    known = sorted(attempt_ids)
    for start in range(0, len(known), 500):  # SQLite's limit of parameters
        query = sa.select(attempts).where(
            attempts.c.id.in_(known[start : start + 500]),
            attempts.c.outcome.is_not(None),
        )
        found += await rows.many(tx, Attempt, query)
    return found
