"""Recognizes lists and tables by the shape of their lines.  Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from providers.card.content import (
    Content,
    ListItem,
    announces,
    clean_part,
    heading_alone,
    heading_of,
)
from providers.card.event_structure import find_dates
from providers.card.list_marks import TextLine

_ITEM_LIMIT = 110
_LABEL_LIMIT, _VALUE_LIMIT = 34, 26
_CURRENCY = "$€£¥₦₹₺₩฿₫₴₽"
_MEASURE = rf"[{_CURRENCY}]?\s?\d[\d.,:h]*(?:\s?(?:[{_CURRENCY}]|[^\W\d_]{{1,5}}\.?))?"
#: What separates the two columns of a table, the strongest first.
_SEPARATORS = (
    re.compile(r"\s*(?:\.{3,}|…+|\t+|\s{3,}|\s*\|\s*)\s*"),
    re.compile(r"(?::\s+|：\s*)"),
    re.compile(rf"\s—\s|\s[–-]\s+(?={_MEASURE}$)"),
    re.compile(rf"(?<!\d)\s+(?={_MEASURE}(?:\s?[–—-]\s?{_MEASURE})?$)"),
)
_PHONE = re.compile(r"(?:\d[\s()/-]*){7,}")
_TIME_FIRST = re.compile(
    r"^(?P<label>\d{1,2}[:.h]\d\d(?:\s?[–—-]\s?\d{1,2}[:.h]\d\d)?(?:\s?(?:Uhr|[ap]m))?)"
    r"\s*[–—:|-]?\s+(?P<value>[^\W\d_].*)$"
)


def recognize_table(lines: Sequence[TextLine]) -> Content | None:
    """Recognize lines of a label and a value: hours, prices, a programme."""
    rows = [_split_row(line) for line in lines]
    start, end = _longest_run(lines, lambda index: rows[index] is not None)
    found = [row for row in rows[start:end] if row is not None]
    measured = sum(_has_digit(label) or _has_digit(value) for label, value in found)
    if len(found) < 2 or measured < max(2, 0.6 * len(found)):
        return None
    # A list in which some items end with a number.
    others = [*lines[:start], *lines[end:]]
    if lines[start].mark and any(line.mark for line in others):
        return None
    cleaned = tuple((clean_part(label), clean_part(value)) for label, value in found)
    if not all(label and value for label, value in cleaned):
        return None
    # The next line may be a row of another form: a table is shown as a whole.
    if (
        end < len(lines)
        and not lines[end].after_gap
        and _is_plain_item(lines[end].text)
    ):
        return heading_alone(lines[:start])
    return Content(
        layout="table",
        words=heading_of(lines[:start]),
        announces=announces(lines[:start]),
        rows=cleaned,
    )


def _split_row(line: TextLine) -> tuple[str, str] | None:
    """Return label and value of a line, split at its strongest separator."""
    text = line.text
    # The numbers of a list stay with it, and the line of a date is an event's.
    is_other = line.mark[:1].isdigit() or find_dates(text) or _PHONE.search(text)
    if is_other or text.endswith((":", "：")):
        return None
    if match := _TIME_FIRST.match(text):
        return (match["label"], match["value"]) if len(match["value"]) < 40 else None
    for pattern in _SEPARATORS:
        if (match := pattern.search(text)) is None:
            continue
        label, value = (
            text[: match.start()].strip(" .:–—-"),
            text[match.end() :].strip(),
        )
        fits = len(label) <= _LABEL_LIMIT and len(value) <= _VALUE_LIMIT
        if fits and value and any(char.isalpha() for char in label):
            return (label, value)
        return None
    return None


def _has_digit(text: str) -> bool:
    return any(char.isdigit() for char in text)


def recognize_list(lines: Sequence[TextLine]) -> Content | None:
    """Recognize lines that begin with a mark, or short lines behind a colon."""
    start, end = _longest_run(lines, lambda index: bool(lines[index].mark))
    if end - start < 2:
        return _recognize_plain_list(lines)
    items = [ListItem(_shown_mark(line.mark), line.text) for line in lines[start:end]]
    # One of several lists is not the whole.
    is_whole = not any(line.mark for line in [*lines[:start], *lines[end:]])
    return _list_content(lines[:start], items, is_whole=is_whole)


def _shown_mark(mark: str) -> str:
    return "" if mark in {"•", "👉", "➡️", "▶️"} else mark


def _recognize_plain_list(lines: Sequence[TextLine]) -> Content | None:
    for start, line in enumerate(lines[:-3], 1):
        if not line.text.endswith((":", "：")):
            continue
        follow = [_is_plain_item(item.text) for item in lines[start:]]
        count = (*follow, False).index(False)
        if count >= 3:
            items = [ListItem("", item.text) for item in lines[start : start + count]]
            return _list_content(lines[:start], items, is_whole=True)
    return None


def _is_plain_item(text: str) -> bool:
    return len(text) <= 40 and text[-1] not in ".!?。！？:："


def _list_content(
    before: Sequence[TextLine], items: Sequence[ListItem], *, is_whole: bool
) -> Content | None:
    heading = heading_of(before)
    if is_whole and all(len(item.text) <= _ITEM_LIMIT for item in items):
        cleaned = (ListItem(item.mark, item.text.rstrip(" ,;،")) for item in items)
        return Content(
            layout="list",
            words=heading,
            announces=announces(before),
            items=tuple(cleaned),
        )
    # Only the heading: a list that is cut says something else.
    return heading_alone(before)


def _longest_run(
    lines: Sequence[TextLine], is_part: Callable[[int], bool]
) -> tuple[int, int]:
    """Return start and end of the longest run of such lines."""
    best, start = (0, 0), 0
    for index in range(len(lines)):
        if not is_part(index):
            start = index + 1
        elif index + 1 - start > best[1] - best[0]:
            best = (start, index + 1)
    return best
