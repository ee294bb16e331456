"""How a call to an image service ends, and the error that says so."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Outcome(StrEnum):
    """How one call of a provider ended.  The value is what the database stores."""

    IMAGE = "image"  #: A usable image.
    CREDITS = "credits"  #: Out of credits.
    LOADING = "loading"  #: The model is being loaded.
    THROTTLED = "throttled"  #: Too fast.
    TIMEOUT = "timeout"  #: No answer in time.
    UNAVAILABLE = "unavailable"  #: Unreachable, 5xx, or a 200 without an image.
    UNUSABLE = "unusable"  #: Image bytes nobody can use (cut short, bomb, wrong type).
    TOKEN = "token"  # noqa: S105 - the name of an outcome  #: Token refused.
    GONE = "gone"  #: Model or route gone.
    REFUSED = "refused"  #: Refused by moderation.
    BLANK = "blank"  #: A blank or single-colour image.
    REJECTED = "rejected"  #: Any other 400 or 422.
    REMOTE_FAILED = "remote_failed"  #: The remote job failed or was lost.
    UNKNOWN = "unknown"  #: We died or were cut off before the answer.


#: Nobody charges for these: the answer came before any work was done.
FREE = frozenset(
    {
        Outcome.CREDITS,
        Outcome.LOADING,
        Outcome.THROTTLED,
        Outcome.UNAVAILABLE,
        Outcome.TOKEN,
        Outcome.GONE,
        Outcome.REFUSED,
        Outcome.REJECTED,
    }
)


class ProviderError(Exception):
    """A call that brought no image.

    Args:
        message: One line for the log and the attempt's row: what the service
            said, in our words; no body, no token, at most 300 characters.
        status: The HTTP status, when there was one.
        seconds: For loading and too fast: how long the service asked to wait.

    Attributes:
        moves_breaker: It is the answer to a request for an image, or about one.
    """

    outcome: ClassVar[Outcome]
    moves_breaker: ClassVar[bool] = True

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.seconds = seconds


class OutOfCreditsError(ProviderError):
    outcome = Outcome.CREDITS


class ModelLoadingError(ProviderError):
    outcome = Outcome.LOADING


class RateLimitedError(ProviderError):
    outcome = Outcome.THROTTLED


class TimedOutError(ProviderError):
    outcome = Outcome.TIMEOUT


class UnavailableError(ProviderError):
    outcome = Outcome.UNAVAILABLE


class InvalidImageError(ProviderError):
    outcome = Outcome.UNUSABLE


class UnauthorizedError(ProviderError):
    outcome = Outcome.TOKEN


class NotFoundError(ProviderError):
    outcome = Outcome.GONE


class PromptRefusedError(ProviderError):
    outcome = Outcome.REFUSED


class BlankImageError(ProviderError):
    outcome = Outcome.BLANK


class BadRequestError(ProviderError):
    outcome = Outcome.REJECTED


class RemoteJobFailedError(ProviderError):
    outcome = Outcome.REMOTE_FAILED


class RemoteJobLostError(RemoteJobFailedError):
    moves_breaker = False
