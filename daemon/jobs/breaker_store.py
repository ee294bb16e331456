"""Load and save circuit breakers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from daemon.context import SourceContext
from db import breakers
from db.engine import Tx
from db.models import BreakerRecord
from providers.breaker import Breaker, BreakerState
from providers.outcomes import Outcome

_FIELDS = tuple(field.name for field in fields(Breaker))


async def load_breakers(tx: Tx, source: SourceContext) -> Mapping[str, Breaker]:
    """Return the breaker of every configured provider, by provider name."""
    stored = await breakers.load_all(tx)
    return {
        name: breaker_from_record(stored[name])
        if name in stored
        else Breaker(name=name)
        for name in source.providers
    }


async def save_breaker(tx: Tx, breaker: Breaker) -> None:
    """Store a breaker, in the transaction that loaded it."""
    values = {name: getattr(breaker, name) for name in _FIELDS}
    values["state"] = breaker.state.value
    values["reason"] = breaker.reason.value if breaker.reason else None
    await breakers.save(tx, BreakerRecord(source=breakers.SHARED, **values))


def breaker_from_record(record: BreakerRecord) -> Breaker:
    """Return the breaker of a database row."""
    values = {name: getattr(record, name) for name in _FIELDS}
    values["state"] = BreakerState(record.state)
    values["reason"] = Outcome(record.reason) if record.reason else None
    return Breaker(**values)
