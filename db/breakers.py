"""Storage of circuit breakers; `providers.breaker` has their logic."""

from __future__ import annotations

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import BreakerRecord
from db.tables import breakers
from db.types import CleanText

#: All sources share the breakers, because a provider that is out of credits is so for
#: every source.  They are stored under the name of the default source.
SHARED = "default"

_OF = sa.bindparam("of", type_=CleanText())
_OF_SOURCE = sa.select(breakers).where(breakers.c.source == _OF)
_CHANGE = breakers.update().where(
    breakers.c.source == _OF, breakers.c.name == sa.bindparam("called")
)


async def load_all(tx: Tx) -> dict[str, BreakerRecord]:
    """Return the stored breakers, by provider."""
    records = await mapping.fetch_all(tx, BreakerRecord, _OF_SOURCE, of=SHARED)
    return {record.name: record for record in records}


async def save(tx: Tx, record: BreakerRecord) -> None:
    """Insert or replace a breaker, in the transaction that loaded it."""
    values = mapping.values_of(record)
    key = {"of": record.source, "called": record.name}
    updated = await tx.execute(_CHANGE, {**values, **key})
    if updated.rowcount == 0:
        await tx.execute(breakers.insert().values(**values))
