"""Outcomes of calls to image services, and their errors.  Standard library only."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Outcome(StrEnum):
    """The outcome of one call of a provider.  The value is what the database stores."""

    IMAGE = "image"  #: A usable image.
    CREDITS = "credits"  #: Out of credits.
    LOADING = "loading"  #: The model is being loaded.
    THROTTLED = "throttled"  #: Rate limit reached.
    TIMEOUT = "timeout"  #: No answer in time.
    UNAVAILABLE = "unavailable"  #: Unreachable, 5xx, or a 200 without an image.
    UNUSABLE = "unusable"  #: Invalid image: cut short, bomb, wrong type.
    TOKEN = "token"  # noqa: S105 - the name of an outcome  #: Token rejected.
    GONE = "gone"  #: Model or route not found.
    REFUSED = "refused"  #: Refused by moderation.
    BLANK = "blank"  #: A blank or single-colour image.
    REJECTED = "rejected"  #: Any other 400 or 422.
    REMOTE_FAILED = "remote_failed"  #: The remote job failed or was lost.
    UNKNOWN = "unknown"  #: The daemon ended or aborted the call first.


#: Outcomes that are not charged, since the service did no work.
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
    """A call that returned no image.

    Args:
        message: One line for the log and the attempt's row, without body and token,
            at most 300 characters.
        status: The HTTP status, or None without a response.
        seconds: The seconds that the service asked to wait.

    Attributes:
        outcome: The outcome that the error means.
        moves_breaker: False if the error says nothing about the service.
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
    """The account has no credits."""

    outcome = Outcome.CREDITS


class ModelLoadingError(ProviderError):
    """The service is loading the model."""

    outcome = Outcome.LOADING


class RateLimitedError(ProviderError):
    """The rate limit is reached."""

    outcome = Outcome.THROTTLED


class TimedOutError(ProviderError):
    """There was no response in time; the image may be charged."""

    outcome = Outcome.TIMEOUT


class UnavailableError(ProviderError):
    """The service is unreachable, returns 5xx, or a 200 without an image."""

    outcome = Outcome.UNAVAILABLE


class InvalidImageError(ProviderError):
    """The image is cut short, too large, of a wrong type or at a forbidden address."""

    outcome = Outcome.UNUSABLE


class UnauthorizedError(ProviderError):
    """The service rejects the token."""

    outcome = Outcome.TOKEN


class NotFoundError(ProviderError):
    """The model or route is no longer served."""

    outcome = Outcome.GONE


class PromptRefusedError(ProviderError):
    """The service's moderation refuses the prompt."""

    outcome = Outcome.REFUSED


class BlankImageError(ProviderError):
    """The image is blank or of a single colour."""

    outcome = Outcome.BLANK


class BadRequestError(ProviderError):
    """The service rejects the request for any other reason."""

    outcome = Outcome.REJECTED


class RemoteJobFailedError(ProviderError):
    """The remote job failed."""

    outcome = Outcome.REMOTE_FAILED


class RemoteJobLostError(RemoteJobFailedError):
    """The remote job or its image no longer exists."""

    moves_breaker = False
