"""The circuit breaker of one provider: pure, standard library, time passed in.

::

    CLOSED --credits, loading, rate limit, token, not breaker, 3 failures--> OPEN
    OPEN   --the pause is over: the next job is admitted--> HALF_OPEN
    HALF_OPEN --an image--> CLOSED        HALF_OPEN --any other error--> OPEN

Half-open admits exactly one probe, which is always a job that needs the provider.
The generation number makes a late result of an earlier period harmless.  A stored
time further ahead than it could have been set counts as now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from providers.admission import Admission, AdmissionKind
from providers.breaker_policy import (
    CREDITS_MAX,
    FAILED_MAX,
    LONGEST,
    WHY,
    BreakerPolicy,
    open_until,
)
from providers.outcomes import Outcome

_FAILURES = 3
#: Time for decoding and writing, beyond the provider's timeout of the probe.
_PROBE_SLACK = timedelta(seconds=60)


class BreakerState(StrEnum):
    """The state of a breaker.  The value is what the database stores."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """The stored state of one provider's breaker.

    Attributes:
        reason: The outcome that opened the breaker.
        failures: Consecutive failures while closed.
        trips: Consecutive openings for this reason; each doubles the pause.
        until: When the next probe is admitted.  None while open means that only a
            reset, a changed token or a changed setting closes the breaker.
        probe_at: When a probe is admitted although credits are used up, because a
            top-up may have ended that early.
        generation: A number that grows at every opening and closing.
        probe_owner: Who runs the probe in half-open, until `probe_until`.
        settings: Keyed hash of the token and settings that the breaker applies to.
        message: The service's error message.
    """

    name: str
    state: BreakerState = BreakerState.CLOSED
    reason: Outcome | None = None
    failures: int = 0
    trips: int = 0
    opened_at: datetime | None = None
    until: datetime | None = None
    probe_at: datetime | None = None
    generation: int = 0
    probe_owner: str | None = None
    probe_until: datetime | None = None
    settings: str = ""
    message: str = ""


def admission_at(breaker: Breaker, now: datetime) -> Admission:
    """Return whether the breaker admits a job at *now*."""
    waitable = breaker.reason in {Outcome.LOADING, Outcome.THROTTLED}
    why = WHY.get(breaker.reason, "resting") if breaker.reason else ""
    if breaker.state is BreakerState.CLOSED:
        return Admission(kind=AdmissionKind.READY)
    held = breaker.probe_owner is not None and breaker.probe_until is not None
    # Another job is the probe.
    if (
        breaker.state is BreakerState.HALF_OPEN
        and held
        and now < _clamp_expiry(breaker.probe_until, now)
    ):
        return Admission(
            kind=AdmissionKind.PROBING,
            until=breaker.probe_until,
            waitable=waitable,
            why=why,
        )
    # The probe was released or has expired, so the next job is the probe.
    if breaker.state is BreakerState.HALF_OPEN:
        return Admission(kind=AdmissionKind.PROBE, waitable=waitable, why=why)
    opens = _half_open_at(breaker, now)
    # The pause is over.
    if opens is not None and opens <= now:
        unseen = breaker.reason is Outcome.UNAVAILABLE
        return Admission(
            kind=AdmissionKind.PROBE, waitable=waitable, unseen=unseen, why=why
        )
    return Admission(
        kind=AdmissionKind.RESTING,
        until=opens,
        back=breaker.until,
        waitable=waitable,
        why=why,
    )


def _clamp_expiry(time: datetime | None, now: datetime) -> datetime:
    """Return *time*, or *now* if a wrong clock set it more than a day ahead."""
    if time is None or time - now > timedelta(days=1):
        return now
    return time


def _half_open_at(breaker: Breaker, now: datetime) -> datetime | None:
    times = [time for time in (breaker.until, breaker.probe_at) if time is not None]
    if not times:
        return None
    earliest = min(times)
    most = LONGEST.get(breaker.reason, FAILED_MAX) if breaker.reason else FAILED_MAX
    # A time further ahead than it could have been set comes from a wrong clock.
    return now if earliest - now > most else earliest


def try_acquire(
    breaker: Breaker, owner: str, now: datetime, policy: BreakerPolicy
) -> tuple[Breaker, bool] | None:
    """Admit one call of *owner*.

    Returns:
        The breaker after that, and True if the call is the probe; None if the
        breaker does not admit the call.
    """
    match admission_at(breaker, now).kind:
        case AdmissionKind.READY:
            return breaker, False
        case AdmissionKind.PROBE:
            probe = replace(
                breaker,
                state=BreakerState.HALF_OPEN,
                probe_owner=owner,
                probe_until=now + timedelta(seconds=policy.timeout) + _PROBE_SLACK,
            )
            return probe, True
        case _:
            return None


def record_outcome(
    breaker: Breaker,
    outcome: Outcome,
    *,
    generation: int,
    owner: str,
    now: datetime,
    policy: BreakerPolicy,
    seconds: float | None = None,
    jitter: float = 0.0,
    message: str = "",
) -> Breaker:
    """Return the breaker after a call for an image ended with *outcome*.

    Args:
        generation: The breaker's generation when the call was admitted.
        owner: The owner of the call.
        seconds: The seconds that the service asked to wait.
        jitter: A random number from 0 to 1.
        message: The service's error message.
    """
    # A late result of an earlier period changes nothing.
    if generation != breaker.generation:
        return release_probe(breaker, owner)
    if outcome is Outcome.IMAGE:
        return close_breaker(breaker)
    # The outcome is about the prompt or about us, not about the service.
    if outcome in _NO_VERDICT:
        return release_probe(breaker, owner)
    # The service is not available, and its response says why.
    if outcome in LONGEST:
        return _open_breaker(
            breaker,
            outcome,
            now=now,
            policy=policy,
            seconds=seconds,
            jitter=jitter,
            message=message,
        )
    failed = replace(breaker, failures=breaker.failures + 1, message=message)
    # A failed probe, or the third consecutive failure.
    if breaker.state is not BreakerState.CLOSED or failed.failures >= _FAILURES:
        return _open_breaker(
            failed, Outcome.UNAVAILABLE, now=now, policy=policy, message=message
        )
    return failed


#: Refused prompts, our own mistakes, and calls that we aborted.
_NO_VERDICT = frozenset(
    {Outcome.REFUSED, Outcome.BLANK, Outcome.REJECTED, Outcome.UNKNOWN}
)


def _open_breaker(
    breaker: Breaker,
    reason: Outcome,
    *,
    now: datetime,
    policy: BreakerPolicy,
    message: str,
    seconds: float | None = None,
    jitter: float = 0.0,
) -> Breaker:
    trips = breaker.trips + 1 if breaker.reason is reason else 1
    until = open_until(
        reason, trips, now=now, policy=policy, seconds=seconds, jitter=jitter
    )
    probe = policy.credits_probe if reason is Outcome.CREDITS else None
    return Breaker(
        name=breaker.name,
        state=BreakerState.OPEN,
        reason=reason,
        failures=breaker.failures,
        trips=trips,
        opened_at=now,
        until=until,
        probe_at=now + probe if probe is not None else None,
        generation=breaker.generation + 1,
        settings=breaker.settings,
        message=message,
    )


def record_health_check(
    breaker: Breaker, *, answered: bool, now: datetime, policy: BreakerPolicy
) -> Breaker:
    """Return the breaker after a health check.

    Args:
        answered: True if the server gave a good response.
    """
    # Another result has moved the breaker meanwhile.
    if (
        breaker.state is not BreakerState.OPEN
        or breaker.reason is not Outcome.UNAVAILABLE
    ):
        return breaker
    # The server is up, so the next job is the probe.
    if answered:
        return replace(breaker, state=BreakerState.HALF_OPEN)
    message = breaker.message
    return _open_breaker(
        breaker, Outcome.UNAVAILABLE, now=now, policy=policy, message=message
    )


def release_probe(breaker: Breaker, owner: str) -> Breaker:
    """Return the breaker without a probe if *owner* runs it; the next job may probe."""
    if breaker.state is not BreakerState.HALF_OPEN or breaker.probe_owner != owner:
        return breaker
    return replace(breaker, probe_owner=None, probe_until=None)


def close_breaker(breaker: Breaker) -> Breaker:
    """Return the breaker closed, after an image or a reset by a person."""
    return Breaker(
        name=breaker.name,
        generation=breaker.generation + (breaker.state is not BreakerState.CLOSED),
        settings=breaker.settings,
    )


def adopt_settings(
    breaker: Breaker, settings: str, now: datetime, policy: BreakerPolicy
) -> Breaker:
    """Return the breaker at a start of the daemon; changed settings close it.

    Times stored further ahead than they could have been set count as now.

    Args:
        settings: Keyed hash of the provider's token and settings.
    """
    changed = breaker.settings not in {"", settings}
    # The state of another token, model or address does not apply.
    if changed and breaker.state is not BreakerState.CLOSED:
        return replace(close_breaker(breaker), settings=settings)
    kept = replace(breaker, settings=settings)
    if kept.state is not BreakerState.OPEN or kept.until is None or kept.reason is None:
        return kept
    most = LONGEST.get(kept.reason, FAILED_MAX)
    if kept.reason is Outcome.CREDITS and not isinstance(policy.credits_reset, str):
        most = CREDITS_MAX
    return replace(kept, until=now) if kept.until - now > most else kept
