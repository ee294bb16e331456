"""What a call for an image costs: its price, or nothing after a refusal.  Pure.

==========================================================  ===============
how the request for an image ended                          charged
==========================================================  ===============
no connection, or a redirect                                no
the connection was lost after the request was sent          yes
no answer in time; 408, 504, 524                            yes
any other status outside 200 to 299                         no
200 to 299, and the body says that the request failed       no
200 to 299, and anything else, with or without an image     yes
a remote job that was started, however it ends              yes, unless refused
==========================================================  ===============

What is charged without an image counts as one of the calls that brought nothing.
"""

from __future__ import annotations

from providers.base import HttpCall, Response, Step
from providers.outcomes import (
    ConnectionLostError,
    InvalidImageError,
    Outcome,
    ProviderError,
    UnavailableError,
)
from providers.responses import states_failure

#: Outcomes that are not charged, since the service refused or was not reached.
FREE = frozenset(
    {
        Outcome.CREDITS,
        Outcome.UNSETTLED,
        Outcome.LOADING,
        Outcome.RATE_LIMITED,
        Outcome.UNAVAILABLE,
        Outcome.UNAUTHORIZED,
        Outcome.NOT_FOUND,
        Outcome.REGION_BLOCKED,
        Outcome.REFUSED,
        Outcome.BAD_REQUEST,
        # Only a free service's image is refused for being the same.
        Outcome.IDENTICAL,
    }
)
#: Outcomes of calls that may be charged and brought no image.
WASTED = frozenset(
    {
        Outcome.TIMEOUT,
        Outcome.CONNECTION_LOST,
        Outcome.UNKNOWN,
        Outcome.REMOTE_FAILED,
        Outcome.INVALID_IMAGE,
        Outcome.INVALID_TEXT,
    }
)
_GOOD = range(200, 300)


def read_response(call: HttpCall, response: Response) -> Step:
    """Return what `call.read` makes of a response; a 2xx without an image is charged.

    Raises:
        ProviderError: The response has no image.
    """
    try:
        return call.read(response)
    except UnavailableError as error:
        # A poll or a download is repeated.
        if not call.is_image_request or not was_done(response):
            raise
        # It may have generated an image that we cannot read.
        raise InvalidImageError(str(error), status=response.status) from error


def was_done(response: Response) -> bool:
    """Return True unless the service says that it did not do the work."""
    return response.status in _GOOD and not states_failure(response)


def connection_error(
    call: HttpCall, message: str, *, was_sent: bool, status: int | None
) -> ProviderError:
    """Return the error of a connection that failed.

    Args:
        was_sent: The service may have received the request.
        status: The status of the response whose body was cut short, or None.
    """
    is_refused = status is not None and status not in _GOOD
    # A poll or a download is repeated; a refusal costs nothing, even cut short.
    if not call.is_image_request or not was_sent or is_refused:
        return UnavailableError(message, status=status)
    return ConnectionLostError(message, status=status)
