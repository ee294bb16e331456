"""The circuit breaker of one image service: pure, standard library, time passed in.

::

    CLOSED --out of credits, loading, too fast, token, gone, 3 failures--> OPEN
    OPEN   --its time has come: the next job is let through--> HALF_OPEN
    HALF_OPEN --an image--> CLOSED        HALF_OPEN --anything else bad--> OPEN

There is exactly one probe in half-open, and it is always a job that wants the
service: no call is made just to look.  The generation number makes the late answer
of an earlier period harmless.  Times without an answer of the service are bounded:
a stored time further ahead than it could have been set counts as now.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from providers.admission import Admission, AdmissionKind
from providers.breaker_policy import (
    CREDITS_MOST,
    FAILED_MOST,
    LONGEST,
    WHY,
    BreakerPolicy,
    open_until,
)
from providers.outcomes import Outcome

_FAILURES = 3
#: What a probe may take beyond its provider's timeout: decoding, writing.
_PROBE_SLACK = timedelta(seconds=60)


class BreakerState(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """What is remembered of one service.

    Attributes:
        reason: Why it is not closed.
        failures: In a row, while closed.
        trips: How often it opened in a row for this reason; doubles the pause.
        until: When it lets a probe through; None while open: only a reset, or a
            changed token or setting, closes it.
        probe_at: Out of credits: asked anyway then, because a top-up ends it early.
        generation: Grows at every opening and closing.
        probe_owner: Who holds the place in half-open, until `probe_until`.
        settings: Keyed hash of token and settings it was opened with.
        message: What the service said.
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


def admission_at(found: Breaker, now: datetime) -> Admission:
    """Say what the breaker means to a job that comes at *now*."""
    waitable = found.reason in {Outcome.LOADING, Outcome.THROTTLED}
    why = WHY.get(found.reason, "resting") if found.reason else ""
    # Nothing is known against it.
    if found.state is BreakerState.CLOSED:
        return Admission(kind=AdmissionKind.READY)
    held = found.probe_owner is not None and found.probe_until is not None
    # Somebody is looking whether it is back.
    if (
        found.state is BreakerState.HALF_OPEN
        and held
        and now < _clamp_expiry(found.probe_until, now)
    ):
        return Admission(
            kind=AdmissionKind.PROBING,
            until=found.probe_until,
            waitable=waitable,
            why=why,
        )
    # The probe gave its place back, or has died: the next job takes it.
    if found.state is BreakerState.HALF_OPEN:
        return Admission(kind=AdmissionKind.PROBE, waitable=waitable, why=why)
    opens = _half_open_at(found, now)
    # Its time has come.
    if opens is not None and opens <= now:
        unseen = found.reason is Outcome.UNAVAILABLE
        return Admission(
            kind=AdmissionKind.PROBE, waitable=waitable, unseen=unseen, why=why
        )
    return Admission(
        kind=AdmissionKind.RESTING,
        until=opens,
        back=found.until,
        waitable=waitable,
        why=why,
    )


def _clamp_expiry(time: datetime | None, now: datetime) -> datetime:
    """A probe's expiry further ahead than a day was set by a clock that was wrong."""
    if time is None or time - now > timedelta(days=1):
        return now
    return time


def _half_open_at(found: Breaker, now: datetime) -> datetime | None:
    times = [time for time in (found.until, found.probe_at) if time is not None]
    if not times:
        return None
    earliest = min(times)
    most = LONGEST.get(found.reason, FAILED_MOST) if found.reason else FAILED_MOST
    # Stored further ahead than it could have been set: the clock was wrong then.
    return now if earliest - now > most else earliest


def try_acquire(
    found: Breaker, owner: str, now: datetime, policy: BreakerPolicy
) -> tuple[Breaker, bool] | None:
    """Let one call through; None when it may not.

    Returns:
        The breaker with the place taken, and whether the call is the probe.
    """
    match admission_at(found, now).kind:
        case AdmissionKind.READY:
            return found, False
        case AdmissionKind.PROBE:
            probe = replace(
                found,
                state=BreakerState.HALF_OPEN,
                probe_owner=owner,
                probe_until=now + timedelta(seconds=policy.timeout) + _PROBE_SLACK,
            )
            return probe, True
        case _:
            return None


