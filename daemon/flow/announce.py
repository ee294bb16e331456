"""What happened to a breaker, said once, in a sentence that stands alone."""

from __future__ import annotations

from daemon.flow.context import Flow
from providers import breaker
from providers.base import Outcome
from providers.breaker import Breaker, State

#: What only a person can mend.
_LOUD = frozenset({Outcome.TOKEN, Outcome.GONE})


def announce(flow: Flow, before: Breaker, after: Breaker) -> None:
    """Log the change from *before* to *after*, if there is one to speak of."""
    if after.state is State.OPEN and after.generation != before.generation:
        _opened(flow, after)
    elif after.state is State.CLOSED and before.state is not State.CLOSED:
        flow.log.info(
            "breaker.closed", summary=f"{after.name}: serving again", provider=after.name
        )


def _opened(flow: Flow, after: Breaker) -> None:
    words = breaker.describe(after, flow.now(), flow.clock.zone)
    meanwhile = [name for name in flow.plan.chain if name != after.name]
    rest = f"; meanwhile {', then '.join(meanwhile)}" if meanwhile else ""
    speak = flow.log.error if after.reason in _LOUD else flow.log.warning
    speak(
        "breaker.opened",
        summary=f"{after.name}: {words}{rest}",
        provider=after.name,
        reason=after.reason,
        until=after.until.isoformat() if after.until else None,
    )


def announce_probe(flow: Flow, found: Breaker) -> None:
    """Say that one job is let through to see whether the service is back."""
    flow.log.info(
        "breaker.half_open",
        summary=f"{found.name}: one job is asking whether it is back",
        provider=found.name,
    )
