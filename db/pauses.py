"""Sources that a person has paused."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import Pause
from db.tables import pauses

_OF_SOURCE = sa.select(pauses).where(pauses.c.source == sa.bindparam("of"))


async def get(tx: Tx, source: str, now: datetime) -> Pause | None:
    """Return the pause of a source; None if there is none, or it has ended by *now*."""
    pause = await mapping.fetch_one(tx, Pause, _OF_SOURCE, of=source)
    has_ended = pause is not None and pause.until is not None and pause.until <= now
    return None if has_ended else pause


async def set_pause(tx: Tx, pause: Pause) -> None:
    """Pause a source; this replaces an earlier pause."""
    await clear_pause(tx, pause.source)
    await tx.execute(pauses.insert().values(**mapping.values_of(pause)))


async def clear_pause(tx: Tx, source: str) -> bool:
    """Resume a source; return whether it was paused."""
    deleted = await tx.execute(pauses.delete().where(pauses.c.source == source))
    return deleted.rowcount > 0
