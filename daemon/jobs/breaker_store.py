"""Breakers between the database, where they live, and the code that decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from daemon.context import SourceContext
from db import breakers
from db.engine import Tx
from db.models import BreakerRecord
from providers.breaker import Breaker, BreakerState
from providers.outcomes import Outcome

_FIELDS = tuple(one.name for one in fields(Breaker))


async def load_breakers(tx: Tx, flow: SourceContext) -> Mapping[str, Breaker]:
    """Return the breaker of every configured provider."""
    stored = await breakers.load_all(tx)
    return {
        name: breaker_from_record(stored[name])
        if name in stored
        else Breaker(name=name)
        for name in flow.providers
    }


async def save_breaker(tx: Tx, found: Breaker) -> None:
    """Store one, in the transaction that loaded it."""
    values = {name: getattr(found, name) for name in _FIELDS}
    values["state"] = found.state.value
    values["reason"] = found.reason.value if found.reason else None
    await breakers.save(tx, BreakerRecord(source=breakers.SHARED, **values))


def breaker_from_record(record: BreakerRecord) -> Breaker:
    """Return the breaker a row describes."""
    values = {name: getattr(record, name) for name in _FIELDS}
    values["state"] = BreakerState(record.state)
    values["reason"] = Outcome(record.reason) if record.reason else None
    return Breaker(**values)
