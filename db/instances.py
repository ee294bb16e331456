"""The daemons that share a database: their heartbeats and their leaders."""

from __future__ import annotations

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import DaemonRecord
from db.tables import daemons
from db.types import CleanText

_ID = sa.bindparam("which", type_=CleanText())
_CHANGE = daemons.update().where(daemons.c.id == _ID)
#: `db.advisory_locks.LockSession` names its connection "postbrush ID", and holds locks
#: of Notion tokens only.
_LEADER_IDS = sa.text(
    "SELECT DISTINCT substr(application_name, 11) FROM pg_locks "
    "JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND datname = current_database() AND starts_with(application_name, 'postbrush ')"
)
_ALL = sa.select(daemons).order_by(daemons.c.started_at, daemons.c.id)


async def record_heartbeat(tx: Tx, record: DaemonRecord) -> DaemonRecord:
    """Store a daemon's row with its heartbeat count raised by one; return the row."""
    stored = await mapping.fetch_one(
        tx, DaemonRecord, sa.select(daemons).where(daemons.c.id == record.id)
    )
    values = mapping.values_of(record)
    values["beats"] = stored.beats + 1 if stored else 1
    if stored:
        await tx.execute(_CHANGE, {**values, "which": record.id})
    else:
        await tx.execute(daemons.insert().values(**values))
    return DaemonRecord(**values)


async def list_others(tx: Tx, own: str = "") -> list[DaemonRecord]:
    """Return the registered daemons except *own*, in the order of their starts."""
    records = await mapping.fetch_all(tx, DaemonRecord, _ALL)
    return [record for record in records if record.id != own]


async def leader_ids(tx: Tx) -> set[str]:
    """Return the ids of the daemons that lead a Notion token now; PostgreSQL only."""
    return set((await tx.execute(_LEADER_IDS)).scalars())


async def deregister_daemon(tx: Tx, daemon_id: str) -> bool:
    """Delete a daemon's row; return whether there was one."""
    deleted = await tx.execute(daemons.delete().where(daemons.c.id == daemon_id))
    return deleted.rowcount > 0
