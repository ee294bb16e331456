"""What an answer of Hugging Face's router means."""

from __future__ import annotations

from typing import NoReturn

from providers.base import Reply
from providers.outcomes import (
    BadTokenError,
    GoneError,
    LoadingError,
    OutOfCreditsError,
    RefusedError,
    RejectedError,
    ThrottledError,
    TimedOutError,
    UnavailableError,
)
from providers.replies import (
    as_json,
    as_object,
    error_text,
    is_html,
    is_refusal,
    seconds_to_wait,
)

_LOADING = ("is currently loading", "setup has not finished", "model_loading")


_ROUTE_ONLY_402 = ("pay-as-you go is not enabled", "free monthly usage limit for")


class RouteOnlyError(GoneError):
    """An answer that concerns this route only."""


def check(reply: Reply) -> None:
    """Raise what an answer of the router means, unless it is a good one.

    Raises:
        ProviderError: By status *and* text; the same status means many things.
    """
    text = error_text(reply)
    folded = text.casefold()
    # A model that loads, whatever the status: older paths said it with 200.
    if _is_loading(reply, folded):
        raise LoadingError(text, status=reply.status, seconds=seconds_to_wait(reply))
    match reply.status:
        case status if 200 <= status < 300:  # noqa: PLR2004 - the good ones
            _check_good(reply, text)
        case 402 if any(words in folded for words in _ROUTE_ONLY_402):
            raise RouteOnlyError(text, status=402)
        case 402:
            raise OutOfCreditsError(text, status=402)
        case 401:
            raise BadTokenError(text, status=401)
        # A page instead of JSON: refused by the CDN, not by the account.
        case 403 if is_html(reply) or "1010" in text:
            raise UnavailableError(text, status=403)
        case 403 if "exhausted balance" in folded:
            raise OutOfCreditsError(text, status=403)
        case 403 if is_refusal(text):
            raise RefusedError(text, status=403)
        case 403:
            raise BadTokenError(text, status=403)
        case 404 | 410:
            raise RouteOnlyError(text, status=reply.status)
        case 429 if "insufficient credit" in folded:
            raise OutOfCreditsError(text, status=429)
        case 429:
            seconds = seconds_to_wait(reply)
            raise ThrottledError(text, status=429, seconds=seconds)
        case 408:
            raise TimedOutError(text, status=408)
        case status if status >= 500:  # noqa: PLR2004 - the service's fault
            raise UnavailableError(text, status=status)
        case status:
            _refuse(text, status)


def _is_loading(reply: Reply, folded: str) -> bool:
    if reply.status not in {200, 503}:
        return False
    if reply.status == 200 and not isinstance(as_json(reply), dict):  # noqa: PLR2004 - OK
        return False
    waits = "estimated_time" in as_object(reply)
    return waits or any(words in folded for words in _LOADING)


def _check_good(reply: Reply, text: str) -> None:
    if is_html(reply):
        raise UnavailableError("answered with a web page", status=reply.status)
    if "error" in (data := as_object(reply)) and data["error"] and "id" not in data:
        raise UnavailableError(text, status=reply.status)


def _refuse(text: str, status: int) -> NoReturn:
    """The remaining 4xx: the route, the prompt, or our own mistake."""
    if "model not supported" in text.casefold():
        raise RouteOnlyError(text, status=status)
    if is_refusal(text):
        raise RefusedError(text, status=status)
    raise RejectedError(text, status=status)
