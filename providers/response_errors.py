"""What an answer means, by status *and* text: the same status means many things.

The general rules are here; a kind adds its own service's spellings, which come
first.  Statuses and texts: the services' documentation, and live answers that were
published (quoted in the kinds' tests).  Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from providers.base import Response
from providers.outcomes import (
    BadRequestError,
    ModelLoadingError,
    NotFoundError,
    OutOfCreditsError,
    PromptRefusedError,
    ProviderError,
    RateLimitedError,
    TimedOutError,
    UnauthorizedError,
    UnavailableError,
)
from providers.response_body import (
    error_text,
    is_html,
    is_refusal,
    parse_object,
    seconds_to_wait,
)
from providers.response_images import looks_like_image

_LOADING = ("is currently loading", "setup has not finished", "model_loading")
#: No error is longer; an image as base64 is.
_LONGEST_WORDS = 64 * 1024
_GOOD = range(200, 300)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRule:
    """One service's own way of saying something.

    Attributes:
        words: Somewhere in the body, in small letters; empty: whatever it says.
        status: None: any that is not good.
    """

    means: type[ProviderError]
    words: str = ""
    status: int | None = None

    def matches(self, reply: Response, said: str) -> bool:
        """Say whether *reply*, whose body in small letters is *said*, is this."""
        return self.status in {None, reply.status} and self.words in said


def raise_for_error(reply: Response, *own: ErrorRule) -> None:
    """Raise what an answer means, unless it is a good one.

    Raises:
        ProviderError: One that says what to do.
    """
    good = reply.status in _GOOD
    if good and (len(reply.body) > _LONGEST_WORDS or looks_like_image(reply.body)):
        return
    text = error_text(reply)
    said = reply.body[:_LONGEST_WORDS].decode("utf-8", "replace").casefold()
    # A model that loads, whatever the status: some say it with 200.
    if _is_loading(reply, said):
        raise ModelLoadingError(
            text, status=reply.status, seconds=seconds_to_wait(reply)
        )
    if good and is_html(reply):
        raise UnavailableError("answered with a web page", status=reply.status)
    if good:
        return
    # A page instead of JSON: refused by the CDN, not by the account.
    if reply.status == 403 and (is_html(reply) or "1010" in text):  # noqa: PLR2004 - forbidden
        raise UnavailableError(text, status=reply.status)
    for spelling in own:
        if spelling.matches(reply, said):
            seconds = seconds_to_wait(reply)
            raise spelling.means(text, status=reply.status, seconds=seconds)
    raise _error_for_status(reply, text)


def _is_loading(reply: Response, said: str) -> bool:
    if reply.status not in {200, 503}:
        return False
    if "estimated_time" in parse_object(reply):
        return True
    told = reply.status == 503 or '"error"' in said  # noqa: PLR2004 - unavailable
    return told and any(words in said for words in _LOADING)


def _error_for_status(reply: Response, text: str) -> ProviderError:
    status = reply.status
    match status:
        case 401:
            return UnauthorizedError(text, status=status)
        case 402:
            return OutOfCreditsError(text, status=status)
        case 403 if is_refusal(text):
            return PromptRefusedError(text, status=status)
        case 403:
            return UnauthorizedError(text, status=status)
        case 404 | 405 | 410:
            return NotFoundError(text, status=status)
        # Somebody's patience ended, and it may have been painted all the same.
        case 408 | 504 | 524:
            return TimedOutError(text, status=status)
        case 429:
            return RateLimitedError(text, status=status, seconds=seconds_to_wait(reply))
        case _ if status >= 500:  # noqa: PLR2004 - the service's fault
            return UnavailableError(text, status=status)
        case _ if is_refusal(text):
            return PromptRefusedError(text, status=status)
        case _:
            return BadRequestError(text, status=status)
