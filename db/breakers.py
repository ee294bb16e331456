"""Circuit breakers as they are stored; what they mean is `providers.breaker`."""

from __future__ import annotations

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import BreakerRecord
from db.tables import breakers
from db.types import CleanText

#: A service that is out of credits is so for every source: breakers are shared, under
#: the name that a single source has.
SHARED = "default"

_OF = sa.bindparam("of", type_=CleanText())
_OF_SOURCE = sa.select(breakers).where(breakers.c.source == _OF)
_CHANGE = breakers.update().where(
    breakers.c.source == _OF, breakers.c.name == sa.bindparam("called")
)


async def load_all(tx: Tx) -> dict[str, BreakerRecord]:
    """Return the stored breakers, by provider."""
    stored = await mapping.fetch_all(tx, BreakerRecord, _OF_SOURCE, of=SHARED)
    return {one.name: one for one in stored}


async def save(tx: Tx, record: BreakerRecord) -> None:
    """Insert or replace one; call within the transaction that loaded it."""
    values = mapping.values_of(record)
    which = {"of": record.source, "called": record.name}
    changed = await tx.execute(_CHANGE, {**values, **which})
    if changed.rowcount == 0:
        await tx.execute(breakers.insert().values(**values))
