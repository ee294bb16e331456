"""The daemons that share a database: each says that it lives, and sees the others."""

from __future__ import annotations

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import DaemonRecord
from db.tables import daemons
from db.types import CleanText

_ID = sa.bindparam("which", type_=CleanText())
_CHANGE = daemons.update().where(daemons.c.id == _ID)
#: A daemon's own connection is named after it, and holds no lock but those of tokens.
_ASKING = sa.text(
    "SELECT DISTINCT substr(application_name, 11) FROM pg_locks "
    "JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND datname = current_database() AND starts_with(application_name, 'postbrush ')"
)
_ALL = sa.select(daemons).order_by(daemons.c.started_at, daemons.c.id)


async def record_heartbeat(tx: Tx, record: DaemonRecord) -> DaemonRecord:
    """Say that a daemon lives; return its row, with one beat more than before."""
    known = await mapping.fetch_one(
        tx, DaemonRecord, sa.select(daemons).where(daemons.c.id == record.id)
    )
    values = mapping.values_of(record)
    values["beats"] = known.beats + 1 if known else 1
    if known:
        await tx.execute(_CHANGE, {**values, "which": record.id})
    else:
        await tx.execute(daemons.insert().values(**values))
    return DaemonRecord(**values)


async def list_others(tx: Tx, own: str = "") -> list[DaemonRecord]:
    """Return the daemons that have said so, but *own*, the oldest first."""
    found = await mapping.fetch_all(tx, DaemonRecord, _ALL)
    return [one for one in found if one.id != own]


async def leader_ids(tx: Tx) -> set[str]:
    """Return the ids of those who ask Notion now; of a server only, which knows."""
    return set((await tx.execute(_ASKING)).scalars())


async def deregister_daemon(tx: Tx, which: str) -> bool:
    """Forget a daemon that has ended; say whether it was known."""
    gone = await tx.execute(daemons.delete().where(daemons.c.id == which))
    return gone.rowcount > 0
