"""Outcomes of calls to image services, their pauses, and the errors that mean them.

Only the response to a request *for an image*, or the end of the remote job it
started, moves a breaker.  Any other error while a remote job is polled or its image
downloaded is retried until the deadline, or becomes a `RemoteJobLostError`.
Standard library only.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Literal, TypeAlias

#: When used-up credits are expected back: at the start of a month or a day (UTC), only
#: after a reset by a person, or in seconds, which double up to a day.
CreditsReset: TypeAlias = Literal["monthly", "daily", "manual"] | float


class Outcome(StrEnum):
    """The outcome of one call of a provider.  The value is what the database stores."""

    IMAGE = "image"
    #: A prompt writer's good answer.
    TEXT = "text"
    CREDITS = "credits"
    #: Only a breaker's reason: credits are left, but recent calls are not settled.
    UNSETTLED = "unsettled"
    LOADING = "loading"
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    CONNECTION_LOST = "connection_lost"
    UNAVAILABLE = "unavailable"
    INVALID_IMAGE = "invalid_image"
    #: A prompt writer's answer.
    INVALID_TEXT = "invalid_text"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    REGION_BLOCKED = "region_blocked"
    REFUSED = "refused"
    BLANK = "blank"
    IDENTICAL = "identical"
    BAD_REQUEST = "bad_request"
    REMOTE_FAILED = "remote_failed"
    #: The daemon ended or aborted the call first.
    UNKNOWN = "unknown"


#: Every outcome for people, as what follows the label of the service.
OUTCOMES = {
    Outcome.IMAGE: "generated an image",
    Outcome.TEXT: "wrote the prompt",
    Outcome.CREDITS: "is out of credits",
    Outcome.UNSETTLED: "is still settling recent charges",
    Outcome.LOADING: "is loading the model",
    Outcome.RATE_LIMITED: "reached its rate limit",
    Outcome.TIMEOUT: "did not answer in time",
    Outcome.CONNECTION_LOST: "lost the connection before it answered",
    Outcome.UNAVAILABLE: "returned an error",
    Outcome.INVALID_IMAGE: "returned an unusable image",
    Outcome.INVALID_TEXT: "returned an unusable prompt",
    Outcome.UNAUTHORIZED: "rejected the token",
    Outcome.NOT_FOUND: "no longer offers this model",
    Outcome.REGION_BLOCKED: "is not available in your region",
    Outcome.REFUSED: "refused the prompt",
    Outcome.BLANK: "returned a blank image",
    Outcome.IDENTICAL: "returned the same image as before",
    Outcome.BAD_REQUEST: "rejected the request",
    Outcome.REMOTE_FAILED: "could not complete the image",
    Outcome.UNKNOWN: "was interrupted before it answered",
}

_DAY, _MONTH = timedelta(days=1), timedelta(days=32)
#: The monthly reset of credits has up to an hour of jitter.
JITTER = timedelta(hours=1)
#: Hugging Face settles a call some five minutes later.
_SETTLING = timedelta(minutes=5)
#: The longest pause of each reason; other outcomes count as failures.
LONGEST = {
    Outcome.CREDITS: _MONTH + JITTER,
    Outcome.UNSETTLED: timedelta(hours=1),
    Outcome.LOADING: timedelta(minutes=10),
    Outcome.RATE_LIMITED: timedelta(hours=1),
    # Until its token changes; one job a day tries it.
    Outcome.UNAUTHORIZED: _DAY,
    Outcome.NOT_FOUND: _DAY,
    Outcome.REGION_BLOCKED: _DAY,
}


def longest_pause(reason: Outcome) -> timedelta:
    """Return how long a breaker stays open at most because of *reason*."""
    return LONGEST.get(reason, timedelta(minutes=30))


def pause_until(
    reason: Outcome,
    trips: int,
    now: datetime,
    credits_reset: CreditsReset,
    *,
    seconds: float | None = None,
    jitter: float = 0.0,
) -> datetime | None:
    """Return the end of a breaker's pause, or None if only a change or a reset ends it.

    Args:
        trips: Consecutive openings for this reason.
        seconds: The seconds that the service asked to wait.
        jitter: A random number from 0 to 1.
    """
    doubled = 1 << min(trips - 1, 20)
    asked = None if seconds is None else timedelta(seconds=min(max(seconds, 0), 1e7))
    match reason:
        # The service has named the reset.
        case Outcome.CREDITS if asked:
            is_daily = not isinstance(credits_reset, str) or credits_reset == "daily"
            return now + min(_DAY if is_daily else longest_pause(reason), asked)
        case Outcome.CREDITS:
            return _credits_reset_at(now, credits_reset, doubled, jitter)
        case Outcome.UNAUTHORIZED:
            return None
        case Outcome.UNSETTLED:
            pause = _SETTLING * doubled
        case Outcome.LOADING:
            pause = max(timedelta(seconds=2), asked or timedelta(seconds=20)) * doubled
        case Outcome.RATE_LIMITED:
            wait = timedelta(seconds=30) if asked is None else asked
            pause = max(wait, timedelta(seconds=1))
        case Outcome.NOT_FOUND | Outcome.REGION_BLOCKED:
            pause = _DAY
        case _:
            pause = timedelta(seconds=60) * doubled
    return now + min(longest_pause(reason), pause)


def probe_interval(
    reason: Outcome, credits_probe: timedelta | None
) -> timedelta | None:
    """Return how often one job probes during a pause, or None: not before its end."""
    match reason:
        case Outcome.CREDITS:
            return credits_probe
        # The service may have refused a good token for a while.
        case Outcome.UNAUTHORIZED:
            return _DAY
        case _:
            return None


def _credits_reset_at(
    now: datetime, credits_reset: CreditsReset, doubled: int, jitter: float
) -> datetime | None:
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    match credits_reset:
        case "monthly":
            return (day.replace(day=1) + _MONTH).replace(day=1) + JITTER * jitter
        case "daily":
            return day + _DAY + timedelta(minutes=10 * jitter)
        case "manual":
            return None
        case pause:
            return now + min(_DAY, timedelta(seconds=pause) * doubled)


class ProviderError(Exception):
    """A call that returned no image.

    Args:
        message: One line for the log and the attempt's row, without body and token,
            at most 300 characters.
        status: The HTTP status, or None without a response.
        seconds: The seconds that the service asked to wait.
        until: The time that the service named for the end of its refusal.

    Attributes:
        outcome: The outcome that the error means.
        moves_breaker: False if the error says nothing about the service.
        names_pause: False if `seconds` is not about this error: Retry-After is that of
            a rate limit, and not that of used-up credits.
        price: US dollars of the request, if the price depends on the route.
    """

    outcome: ClassVar[Outcome]
    moves_breaker: ClassVar[bool] = True
    names_pause: ClassVar[bool] = True

    def __init_subclass__(cls, *, outcome: Outcome | None = None) -> None:
        if outcome is not None:
            cls.outcome = outcome

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        seconds: float | None = None,
        until: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.seconds = seconds
        self.until = until
        self.price: float | None = None

    def seconds_at(self, now: datetime) -> float | None:
        """Return the seconds to wait from *now*; a time that has passed says none."""
        if self.until is not None and self.until > now:
            return (self.until - now).total_seconds()
        return self.seconds if self.names_pause else None


class OutOfCreditsError(ProviderError, outcome=Outcome.CREDITS):
    """The account has no credits: next provider; paused until they are reset."""

    names_pause = False


class QuotaUsedUpError(OutOfCreditsError):
    """The service refused the call, or a job it had accepted, for want of quota."""

    names_pause = True


class ModelLoadingError(ProviderError, outcome=Outcome.LOADING):
    """The service is loading the model: wait, then call the same provider again."""


class RateLimitedError(ProviderError, outcome=Outcome.RATE_LIMITED):
    """The rate limit is reached: wait, then call the same provider again."""


class TimedOutError(ProviderError, outcome=Outcome.TIMEOUT):
    """There was no response in time: next provider; the image may be charged."""


class ConnectionLostError(ProviderError, outcome=Outcome.CONNECTION_LOST):
    """The connection was lost after the request was sent: it may be charged."""


class UnavailableError(ProviderError, outcome=Outcome.UNAVAILABLE):
    """The service is unreachable, returns 5xx, or a 2xx that says that it failed."""


class InvalidImageError(ProviderError, outcome=Outcome.INVALID_IMAGE):
    """A 2xx whose image is missing, cut short, too large, unknown or out of reach."""


class UnauthorizedError(ProviderError, outcome=Outcome.UNAUTHORIZED):
    """A 401, or a 403 about the token: paused until it changes, tried once a day."""


class NotFoundError(ProviderError, outcome=Outcome.NOT_FOUND):
    """The model or route is no longer served: paused for a day."""


class RegionBlockedError(ProviderError, outcome=Outcome.REGION_BLOCKED):
    """The service is not offered where we are: paused for a day."""


class PromptRefusedError(ProviderError, outcome=Outcome.REFUSED):
    """The service's moderation refuses the prompt; the service itself works."""


class BlankImageError(ProviderError, outcome=Outcome.BLANK):
    """The image is blank or of a single colour, which is treated as a refusal."""


class IdenticalImageError(ProviderError, outcome=Outcome.IDENTICAL):
    """A free service sent the image of an earlier seed again: called once more."""

    moves_breaker = False


class BadRequestError(ProviderError, outcome=Outcome.BAD_REQUEST):
    """Any other 400 or 422: our mistake, logged for a report."""


class RemoteJobFailedError(ProviderError, outcome=Outcome.REMOTE_FAILED):
    """The remote job failed: next provider."""


class RemoteJobLostError(RemoteJobFailedError):
    """The remote job or its image no longer exists: next provider."""

    moves_breaker = False


#: Temporary errors while a remote job runs.
TEMPORARY_ERRORS = (UnavailableError, RateLimitedError, ModelLoadingError)
#: Results of a remote job or of its image.
JOB_RESULTS = (
    RemoteJobFailedError,
    PromptRefusedError,
    BlankImageError,
    BadRequestError,
    InvalidImageError,
    QuotaUsedUpError,
    TimedOutError,
)
