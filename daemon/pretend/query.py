"""Filters and sorts of the pretend Notion, checked as the real one checks them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from daemon.pretend.errors import validation_error
from daemon.pretend.models import FakePage, Json
from daemon.pretend.uploads import floor_to_minute
from daemon.pretend.values import FakeProperty, empty_value, to_plain

Test = Callable[[FakePage], bool]

_DEPTH = 2


def build_filter(
    given: Any,  # noqa: ANN401 - JSON
    columns: Mapping[str, FakeProperty],
    depth: int = 0,
) -> Test:
    """Return a test for a row.

    Raises:
        RefusalError: An unknown property, a wrong type, more than two levels.
    """
    if given is None:
        return lambda _page: True
    for joint, combine in (("and", all), ("or", any)):
        if joint in given:
            if depth >= _DEPTH:
                raise validation_error(
                    "body failed validation: filters may be nested two levels deep."
                )
            tests = [build_filter(one, columns, depth + 1) for one in given[joint]]
            return _combine_filters(tests, combine)
    if (field := given.get("timestamp")) in _TIMES:
        return _timestamp_filter(field, given.get(field) or {})
    return _property_filter(given, columns)


def _combine_filters(
    tests: list[Test], combine: Callable[[Iterable[bool]], bool]
) -> Test:
    return lambda page: combine(test(page) for test in tests)


def find_column(name: object, columns: Mapping[str, FakeProperty]) -> FakeProperty:
    """Return a column by name or id."""
    for column in columns.values():
        if name in {column.name, column.id}:
            return column
    raise validation_error(f"Could not find property with name or id: {name}")


def _property_filter(given: Json, columns: Mapping[str, FakeProperty]) -> Test:
    column = find_column(given.get("property"), columns)
    kinds = [key for key in given if key not in {"property", "type"}]
    kind = kinds[0] if kinds else ""
    if kind != column.type:
        raise validation_error(
            f"database property {column.type} does not match filter {kind}"
        )
    condition = given[kind]
    return lambda page: _matches_condition(_plain_value(column, page), condition)


def _plain_value(column: FakeProperty, page: FakePage) -> Any:  # noqa: ANN401 - a plain value
    return to_plain(column.type, page.values.get(column.id, empty_value(column.type)))


def _edited_minute(page: FakePage) -> datetime:
    return floor_to_minute(page.edited_at)


def _created_minute(page: FakePage) -> datetime:
    return floor_to_minute(page.created_at)


_TIMES: Mapping[object, Callable[[FakePage], datetime]] = {
    "created_time": _created_minute,
    "last_edited_time": _edited_minute,
}


def _matches_condition(value: Any, condition: Mapping[str, Any]) -> bool:  # noqa: ANN401 - JSON
    (word, wanted), *_ = condition.items()
    text = str(value or "")
    empty = value in (None, "", [], ())
    match word:
        case "equals":
            return bool(value == wanted or (not wanted and empty))
        case "does_not_equal":
            return bool(value != wanted)
        case "contains":
            found = value if isinstance(value, list) else text.casefold()
            return (wanted if isinstance(value, list) else wanted.casefold()) in found
        case "does_not_contain":
            return str(wanted).casefold() not in text.casefold()
        case "is_empty":
            return bool(empty) is bool(wanted)
        case "is_not_empty":
            return bool(empty) is not bool(wanted)
        case "on_or_after":
            return text >= str(wanted)
        case "on_or_before":
            return bool(text) and text <= str(wanted)
        case "greater_than":
            return value is not None and bool(value > wanted)
        case "less_than":
            return value is not None and bool(value < wanted)
    raise validation_error(
        f"body failed validation: `{word}` is not a condition of a filter."
    )


def _timestamp_filter(field: str, condition: Mapping[str, Any]) -> Test:
    compare: Mapping[str, Callable[[datetime, datetime], bool]] = {
        "on_or_after": lambda mine, limit: mine >= limit,
        "after": lambda mine, limit: mine > limit,
        "on_or_before": lambda mine, limit: mine <= limit,
        "before": lambda mine, limit: mine < limit,
        "equals": lambda mine, limit: mine == limit,
    }
    (word, text), *_ = condition.items()
    if word not in compare:
        raise validation_error(
            f"body failed validation: body.filter.{field}.{word} is unknown."
        )
    try:
        limit = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise validation_error(
            f"body failed validation: body.filter.{field}.{word} should be a valid "
            f"ISO 8601 date string, instead was `{text!r}`."
        ) from None
    return lambda page: compare[word](_TIMES[field](page), limit)


def sort_pages(
    pages: list[FakePage], sorts: Sequence[Json], columns: Mapping[str, FakeProperty]
) -> None:
    """Sort pages in place, the first of *sorts* weighing most."""
    for sort in reversed(sorts):
        direction = sort.get("direction", "ascending")
        if direction not in {"ascending", "descending"}:
            raise validation_error(
                "body failed validation. Fix one:\nbody.sorts[0].direction should be "
                f'`"ascending"` or `"descending"`, instead was `"{direction}"`.'
            )
        key = _sort_key(sort, columns)
        pages.sort(key=key, reverse=direction == "descending")


def _sort_key(
    sort: Json, columns: Mapping[str, FakeProperty]
) -> Callable[[FakePage], Any]:
    if (field := sort.get("timestamp")) in _TIMES:
        return _TIMES[field]
    column = find_column(sort.get("property"), columns)
    return lambda page: str(_plain_value(column, page) or "")
