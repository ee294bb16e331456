"""Classifies Notion's error answers by the reaction to them.  Pure.

Source: Notion API reference, "Status codes", "Request limits".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

_RETRY_AFTER_DEFAULT = 30.0
_NOT_FOUND, _UNAUTHORIZED, _FORBIDDEN = 404, 401, 403


class ErrorClass(Enum):
    """The reaction to an error answer."""

    STOP_ALL = "stop all"  #: Rate limit: pause every request, then repeat this one.
    AGAIN = "again"  #: Unavailable or in conflict: repeat the request later.
    NO_ACCESS = "no access"  #: The token or one of its capabilities is refused.
    NOT_FOUND = "not found"  #: The object is deleted or not shared.
    REFUSED = "refused"  #: 400: the request does not fit the present state.


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorResponse:
    """An error answer, or the lack of an answer.

    Attributes:
        status: The HTTP status; 0 without an answer.
        message: Notion's own sentence, at most 300 characters.
        seconds: For `STOP_ALL`, how long to pause.
    """

    kind: ErrorClass
    status: int
    message: str
    seconds: float = 0.0


def classify_response(
    status: int, headers: Mapping[str, str], body: str
) -> ErrorResponse:
    """Return the class of an HTTP error answer.  *headers* have lower-case names."""
    data = _parse_json(body)
    kind = _error_class(status, data)
    seconds = _retry_after_seconds(headers) if kind is ErrorClass.STOP_ALL else 0.0
    message = _error_message(data, status)
    return ErrorResponse(kind=kind, status=status, message=message, seconds=seconds)


def _error_class(status: int, data: Mapping[str, Any]) -> ErrorClass:
    if status in {429, 529}:
        details = data.get("additional_data")
        reason = details.get("rate_limit_reason") if isinstance(details, dict) else None
        # Notion blocks the token, so a repetition cannot succeed.
        is_blocked = reason == "public_api_request_blocked"
        return ErrorClass.NO_ACCESS if is_blocked else ErrorClass.STOP_ALL
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        return ErrorClass.NO_ACCESS
    if status == _NOT_FOUND and data.get("code") == "object_not_found":
        return ErrorClass.NOT_FOUND
    # Notion sends a 400 as JSON, a proxy sends it as HTML.
    if status == 400 and data:  # noqa: PLR2004 - Bad Request
        return ErrorClass.REFUSED
    return ErrorClass.AGAIN


def _parse_json(body: str) -> Mapping[str, Any]:
    try:
        data = json.loads(body)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _error_message(data: Mapping[str, Any], status: int) -> str:
    message = str(data.get("message") or f"HTTP {status}")
    return " ".join(message.split())[:300]


def _retry_after_seconds(headers: Mapping[str, str]) -> float:
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return max(0.5, float(value))
    try:
        retry_at = parsedate_to_datetime(value)
        sent_at = parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return _RETRY_AFTER_DEFAULT
    return max(0.5, (retry_at - sent_at).total_seconds())


def mentions_upload(message: str) -> bool:
    """Return whether the message of a refused update names a file upload."""
    folded = message.casefold()
    return "file upload" in folded or "file_upload" in folded


def mentions_archived(message: str) -> bool:
    """Return whether the message says that the page or a parent is archived."""
    return "archived" in message.casefold()


def is_stale_cursor(answer: ErrorResponse) -> bool:
    """Return whether a query must restart because its cursor expired."""
    return answer.kind is ErrorClass.REFUSED and "start_cursor" in answer.message


#: The page that lists connections (formerly called integrations).
CONNECTIONS = "app.notion.com/developers/connections"
TOKEN_REFUSED = (
    f"Notion refuses the token: open {CONNECTIONS}, choose the connection, and copy "
    "its API token into NOTION_TOKEN"
)
CAPABILITY_MISSING = (
    f"Notion forbids it: open {CONNECTIONS}, choose the connection, and tick "
    "Read content, Update content and Insert content under Capabilities"
)


def explain_sharing(name: str, sees: str | None = None) -> str:
    """Return how to share a database.

    Args:
        sees: The databases that the token can read; None if that is unknown.
    """
    how = (
        f"Notion does not show {name} to this token: open the database in Notion, "
        "click ... > Connections, and choose the connection that the token is of"
    )
    return how if sees is None else f"{how}. The token sees {sees or 'no database'}"
