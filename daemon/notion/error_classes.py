"""What an answer of Notion means, and what is done about it.  Pure.

Notion API reference, "Status codes", "Request limits".
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
    """What to do."""

    STOP_ALL = "stop all"  #: Too fast: everything waits, then the same again.
    AGAIN = "again"  #: Away or in conflict: the same again, later.
    NO_ACCESS = "no access"  #: The token or a capability.
    NOT_FOUND = "not found"  #: Gone, or not shared.
    REFUSED = "refused"  #: 400: our request is wrong for what is there now.


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorResponse:
    """An answer that is not the wanted one.

    Attributes:
        status: 0 when there was none.
        seconds: For `STOP_ALL`.
        message: Notion's own sentence, without what looks like a secret.
    """

    kind: ErrorClass
    status: int
    message: str
    seconds: float = 0.0


def classify_response(
    status: int, headers: Mapping[str, str], body: str
) -> ErrorResponse:
    """Return what an HTTP answer other than a good one means."""
    data = _parse_json(body)
    message = _error_message(data, status)
    if status in {429, 529}:
        more = data.get("additional_data")
        blocked = more.get("rate_limit_reason") if isinstance(more, dict) else None
        # Not a matter of speed: asking again is of no use.
        if blocked == "public_api_request_blocked":
            return ErrorResponse(
                kind=ErrorClass.NO_ACCESS, status=status, message=message
            )
        seconds = _retry_after_seconds(headers)
        return ErrorResponse(
            kind=ErrorClass.STOP_ALL, status=status, message=message, seconds=seconds
        )
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        return ErrorResponse(kind=ErrorClass.NO_ACCESS, status=status, message=message)
    if status == _NOT_FOUND and data.get("code") == "object_not_found":
        return ErrorResponse(kind=ErrorClass.NOT_FOUND, status=status, message=message)
    # A 400 in JSON is Notion's; one in HTML is a proxy's.
    if status == 400 and data:  # noqa: PLR2004 - Bad Request
        return ErrorResponse(kind=ErrorClass.REFUSED, status=status, message=message)
    return ErrorResponse(kind=ErrorClass.AGAIN, status=status, message=message)


def _parse_json(body: str) -> Mapping[str, Any]:
    try:
        data = json.loads(body)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _error_message(data: Mapping[str, Any], status: int) -> str:
    words = str(data.get("message") or f"HTTP {status}")
    return " ".join(words.split())[:300]


def _retry_after_seconds(headers: Mapping[str, str]) -> float:
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", value):
        return max(0.5, float(value))
    try:
        when = parsedate_to_datetime(value)
        sent = parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return _RETRY_AFTER_DEFAULT
    return max(0.5, (when - sent).total_seconds())


def mentions_upload(message: str) -> bool:
    """Say whether a refused update speaks of a file upload of ours."""
    folded = message.casefold()
    return "file upload" in folded or "file_upload" in folded


def mentions_archived(message: str) -> bool:
    """Say whether an update was refused because the page is in the trash."""
    return "archived" in message.casefold()


def is_stale_cursor(answer: ErrorResponse) -> bool:
    """Say whether a query has to be begun again."""
    return answer.kind is ErrorClass.REFUSED and "start_cursor" in answer.message


#: Where connections (once called integrations) are made and shown.
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
    """Return how to share a database, and (if known) what the token does see."""
    how = (
        f"Notion does not show {name} to this token: open the database in Notion, "
        "click ... > Connections, and choose the connection that the token is of"
    )
    return how if sees is None else f"{how}. The token sees {sees or 'no database'}"
