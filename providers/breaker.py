"""The circuit breaker of one provider: pure, standard library, time passed in.

::

    CLOSED --credits, loading, rate limit, token, not found, 3 failures--> OPEN
    OPEN   --the pause is over: the next job is admitted--> HALF_OPEN
    HALF_OPEN --an image--> CLOSED        HALF_OPEN --any other error--> OPEN

Half-open admits exactly one probe, which is always a job that needs the provider.
The generation number makes a late result of an earlier period harmless.  A stored
time further ahead than it could have been set counts as now: a clock was wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from providers import outcomes
from providers.admission import Admission, AdmissionKind
from providers.base import ProviderTraits
from providers.outcomes import JITTER, LONGEST, OUTCOMES, Outcome, pause_until

_MAX_FAILURES = 3
#: Time for decoding and writing, beyond the provider's timeout of the probe.
_PROBE_SLACK = timedelta(seconds=60)
#: Reasons after a refusal for lack of credits.
_CREDITS = frozenset({Outcome.CREDITS, Outcome.UNSETTLED})
#: Outcomes about the prompt or about us: refused prompts, our mistakes, aborted calls.
_NO_VERDICT = frozenset(
    {Outcome.REFUSED, Outcome.BLANK, Outcome.BAD_REQUEST, Outcome.UNKNOWN}
)


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
        consecutive_opens: Consecutive openings for this reason; each doubles the pause.
        until: When the next probe is admitted.  None while open means that only a
            reset, a changed token or a changed setting closes the breaker.
        probe_at: When a probe is admitted during the pause, because a top-up or the
            service may have ended it early.
        generation: A number that grows at every opening and closing.
        probe_owner: Who runs the probe, until `probe_until`.
        settings: Hash of the token and settings that the breaker applies to.
    """

    name: str
    state: BreakerState = BreakerState.CLOSED
    reason: Outcome | None = None
    failures: int = 0
    consecutive_opens: int = 0
    opened_at: datetime | None = None
    until: datetime | None = None
    probe_at: datetime | None = None
    generation: int = 0
    probe_owner: str | None = None
    probe_until: datetime | None = None
    settings: str = ""
    message: str = ""


class CreditsVerdict(StrEnum):
    """What the account's answer means for a service that is out of credits."""

    KEEP = "keep"  #: Nothing new: the pause remains as it is.
    UNSETTLED = "unsettled"  #: Credits are left; recent calls are not settled yet.
    USED_UP = "used_up"  #: Nothing is left until the reset.
    TOPPED_UP = "topped_up"  #: Credits are left again.


def admission_at(breaker: Breaker, now: datetime) -> Admission:
    """Return whether the breaker admits a job at *now*."""
    if breaker.state is BreakerState.CLOSED:
        return Admission(kind=AdmissionKind.READY)
    is_half_open = breaker.state is BreakerState.HALF_OPEN
    probe_ends = breaker.probe_until if breaker.probe_owner is not None else None
    probe = Admission(
        kind=AdmissionKind.PROBE,
        is_waitable=breaker.reason in {Outcome.LOADING, Outcome.RATE_LIMITED},
        reason=describe_reason(breaker) if breaker.reason else "",
    )
    # Another job is the probe.
    if is_half_open and probe_ends and now < probe_ends <= now + timedelta(days=1):
        return replace(probe, kind=AdmissionKind.PROBE_RUNNING, until=probe_ends)
    # The probe was released or has expired, so the next job is the probe.
    if is_half_open:
        return probe
    opens = _half_open_at(breaker, now)
    # The pause is over.
    if opens is not None and opens <= now:
        failed = breaker.reason is Outcome.UNAVAILABLE
        return replace(probe, needs_health_check=failed)
    return replace(
        probe, kind=AdmissionKind.PAUSED, until=opens, available_at=breaker.until
    )


def describe_reason(breaker: Breaker) -> str:
    """Return the reason of an open breaker, as what follows the provider's label."""
    # It has failed several times.
    if breaker.reason is Outcome.UNAVAILABLE:
        return "is returning errors"
    return OUTCOMES[breaker.reason] if breaker.reason else "is paused"


def _half_open_at(breaker: Breaker, now: datetime) -> datetime | None:
    times = [time for time in (breaker.until, breaker.probe_at) if time is not None]
    if not times:
        return None
    most = outcomes.longest_pause(breaker.reason or Outcome.UNAVAILABLE)
    return now if min(times) - now > most else min(times)


