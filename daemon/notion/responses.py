"""Notion's responses: the class of an error, our exception for it, and their shape.

Source: Notion API reference, "Status codes", "Request limits".  Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from daemon.notion.errors import (
    ItemRefusedError,
    NoAccessError,
    NotionError,
    NotionUnavailableError,
    PageUnreachableError,
    SchemaOutdatedError,
    UploadLostError,
    WriteRefusedError,
)
from daemon.notion.model import PageUpdate

_DEFAULT_PAUSE = 30.0
_SHORTEST_PAUSE = 0.5
_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 400, 401, 403, 404
#: Responses in a row without a new row after which a query counts as a loop.
_EMPTY_IN_A_ROW = 20

#: The page that lists connections (formerly called integrations).
CONNECTIONS = "app.notion.com/developers/connections"
_TOKEN_REFUSED = (
    f"Notion rejects the token. Open {CONNECTIONS}, choose the connection, and copy "
    "its API token to NOTION_TOKEN"
)
_CAPABILITY_MISSING = (
    f"Open {CONNECTIONS}, choose the connection, and tick Read content, Update content "
    "and Insert content under Capabilities"
)


class ErrorClass(Enum):
    """The reaction to an error response; the value labels it in the metrics."""

    RATE_LIMITED = "limited"  #: Pause every request, then repeat this one.
    UNAVAILABLE = "again"  #: No usable response, or a conflict: repeat it later.
    NO_ACCESS = "no_access"  #: The token or one of its capabilities is refused.
    NOT_FOUND = "not_found"  #: The object is deleted or not shared.
    REFUSED = "refused"  #: 400: the request does not fit the present state.


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorResponse:
    """An error response, or the lack of a response.

    Attributes:
        status: The HTTP status; 0 without a response.
        message: Notion's own sentence, at most 300 characters.
        seconds: How long to pause after a rate limit.
    """

    kind: ErrorClass
    status: int
    message: str
    seconds: float = 0.0

    @property
    def names_upload(self) -> bool:
        """Whether the message names a file upload."""
        folded = self.message.casefold()
        return "file upload" in folded or "file_upload" in folded

    @property
    def is_missing_page(self) -> bool:
        """Whether Notion does not find the page, rather than one of its uploads."""
        return self.kind is ErrorClass.NOT_FOUND and not self.names_upload

    @property
    def is_stale_cursor(self) -> bool:
        """Whether a query must restart because its cursor expired."""
        return self.kind is ErrorClass.REFUSED and "start_cursor" in self.message


def classify_response(
    status: int, headers: Mapping[str, str], body: str
) -> ErrorResponse:
    """Return the class of an HTTP error response.  *headers* have lower-case names."""
    data = _parse_json(body)
    kind = _error_class(status, data)
    is_limited = kind is ErrorClass.RATE_LIMITED
    message = str(data.get("message") or f"HTTP {status}")
    return ErrorResponse(
        kind=kind,
        status=status,
        message=" ".join(message.split())[:300],
        seconds=_retry_after_seconds(headers) if is_limited else 0.0,
    )


def unavailable(message: str, status: int = 0) -> ErrorResponse:
    """Return the error for a response that is missing or cannot be read."""
    return ErrorResponse(kind=ErrorClass.UNAVAILABLE, status=status, message=message)


def _error_class(status: int, data: Mapping[str, Any]) -> ErrorClass:
    if status in {429, 529}:
        details = data.get("additional_data")
        reason = details.get("rate_limit_reason") if isinstance(details, dict) else None
        # Notion blocks the token, so a repetition cannot succeed.
        is_blocked = reason == "public_api_request_blocked"
        return ErrorClass.NO_ACCESS if is_blocked else ErrorClass.RATE_LIMITED
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        return ErrorClass.NO_ACCESS
    if status == _NOT_FOUND and data.get("code") == "object_not_found":
        return ErrorClass.NOT_FOUND
    # Notion sends a 400 as JSON, a proxy sends it as HTML.
    if status == _BAD_REQUEST and data:
        return ErrorClass.REFUSED
    return ErrorClass.UNAVAILABLE


def _parse_json(body: str) -> Mapping[str, Any]:
    try:
        data = json.loads(body)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _retry_after_seconds(headers: Mapping[str, str]) -> float:
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return max(_SHORTEST_PAUSE, float(value))
    try:
        retry_at = parsedate_to_datetime(value)
        sent_at = parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return _DEFAULT_PAUSE
    return max(_SHORTEST_PAUSE, (retry_at - sent_at).total_seconds())


def explain_no_access(response: ErrorResponse) -> NotionError:
    """Return the error for a refusal that is about no single page."""
    if response.status == _UNAUTHORIZED:
        return NoAccessError(_TOKEN_REFUSED)
    if response.kind is ErrorClass.NO_ACCESS:
        return NoAccessError(
            f"Notion denies access ({response.message}). {_CAPABILITY_MISSING}"
        )
    if response.kind is ErrorClass.NOT_FOUND:
        return NoAccessError(explain_sharing("the database"))
    return NoAccessError(f"Notion rejected the request: {response.message}")


def explain_sharing(name: str, visible: str = "") -> str:
    """Return how to share a database.

    Args:
        visible: The databases that the token can read; empty if there are none, or
            if they are unknown.
    """
    others = f". It has access to {visible}" if visible else ""
    return (
        f"The Notion token has no access to {name}{others}. Open the database in "
        "Notion, click ••• > Connections, and choose your connection"
    )


def explain_query(response: ErrorResponse) -> NotionError:
    """Return the error for the refusal of a query."""
    if response.kind is ErrorClass.REFUSED:
        return SchemaOutdatedError(f"Notion rejected the request: {response.message}")
    return explain_no_access(response)


def explain_item_refusal(response: ErrorResponse) -> NotionError:
    """Return the error for a refusal that is about one page or one file."""
    if response.status == _FORBIDDEN:
        return ItemRefusedError(f"Notion denies access: {response.message}")
    if response.kind is ErrorClass.NO_ACCESS:
        return explain_no_access(response)
    return ItemRefusedError(f"Notion rejected the request: {response.message}")


def explain_read(response: ErrorResponse) -> NotionError:
    """Return the error for a refusal to read a page."""
    if response.is_missing_page:
        return PageUnreachableError(response.message)
    return explain_item_refusal(response)


def explain_write(response: ErrorResponse, change: PageUpdate) -> NotionError:
    """Return the error for a refusal to write to a page."""
    refused = response.kind in {ErrorClass.REFUSED, ErrorClass.NOT_FOUND}
    # The 400 or 404 is about a file upload that is not ready, or lost.
    if refused and change.uploads and response.names_upload:
        return UploadLostError(response.message)
    if response.kind is not ErrorClass.REFUSED:
        return explain_read(response)
    if change.image_only and change.keep:
        names = ", ".join(f"'{file.name}'" for file in change.keep)
        return WriteRefusedError(
            f"Notion does not let postbrush keep {names} beside the new image. Move "
            "your own files out of the Image property and tick Regenerate "
            f"({response.message})",
            is_final=True,
        )
    return WriteRefusedError(response.message)


@contextmanager
def translate_shape_errors(endpoint: str) -> Iterator[None]:
    """Translate errors raised while a response of *endpoint* is read.

    Raises:
        NotionUnavailableError: A value is missing or has another type.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise NotionUnavailableError(
            f"Notion's response to {endpoint} has an unexpected form ({error!r:.80})"
        ) from error