def record_outcome(
    found: Breaker,
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
    """Tell the breaker how a call for an image ended.

    Args:
        generation: The breaker's when the call was let through.
        seconds: How long the service asked to wait.
        jitter: 0 to 1, drawn by the caller.
    """
    # The late answer of an earlier period changes nothing.
    if generation != found.generation:
        return release_probe(found, owner)
    # It serves.
    if outcome is Outcome.IMAGE:
        return close_breaker(found)
    # Says something of the prompt or of us, nothing of the service.
    if outcome in _NO_VERDICT:
        return release_probe(found, owner)
    # It cannot serve now, and says why.
    if outcome in LONGEST:
        return _open_breaker(
            found,
            outcome,
            now=now,
            policy=policy,
            seconds=seconds,
            jitter=jitter,
            message=message,
        )
    failed = replace(found, failures=found.failures + 1, message=message)
    # A probe that fails, or the third failure in a row.
    if found.state is not BreakerState.CLOSED or failed.failures >= _FAILURES:
        return _open_breaker(
            failed, Outcome.UNAVAILABLE, now=now, policy=policy, message=message
        )
    return failed


#: Refused prompts and our own mistakes; a call cut off by us.
_NO_VERDICT = frozenset(
    {Outcome.REFUSED, Outcome.BLANK, Outcome.REJECTED, Outcome.UNKNOWN}
)


def _open_breaker(
    found: Breaker,
    reason: Outcome,
    *,
    now: datetime,
    policy: BreakerPolicy,
    message: str,
    seconds: float | None = None,
    jitter: float = 0.0,
) -> Breaker:
    trips = found.trips + 1 if found.reason is reason else 1
    until = open_until(
        reason, trips, now=now, policy=policy, seconds=seconds, jitter=jitter
    )
    probe = policy.credits_probe if reason is Outcome.CREDITS else None
    return Breaker(
        name=found.name,
        state=BreakerState.OPEN,
        reason=reason,
        failures=found.failures,
        trips=trips,
        opened_at=now,
        until=until,
        probe_at=now + probe if probe is not None else None,
        generation=found.generation + 1,
        settings=found.settings,
        message=message,
    )


def record_health_check(
    found: Breaker, *, answered: bool, now: datetime, policy: BreakerPolicy
) -> Breaker:
    """Tell the breaker whether a server that was away has answered a greeting."""
    # Somebody else has moved it meanwhile.
    if found.state is not BreakerState.OPEN or found.reason is not Outcome.UNAVAILABLE:
        return found
    # It is up: the next job is the probe.
    if answered:
        return replace(found, state=BreakerState.HALF_OPEN)
    message = found.message
    return _open_breaker(
        found, Outcome.UNAVAILABLE, now=now, policy=policy, message=message
    )


def release_probe(found: Breaker, owner: str) -> Breaker:
    """Give the probe's place back if *owner* holds it: it brought no verdict."""
    if found.state is not BreakerState.HALF_OPEN or found.probe_owner != owner:
        return found
    return replace(found, probe_owner=None, probe_until=None)


def close_breaker(found: Breaker) -> Breaker:
    """Close it: it has made an image, or a person says that it serves again."""
    return Breaker(
        name=found.name,
        generation=found.generation + (found.state is not BreakerState.CLOSED),
        settings=found.settings,
    )


def adopt_settings(
    found: Breaker, settings: str, now: datetime, policy: BreakerPolicy
) -> Breaker:
    """Follow a start of the daemon: other settings close what they may have caused.

    Times stored further ahead than they could have been set count as now.
    """
    changed = found.settings not in {"", settings}
    # A new token, model or address: what was known of the old one is void.
    if changed and found.state is not BreakerState.CLOSED:
        return replace(close_breaker(found), settings=settings)
    kept = replace(found, settings=settings)
    if kept.state is not BreakerState.OPEN or kept.until is None or kept.reason is None:
        return kept
    most = LONGEST.get(kept.reason, FAILED_MOST)
    if kept.reason is Outcome.CREDITS and not isinstance(policy.credits_reset, str):
        most = CREDITS_MOST
    return replace(kept, until=now) if kept.until - now > most else kept
