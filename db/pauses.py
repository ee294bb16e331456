"""Whether a person has paused a source."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import Pause
from db.tables import pauses

_OF_SOURCE = sa.select(pauses).where(pauses.c.source == sa.bindparam("of"))


async def get(tx: Tx, source: str, now: datetime) -> Pause | None:
    """Return the pause that holds at *now*, if one does."""
    found = await mapping.fetch_one(tx, Pause, _OF_SOURCE, of=source)
    over = found is not None and found.until is not None and found.until <= now
    return None if over else found


async def set_pause(tx: Tx, pause: Pause) -> None:
    """Pause a source; an earlier pause gives way."""
    await clear_pause(tx, pause.source)
    values = {"source": pause.source, "since": pause.since, "until": pause.until}
    await tx.execute(pauses.insert().values(**values))


async def clear_pause(tx: Tx, source: str) -> bool:
    """Resume; say whether there was a pause."""
    gone = await tx.execute(pauses.delete().where(pauses.c.source == source))
    return gone.rowcount > 0
