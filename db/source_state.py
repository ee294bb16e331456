"""The state of each source: progress of polls and sweeps, pause, circuit breakers."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from db.engine import Tx
from db.mapping import CleanText, fetch_all, fetch_one, replace_row, values_of
from db.models import BreakerRecord, Pause, SourceState
from db.tables import breakers, pauses, sync

#: All sources share the breakers, because a provider that is out of credits is so for
#: every source.  They are stored under the name of the default source.
SHARED = "default"

_OF = sa.bindparam("of", type_=CleanText())
_STATE = sa.select(sync).where(sync.c.source == _OF)
_PAUSE = sa.select(pauses).where(pauses.c.source == _OF)
_BREAKERS = sa.select(breakers).where(breakers.c.source == _OF)


async def load_source_state(tx: Tx, source: str) -> SourceState | None:
    """Return the stored state of a source; None before its first poll."""
    return await fetch_one(tx, SourceState, _STATE, of=source)


async def save_source_state(tx: Tx, state: SourceState) -> None:
    """Insert or replace the stored state of a source."""
    values = values_of(state) | {"columns": dict(state.columns)}
    await replace_row(tx, sync, values)


async def sources_of(tx: Tx, data_source: str) -> set[str]:
    """Return the names of the sources that use this Notion data source."""
    query = sa.select(sync.c.source).where(sync.c.data_source == data_source)
    return set((await tx.execute(query)).scalars())


async def get_pause(tx: Tx, source: str, now: datetime) -> Pause | None:
    """Return the pause of a source; None if there is none, or it has ended by *now*."""
    pause = await fetch_one(tx, Pause, _PAUSE, of=source)
    has_ended = pause is not None and pause.until is not None and pause.until <= now
    return None if has_ended else pause


async def set_pause(tx: Tx, pause: Pause) -> None:
    """Pause a source; this replaces an earlier pause."""
    await replace_row(tx, pauses, values_of(pause))


async def clear_pause(tx: Tx, source: str) -> bool:
    """Resume a source; return whether it was paused."""
    deleted = await tx.execute(pauses.delete().where(pauses.c.source == source))
    return deleted.rowcount > 0


async def load_breakers(tx: Tx) -> dict[str, BreakerRecord]:
    """Return the stored breakers, by provider; `providers.breaker` has their logic."""
    records = await fetch_all(tx, BreakerRecord, _BREAKERS, of=SHARED)
    return {record.name: record for record in records}


async def save_breaker(tx: Tx, record: BreakerRecord) -> None:
    """Insert or replace a breaker, in the transaction that loaded it."""
    await replace_row(tx, breakers, values_of(record))
