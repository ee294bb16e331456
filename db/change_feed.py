"""The rows of `events` and `attempts` added since a position, in batches."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import Attempt, JobEvent
from db.tables import attempts, events

#: Rows per read.
_BATCH = 2000


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """The highest ids that a reader has read, of `events` and of `attempts`."""

    event: int = 0
    attempt: int = 0


async def current_position(tx: Tx) -> FeedPosition:
    """Return the position after all rows."""
    return FeedPosition(
        event=await mapping.fetch_scalar(tx, sa.select(sa.func.max(events.c.id))),
        attempt=await mapping.fetch_scalar(tx, sa.select(sa.func.max(attempts.c.id))),
    )


async def events_after(tx: Tx, event: int) -> list[JobEvent]:
    """Return the events after the id *event*, oldest first, 2,000 at most."""
    query = sa.select(events).where(events.c.id > event).order_by(events.c.id)
    return await mapping.fetch_all(tx, JobEvent, query.limit(_BATCH))


async def attempts_after(tx: Tx, attempt: int) -> list[Attempt]:
    """Return the calls after the id *attempt*, oldest first, 2,000 at most."""
    query = sa.select(attempts).where(attempts.c.id > attempt).order_by(attempts.c.id)
    return await mapping.fetch_all(tx, Attempt, query.limit(_BATCH))


async def ended_among(tx: Tx, attempt_ids: Collection[int]) -> list[Attempt]:
    """Return the calls of *attempt_ids* that have ended."""
    ended: list[Attempt] = []
    for chunk in mapping.in_chunks(sorted(attempt_ids)):
        query = sa.select(attempts).where(
            attempts.c.id.in_(chunk), attempts.c.outcome.is_not(None)
        )
        ended += await mapping.fetch_all(tx, Attempt, query)
    return ended
