"""Reading what services answer: shared by the routes and kinds.  Pure.

Error texts come in many shapes (`error` as text, object or list, `detail`,
`message`, plain text, HTML); all of them are untrusted.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from providers.base import Response

_LONGEST = 300
_KEYS = ("message", "detail", "title", "msg", "error", "code", "errors")
_TOKENS = re.compile(r"\b(?:hf|r8|sk|pk|ntn|secret)_[A-Za-z0-9]{6,}|\bBearer\s+\S+")
_MODERATION = re.compile(
    r"nsfw|content policy|content_policy|moderation|safety (?:system|filter|checker)|"
    r"flagged as|inappropriate content|prohibited content|violates? (?:our|the)",
    re.IGNORECASE,
)


def parse_json(reply: Response) -> Any:  # noqa: ANN401 - whatever JSON came
    """Return the body as JSON, None when it is none."""
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


def parse_object(reply: Response) -> Mapping[str, Any]:
    """Return the body as a JSON object, {} when it is none."""
    data = parse_json(reply)
    return data if isinstance(data, dict) else {}


def is_html(reply: Response) -> bool:
    """Say whether the body is a page for people: a proxy's, a CDN's."""
    head = reply.body[:256].lstrip().lower()
    return head.startswith((b"<!doctype", b"<html", b"<head", b"<?xml"))


def error_text(reply: Response) -> str:
    """Return what the service says went wrong, on one harmless line."""
    if is_html(reply):
        return f"HTTP {reply.status} with a web page"
    data = parse_json(reply)
    text = _find_message(data) if data is not None else _decode_body(reply.body)
    return sanitize_text(text) or f"HTTP {reply.status}"


def _find_message(data: object, depth: int = 0) -> str:
    if isinstance(data, str):
        return data
    if depth > 4:  # noqa: PLR2004 - deep enough for any of them
        return ""
    if isinstance(data, list):
        return "; ".join(
            filter(None, (_find_message(one, depth + 1) for one in data[:3]))
        )
    if isinstance(data, dict):
        for key in _KEYS:
            if (found := _find_message(data.get(key), depth + 1)) != "":
                return found
    return ""


def _decode_body(body: bytes) -> str:
    return body[:1000].decode("utf-8", "replace")


def sanitize_text(text: str) -> str:
    """Return text without control characters and tokens, on one line, not too long."""
    seen = "".join(
        " " if unicodedata.category(char).startswith("C") else char
        for char in text[: _LONGEST * 4]
    )
    return _TOKENS.sub("[secret]", " ".join(seen.split()))[:_LONGEST]


def is_refusal(text: str) -> bool:
    """Say whether a text is moderation's."""
    return _MODERATION.search(text) is not None


def seconds_to_wait(reply: Response) -> float | None:
    """Return how long the service asks to wait, wherever it says so."""
    headers = reply.headers
    if (value := _parse_seconds(headers.get("retry-after"))) is not None:
        return value
    data = parse_object(reply)
    for key in ("estimated_time", "retry_after"):
        if (value := _parse_seconds(data.get(key))) is not None:
            return value
    if found := re.search(r"\bt=([0-9]+)", headers.get("ratelimit", "")):
        return float(found[1])
    if found := re.search(r"resets? in ~?([0-9]+)\s*s", error_text(reply)):
        return float(found[1])
    return None


def _parse_seconds(value: object) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if 0 <= found < 1e7 else None  # noqa: PLR2004 - also refuses nan, inf
