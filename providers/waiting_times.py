"""Reads how long a service asks to wait, in every usual spelling.  Pure.

Sources: RFC 9110 (Retry-After), the drafts of the RateLimit fields, OpenAI's and
Azure's headers, Google's `retryDelay`, and the sentences that services write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = (
    r"\d+(?:\.\d+)?\s*(?:milliseconds?|msecs?|ms|minutes?|mins?|m|seconds?|secs?|s|"
    r"hours?|hrs?|h|days?|d)(?![a-z])"
)
_DURATION = rf"(?:\d+:\d\d(?::\d\d)?|{_PART}(?:[\s,]*(?:and\s+)?{_PART})*)"
#: "try again in 12s", "resets in ~7s", "retry after 1m30s", "wait for 1:30:05"
_SENTENCE = re.compile(
    rf"\b(?:again|retry|retrying|resets?|wait|available)(?: again)?"
    rf"(?: in| after| for)?(?: about| another)? ~?({_DURATION})",
    re.IGNORECASE,
)
_WHOLE_DURATION = re.compile(_DURATION, re.IGNORECASE)
_NUMBER_AND_UNIT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.IGNORECASE)
_SECONDS_KEYS = ("estimated_time", "retry_after", "retryAfter", "retry_after_seconds")
_MILLISECONDS_KEYS = ("retry_after_ms", "retryAfterMs")
_MAX_DEPTH = 4
#: A larger number is a time since 1970: in seconds, or in milliseconds.
_EPOCH, _EPOCH_MS = 1e9, 1e11
_MAX_TEXT = 100
#: A longer wait is not a wait.
_MAX_SECONDS = 1e7


def find_seconds_to_wait(
    headers: Mapping[str, str], data: object, text: str
) -> float | None:
    """Return the seconds that a response asks to wait, or None.

    Args:
        headers: With lower-case names.  `date` is the moment of the response, to
            which the points in time of other headers are compared.
        data: The body as JSON, or None.
        text: The error's message.
    """
    for found in (
        _parse_milliseconds(headers.get("retry-after-ms")),
        _parse_retry_after(headers),
        *_find_in_json(data),
        _find_in_rate_limits(headers),
        _find_in_text(text),
    ):
        if found is not None:
            return found
    return None


def parse_duration(text: str) -> float | None:
    """Return the seconds of "12", "12s", "1m30s", "20 ms" or "1:30:05", or None."""
    text = text.strip()[:_MAX_TEXT]
    if (seconds := _plausible(text)) is not None:
        return seconds
    if _WHOLE_DURATION.fullmatch(text) is None:
        return None
    if ":" in text:
        total = 0.0
        for part in text.split(":"):
            total = total * 60 + float(part)
        # Two parts are minutes and seconds, three begin with hours.
        return _plausible(total)
    parts = _NUMBER_AND_UNIT.findall(text)
    return _plausible(sum(float(number) * _unit(unit) for number, unit in parts))


def _unit(word: str) -> float:
    word = word.casefold()
    return _UNITS["ms" if word.startswith(("ms", "milli")) else word[0]]


def _plausible(value: object) -> float | None:
    """Return *value* as seconds; None for no number, nan, infinity and years."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return seconds if 0 <= seconds < _MAX_SECONDS else None


def _parse_milliseconds(value: object) -> float | None:
    seconds = _plausible(value)
    return None if seconds is None else seconds / 1000


def _parse_retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    if (seconds := parse_duration(value)) is not None:
        return seconds
    return _seconds_until(_parse_date(value), headers)


def _parse_date(value: str) -> datetime | None:
    """Return the time of an HTTP date or an ISO 8601 one, or None."""
    date = None
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, TypeError, OverflowError, IndexError):
            date = date or parse(value.strip())
    if date is None:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


def _seconds_until(time: datetime | None, headers: Mapping[str, str]) -> float | None:
    """Return the seconds from the response to *time*; a time in the past is now."""
    sent = _parse_date(headers.get("date", ""))
    if time is None or sent is None:
        return None
    return _plausible(max(0.0, (time - sent).total_seconds()))


def _find_in_json(data: object, depth: int = 0) -> Iterator[float | None]:
    """Yield the times named in a body, such as `retry_after` and `retryDelay`."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(data, list):
        for item in data[:10]:
            yield from _find_in_json(item, depth + 1)
    if not isinstance(data, dict):
        return
    for key in _SECONDS_KEYS:
        yield _plausible(data.get(key))
    for key in _MILLISECONDS_KEYS:
        yield _parse_milliseconds(data.get(key))
    if isinstance(delay := data.get("retryDelay"), str):
        yield parse_duration(delay)
    for key in ("error", "errors", "detail", "details", "metadata"):
        yield from _find_in_json(data.get(key), depth + 1)


def _find_in_rate_limits(headers: Mapping[str, str]) -> float | None:
    """Return the longest wait of the limits that are used up, else of all."""
    # `RateLimit: "api";r=0;t=55`, with one item for each limit
    items = [item for item in headers.get("ratelimit", "").split(",") if "t=" in item]
    spent = [item for item in items if re.search(r"\br=0\b", item)]
    ends = [re.search(r"\bt=([0-9]+)", item) for item in spent or items]
    waits = [_plausible(match[1]) for match in ends if match]
    if not waits:
        names = [name for name in headers if "ratelimit-reset" in name]
        spent = [
            name
            for name in names
            if headers.get(name.replace("-reset", "-remaining"), "").strip() == "0"
        ]
        waits = [_parse_reset(headers[name], headers) for name in spent or names]
    return max((wait for wait in waits if wait is not None), default=None)


def _parse_reset(value: str, headers: Mapping[str, str]) -> float | None:
    """Return the wait of `x-ratelimit-reset*`: a duration, or a point in time."""
    try:
        number = float(value)
    except ValueError:
        seconds = parse_duration(value)
        date = _parse_date(value)
        return _seconds_until(date, headers) if seconds is None else seconds
    if not _EPOCH <= number < _EPOCH_MS * 1000:
        return _plausible(number)
    epoch = number / 1000 if number >= _EPOCH_MS else number
    return _seconds_until(datetime.fromtimestamp(epoch, UTC), headers)


def _find_in_text(text: str) -> float | None:
    match = _SENTENCE.search(text)
    return parse_duration(match[1]) if match else None
