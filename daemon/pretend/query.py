"""Filters and sorts of a query, validated as Notion does."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from daemon.pretend.errors import validation_error
from daemon.pretend.models import FakePage, FakeProperty, Json, empty_value, to_plain
from daemon.pretend.uploads import floor_to_minute

Filter = Callable[[FakePage], bool]

_MAX_DEPTH = 2


def build_filter(
    config: Any,  # noqa: ANN401 - JSON
    columns: Mapping[str, FakeProperty],
    depth: int = 0,
) -> Filter:
    """Return a function that tells whether a page matches the filter *config*.

    Args:
        config: JSON of the filter; None matches every page.
        depth: Level of nesting of this part.

    Raises:
        ApiResponseError: 400, for an unknown property, a wrong type, or more than two
            levels.
    """
    if config is None:
        return lambda _page: True
    for word, combine in (("and", all), ("or", any)):
        if word in config:
            if depth >= _MAX_DEPTH:
                raise validation_error(
                    "body failed validation: filters may be nested two levels deep."
                )
            return _combine_filters(
                [build_filter(part, columns, depth + 1) for part in config[word]],
                combine,
            )
    if (field := config.get("timestamp")) in _TIMES:
        return _timestamp_filter(field, config.get(field) or {})
    return _property_filter(config, columns)


def _combine_filters(
    filters: list[Filter], combine: Callable[[Iterable[bool]], bool]
) -> Filter:
    return lambda page: combine(matches(page) for matches in filters)


def find_column(name: object, columns: Mapping[str, FakeProperty]) -> FakeProperty:
    """Return a property by name or id.

    Raises:
        ApiResponseError: 400, there is no such property.
    """
    for column in columns.values():
        if name in {column.name, column.id}:
            return column
    raise validation_error(f"Could not find property with name or id: {name}")


def _property_filter(config: Json, columns: Mapping[str, FakeProperty]) -> Filter:
    column = find_column(config.get("property"), columns)
    kind = next((key for key in config if key not in {"property", "type"}), "")
    if kind != column.type:
        raise validation_error(
            f"database property {column.type} does not match filter {kind}"
        )
    condition = config[kind]
    return lambda page: _matches_condition(_plain_value(column, page), condition)


def _plain_value(column: FakeProperty, page: FakePage) -> Any:  # noqa: ANN401 - a plain value
    return to_plain(column.type, page.values.get(column.id, empty_value(column.type)))


_TIMES: Mapping[object, Callable[[FakePage], datetime]] = {
    "created_time": lambda page: floor_to_minute(page.created_at),
    "last_edited_time": lambda page: floor_to_minute(page.edited_at),
}


def _matches_condition(value: Any, condition: Mapping[str, Any]) -> bool:  # noqa: ANN401 - JSON
    (word, operand), *_ = condition.items()
    text = str(value or "")
    empty = value in (None, "", [], ())
    match word:
        case "equals":
            return bool(value == operand or (not operand and empty))
        case "does_not_equal":
            return bool(value != operand)
        case "contains":
            if isinstance(value, list):
                return operand in value
            return str(operand).casefold() in text.casefold()
        case "does_not_contain":
            return str(operand).casefold() not in text.casefold()
        case "is_empty":
            return bool(empty) is bool(operand)
        case "is_not_empty":
            return bool(empty) is not bool(operand)
        case "on_or_after":
            return text >= str(operand)
        case "on_or_before":
            return bool(text) and text <= str(operand)
    raise validation_error(
        f"body failed validation: `{word}` is not a condition of a filter."
    )


_COMPARISONS: Mapping[str, Callable[[datetime, datetime], bool]] = {
    "on_or_after": operator.ge,
    "after": operator.gt,
    "on_or_before": operator.le,
}


def _timestamp_filter(field: str, condition: Mapping[str, Any]) -> Filter:
    (word, text), *_ = condition.items()
    if word not in _COMPARISONS:
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
    return lambda page: _COMPARISONS[word](_TIMES[field](page), limit)


def sort_pages(
    pages: list[FakePage], sorts: Sequence[Json], columns: Mapping[str, FakeProperty]
) -> None:
    """Sort pages in place; the first of *sorts* is the primary key.

    Raises:
        ApiResponseError: 400, for an unknown property or direction.
    """
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