def try_acquire(
    breaker: Breaker, owner: str, now: datetime, traits: ProviderTraits
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
            ends = now + timedelta(seconds=traits.timeout) + _PROBE_SLACK
            probe = replace(breaker, probe_owner=owner, probe_until=ends)
            return replace(probe, state=BreakerState.HALF_OPEN), True
        case _:
            return None


def record_outcome(
    breaker: Breaker,
    outcome: Outcome,
    *,
    generation: int,
    owner: str,
    now: datetime,
    traits: ProviderTraits,
    seconds: float | None = None,
    jitter: float = 0.0,
    message: str = "",
) -> Breaker:
    """Return the breaker after a call for an image ended with *outcome*.

    Args:
        generation: The breaker's generation when the call was admitted.
        seconds: The seconds that the service asked to wait.
        jitter: A random number from 0 to 1.
    """
    # A late result of an earlier period, or no result about the service.
    if generation != breaker.generation or outcome in _NO_VERDICT:
        return release_probe(breaker, owner)
    if outcome in {Outcome.IMAGE, Outcome.TEXT}:
        return close_breaker(breaker)
    breaker = replace(breaker, message=message)
    # The response says why the service is not available; all else is a failure.
    if outcome not in LONGEST:
        outcome = Outcome.UNAVAILABLE
        breaker = replace(breaker, failures=breaker.failures + 1)
        if breaker.state is BreakerState.CLOSED and breaker.failures < _MAX_FAILURES:
            return breaker
    return _open_breaker(breaker, outcome, now, traits, seconds=seconds, jitter=jitter)


def _open_breaker(
    breaker: Breaker,
    reason: Outcome,
    now: datetime,
    traits: ProviderTraits,
    *,
    seconds: float | None = None,
    jitter: float = 0.0,
) -> Breaker:
    is_same = breaker.reason is reason or {breaker.reason, reason} == _CREDITS
    trips = breaker.consecutive_opens + 1 if is_same else 1
    reset = traits.credits_reset
    until = pause_until(reason, trips, now, reset, seconds=seconds, jitter=jitter)
    probe = outcomes.probe_interval(reason, traits.credits_probe)
    # The account is asked next.  If it cannot be, one probe precedes the long pause.
    if reason is Outcome.CREDITS and traits.asks_account and trips == 1:
        until, probe = pause_until(Outcome.UNSETTLED, 1, now, reset), None
    return replace(
        breaker,
        state=BreakerState.OPEN,
        reason=reason,
        consecutive_opens=trips,
        opened_at=now,
        until=until,
        probe_at=now + probe if probe is not None else None,
        generation=breaker.generation + 1,
        probe_owner=None,
        probe_until=None,
    )


def record_health_check(
    breaker: Breaker, *, answered: bool, now: datetime, traits: ProviderTraits
) -> Breaker:
    """Return the breaker after a health check, which *answered* if it was good."""
    is_open = breaker.state is BreakerState.OPEN
    # Another result has moved the breaker meanwhile.
    if not is_open or breaker.reason is not Outcome.UNAVAILABLE:
        return breaker
    # The server is up, so the next job is the probe.
    if answered:
        return replace(breaker, state=BreakerState.HALF_OPEN)
    return _open_breaker(breaker, Outcome.UNAVAILABLE, now, traits)


def record_account(
    breaker: Breaker,
    verdict: CreditsVerdict,
    resets_at: datetime,
    *,
    generation: int,
    now: datetime,
    traits: ProviderTraits,
    jitter: float = 0.0,
) -> Breaker:
    """Return the breaker after its account was asked, at that *generation* of it."""
    is_paused = breaker.state is BreakerState.OPEN and breaker.reason in _CREDITS
    # Another result has moved the breaker meanwhile, or it is open for another reason.
    if generation != breaker.generation or not is_paused:
        return breaker
    match verdict:
        # Credits are left again: no paid probe is needed.
        case CreditsVerdict.TOPPED_UP if breaker.reason is Outcome.CREDITS:
            return close_breaker(breaker)
        # The refusal was about calls that are not settled yet.
        case CreditsVerdict.UNSETTLED:
            reason, count = Outcome.UNSETTLED, breaker.consecutive_opens
            until = pause_until(reason, count, now, traits.credits_reset)
            return replace(breaker, reason=reason, until=until, probe_at=None)
        # Nothing is left: wait for the reset.
        case CreditsVerdict.USED_UP:
            until, probe = resets_at + JITTER * jitter, traits.credits_probe
            found = replace(breaker, reason=Outcome.CREDITS, until=until)
            return replace(found, probe_at=None if probe is None else now + probe)
        # Nothing new, or the minutes of an unsettled refusal end without a probe.
        case _:
            return breaker


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
    breaker: Breaker, settings: str, now: datetime, traits: ProviderTraits
) -> Breaker:
    """Return the breaker at a start of the daemon; changed settings close it.

    Args:
        settings: Hash of the provider's token and settings.
    """
    # The state of another token, model or address does not apply.
    if (
        breaker.settings not in {"", settings}
        and breaker.state is not BreakerState.CLOSED
    ):
        return replace(close_breaker(breaker), settings=settings)
    kept = replace(breaker, settings=settings)
    if kept.state is not BreakerState.OPEN or kept.until is None or kept.reason is None:
        return kept
    most = outcomes.longest_pause(kept.reason)
    if kept.reason is Outcome.CREDITS and not isinstance(traits.credits_reset, str):
        most = timedelta(days=1)
    return replace(kept, until=now) if kept.until - now > most else kept
