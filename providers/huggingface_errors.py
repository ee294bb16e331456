"""What an answer of Hugging Face's router means.  Pure."""

from __future__ import annotations

from providers.base import Response
from providers.outcomes import NotFoundError, OutOfCreditsError, UnavailableError
from providers.response_body import error_text, parse_object
from providers.response_errors import ErrorRule, raise_for_error

_LONGEST_WORDS = 64 * 1024


class RouteOnlyError(NotFoundError):
    """An answer that concerns this route only."""


#: The partner behind a route answers through the router, in its own words.
_SPELLINGS = (
    ErrorRule(means=RouteOnlyError, status=402, words="pay-as-you go is not enabled"),
    ErrorRule(means=RouteOnlyError, status=402, words="free monthly usage limit for"),
    ErrorRule(means=OutOfCreditsError, status=403, words="exhausted balance"),
    ErrorRule(means=OutOfCreditsError, status=429, words="insufficient credit"),
    ErrorRule(means=RouteOnlyError, status=404),
    ErrorRule(means=RouteOnlyError, status=410),
    ErrorRule(means=RouteOnlyError, status=400, words="model not supported"),
)


def check_route(reply: Response) -> None:
    """Raise what an answer of the router means, unless it is a good one.

    Raises:
        ProviderError: `RouteOnlyError` when another route may do better.
    """
    raise_for_error(reply, *_SPELLINGS)
    data = parse_object(reply) if len(reply.body) <= _LONGEST_WORDS else {}
    # An error with status 200 was seen; a prediction's `error` is its reader's.
    if data.get("error") and "id" not in data:
        raise UnavailableError(error_text(reply), status=reply.status)
