"""What an answer of Hugging Face's router means.  Pure."""

from __future__ import annotations

from providers.answers import Spelling, check
from providers.base import Reply
from providers.outcomes import GoneError, OutOfCreditsError, UnavailableError
from providers.replies import as_object, error_text

_LONGEST_WORDS = 64 * 1024


class RouteOnlyError(GoneError):
    """An answer that concerns this route only."""


#: The partner behind a route answers through the router, in its own words.
_SPELLINGS = (
    Spelling(means=RouteOnlyError, status=402, words="pay-as-you go is not enabled"),
    Spelling(means=RouteOnlyError, status=402, words="free monthly usage limit for"),
    Spelling(means=OutOfCreditsError, status=403, words="exhausted balance"),
    Spelling(means=OutOfCreditsError, status=429, words="insufficient credit"),
    Spelling(means=RouteOnlyError, status=404),
    Spelling(means=RouteOnlyError, status=410),
    Spelling(means=RouteOnlyError, status=400, words="model not supported"),
)


def check_route(reply: Reply) -> None:
    """Raise what an answer of the router means, unless it is a good one.

    Raises:
        ProviderError: `RouteOnlyError` when another route may do better.
    """
    check(reply, *_SPELLINGS)
    data = as_object(reply) if len(reply.body) <= _LONGEST_WORDS else {}
    # An error with status 200 was seen; a prediction's `error` is its reader's.
    if data.get("error") and "id" not in data:
        raise UnavailableError(error_text(reply), status=reply.status)
