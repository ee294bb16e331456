"""Outcomes of calls and states of breakers in words.  Pure."""

from __future__ import annotations

from datetime import datetime, tzinfo

from providers.admission import Admission, AdmissionKind
from providers.breaker import Breaker, BreakerState, admission_at
from providers.breaker_policy import WHY
from providers.outcomes import Outcome

#: Every outcome in words.
OUTCOMES = {
    Outcome.IMAGE: "an image",
    Outcome.CREDITS: "credits used up",
    Outcome.LOADING: "the model is loading",
    Outcome.THROTTLED: "asked too fast",
    Outcome.TIMEOUT: "no answer in time",
    Outcome.UNAVAILABLE: "not answering properly",
    Outcome.UNUSABLE: "sent something that is no image",
    Outcome.TOKEN: "token refused",
    Outcome.GONE: "model or route gone",
    Outcome.REFUSED: "refused the prompt",
    Outcome.BLANK: "sent a blank image",
    Outcome.REJECTED: "did not accept the request",
    Outcome.REMOTE_FAILED: "its work failed",
    Outcome.UNKNOWN: "how it ended is not known",
}


def describe_breaker(breaker: Breaker, now: datetime, zone: tzinfo) -> str:
    """Return a breaker's state: "credits used up, resting until 1 Dec 01:00"."""
    if breaker.state is BreakerState.CLOSED:
        return "serving"
    why = WHY.get(breaker.reason, "resting")
    match admission_at(breaker, now):
        case Admission(kind=AdmissionKind.PROBING):
            return f"{why}; one job asks whether it is back"
        case Admission(kind=AdmissionKind.PROBE):
            return f"{why}; the next job asks whether it is back"
        case _ if breaker.until is None:
            token = breaker.reason is Outcome.TOKEN
            end = "its token is changed" if token else "a reset"
            return f"{why}, resting until {end}"
    return f"{why}, resting until {_format_time(breaker.until, now, zone)}"


def _format_time(time: datetime, now: datetime, zone: tzinfo) -> str:
    local = time.astimezone(zone)
    if local.date() == now.astimezone(zone).date():
        return f"{local:%H:%M:%S}"
    return f"{local.day} {local:%b %H:%M}"
