"""How long each outcome keeps a circuit breaker open.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from providers.base import ProviderTraits
from providers.outcomes import Outcome

_LOADING_DEFAULT = timedelta(seconds=20)
_LOADING_MIN = timedelta(seconds=2)
_LOADING_MAX = timedelta(minutes=10)
_THROTTLED_DEFAULT = timedelta(seconds=30)
_THROTTLED_MAX = timedelta(hours=1)
_FAILED_FIRST = timedelta(seconds=60)
FAILED_MAX = timedelta(minutes=30)
_GONE = timedelta(hours=24)
CREDITS_MAX = timedelta(days=1)
#: The monthly reset has up to an hour of jitter.
_MONTH_MAX = timedelta(days=32)
_JITTER = timedelta(hours=1)
#: The reasons in words.
WHY: dict[Outcome | None, str] = {
    Outcome.CREDITS: "credits used up",
    Outcome.LOADING: "model is loading",
    Outcome.THROTTLED: "asked too fast",
    Outcome.TOKEN: "token refused",
    Outcome.GONE: "model or route gone",
    Outcome.UNAVAILABLE: "not answering properly",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """The traits of a provider that its breaker uses."""

    credits_reset: Literal["monthly", "daily", "manual"] | float = 3600.0
    credits_probe: timedelta | None = None
    timeout: float = 60.0


def policy_of(traits: ProviderTraits) -> BreakerPolicy:
    """Return the breaker policy of a provider."""
    return BreakerPolicy(
        credits_reset=traits.credits_reset,
        credits_probe=traits.credits_probe,
        timeout=traits.timeout,
    )


#: The longest pause of each reason; other outcomes count as failures.
LONGEST = {
    Outcome.CREDITS: _MONTH_MAX + _JITTER,
    Outcome.LOADING: _LOADING_MAX,
    Outcome.THROTTLED: _THROTTLED_MAX,
    Outcome.TOKEN: timedelta.max,
    Outcome.GONE: _GONE,
}


def open_until(
    reason: Outcome,
    trips: int,
    *,
    now: datetime,
    policy: BreakerPolicy,
    seconds: float | None,
    jitter: float,
) -> datetime | None:
    """Return the end of a pause, or None if only a change or a reset ends it.

    Args:
        trips: Consecutive openings for this reason.
        seconds: The seconds that the service asked to wait.
        jitter: A random number from 0 to 1.
    """
    doubled = 1 << min(trips - 1, 20)
    requested = (
        None if seconds is None else timedelta(seconds=min(max(seconds, 0), 1e7))
    )
    match reason:
        case Outcome.CREDITS:
            return _credits_reset_at(trips, now, policy, jitter)
        case Outcome.LOADING:
            wait = max(_LOADING_MIN, requested or _LOADING_DEFAULT)
            return now + min(_LOADING_MAX, wait * doubled)
        case Outcome.THROTTLED:
            wait = _THROTTLED_DEFAULT if requested is None else requested
            return now + min(_THROTTLED_MAX, max(wait, timedelta(seconds=1)))
        case Outcome.GONE:
            return now + _GONE
        # Only a new token, new settings or a reset close the breaker.
        case Outcome.TOKEN:
            return None
        case _:
            return now + min(FAILED_MAX, _FAILED_FIRST * doubled)


def _credits_reset_at(
    trips: int, now: datetime, policy: BreakerPolicy, jitter: float
) -> datetime | None:
    match policy.credits_reset:
        case "monthly":
            first = now.astimezone(UTC).replace(
                day=1, hour=0, minute=0, second=0, microsecond=0
            )
            following = (first + _MONTH_MAX).replace(day=1)
            return following + _JITTER * jitter
        case "daily":
            midnight = now.astimezone(UTC).replace(
                hour=0, minute=0, second=0, microsecond=0
            )
            return midnight + timedelta(days=1, minutes=10 * jitter)
        case "manual":
            return None
        case pause:
            doubled = timedelta(seconds=pause) * (1 << min(trips - 1, 20))
            return now + min(CREDITS_MAX, doubled)