def rows_and_cursor(raw: Any) -> tuple[Sequence[Any], str]:  # noqa: ANN401 - JSON
    """Return the rows of a list response and the next cursor, "" after the last part.

    Raises:
        KeyError, TypeError: The response is not a list.
    """
    if not isinstance(raw, Mapping) or not isinstance(raw["results"], list):
        raise TypeError("the results are not a list")
    has_more, cursor = raw["has_more"], raw.get("next_cursor")
    if not isinstance(has_more, bool):
        raise TypeError("has_more is not true or false")
    if not has_more:
        return raw["results"], ""
    if not isinstance(cursor, str) or not cursor:
        raise TypeError("has_more without a next_cursor")
    return raw["results"], cursor


@dataclass(slots=True)
class CursorTrail:
    """Detects a list whose cursors form a loop."""

    _followed: set[str] = field(default_factory=set)
    _empty_in_a_row: int = 0

    def follow_cursor(self, cursor: str, new_rows: int) -> bool:
        """Record the cursor of a response; return False if the cursors form a loop."""
        self._empty_in_a_row = 0 if new_rows else self._empty_in_a_row + 1
        if cursor in self._followed or self._empty_in_a_row >= _EMPTY_IN_A_ROW:
            return False
        self._followed.add(cursor)
        return True
