"""The state of a breaker in words.  Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

from providers.admission import AdmissionKind
from providers.breaker import Breaker, BreakerState, admission_at, describe_reason
from providers.outcomes import Outcome


def describe_breaker(breaker: Breaker, now: datetime, zone: tzinfo) -> str:
    """Return a breaker's state: "out of credits, paused until 1 Dec 01:00"."""
    if breaker.state is BreakerState.CLOSED:
        return "available"
    reason = describe_reason(breaker).removeprefix("is ")
    match admission_at(breaker, now).kind:
        case AdmissionKind.PROBE_RUNNING:
            return f"{reason}, being tested with one job"
        case AdmissionKind.PROBE:
            return f"{reason}, the next job will test it"
        case _ if breaker.until is None:
            is_token = breaker.reason is Outcome.UNAUTHORIZED
            end = "you change the token (tested daily)" if is_token else "you reset it"
        case _:
            end = _format_time(breaker.until, now, zone)
    return f"{reason}, paused until {end}"


def _format_time(time: datetime, now: datetime, zone: tzinfo) -> str:
    local = time.astimezone(zone)
    if local.date() == now.astimezone(zone).date():
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b %H:%M}"
