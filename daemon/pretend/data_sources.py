"""What requests do with a data source: query its pages, and change its schema.

Requests are validated as Notion does; the response to an invalid one is a 400.
"""

from __future__ import annotations

import operator
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from daemon.pretend.errors import ApiResponseError, validation_error
from daemon.pretend.models import (
    DataSource,
    FakePage,
    FakeProperty,
    Json,
    empty_value,
    to_plain,
)
from daemon.pretend.uploads import floor_to_minute
from daemon.pretend.workspace import Workspace

Filter = Callable[[FakePage], bool]

_MAX_DEPTH = 2
_KINDS = frozenset(
    {
        *("title", "rich_text", "number", "select", "multi_select", "status", "date"),
        *("people", "files", "checkbox", "url", "email", "phone_number", "formula"),
        *("relation", "rollup", "created_time", "created_by", "last_edited_time"),
        *("last_edited_by", "unique_id", "button", "place"),
    }
)
_DEFAULT_STATUS = ("Not started", "In progress", "Done")
_CHOICES = ("select", "multi_select", "status")


def build_filter(
    config: Any,  # noqa: ANN401 - JSON
    columns: Mapping[str, FakeProperty],
    depth: int = 0,
) -> Filter:
    """Return a function that tells whether a page matches the filter *config*.

    Filters may be nested two levels deep; None matches every page.
    """
    if config is None:
        return lambda _page: True
    for word, combine in (("and", all), ("or", any)):
        if word in config:
            if depth >= _MAX_DEPTH:
                raise validation_error(
                    "body failed validation: filters may be nested two levels deep."
                )
            parts = [build_filter(part, columns, depth + 1) for part in config[word]]
            return _combine_filters(parts, combine)
    if (field := config.get("timestamp")) in _TIMES:
        return _timestamp_filter(field, config.get(field) or {})
    return _property_filter(config, columns)


def _combine_filters(
    filters: list[Filter], combine: Callable[[Iterable[bool]], bool]
) -> Filter:
    return lambda page: combine(matches(page) for matches in filters)


def _find_column(
    key: object, columns: Mapping[str, FakeProperty]
) -> FakeProperty | None:
    """Return a property by its name or id."""
    return next((c for c in columns.values() if key in {c.id, c.name}), None)


def _require_column(key: object, columns: Mapping[str, FakeProperty]) -> FakeProperty:
    if (column := _find_column(key, columns)) is None:
        raise validation_error(f"Could not find property with name or id: {key}")
    return column


def _property_filter(config: Json, columns: Mapping[str, FakeProperty]) -> Filter:
    column = _require_column(config.get("property"), columns)
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
    """Sort pages in place; the first of *sorts* is the primary key."""
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
    column = _require_column(sort.get("property"), columns)
    return lambda page: str(_plain_value(column, page) or "")


def update_schema(
    space: Workspace, source: DataSource, changes: Mapping[str, Json | None]
) -> None:
    """Carry out PATCH /v1/data_sources/{id}, all of it or nothing.

    Args:
        changes: By name or id of a property.  None removes the property, {"name": ...}
            renames it, and a type gives it that type, whatever it was before.  Other
            properties stay.
    """
    for key, config in changes.items():
        _validate_change(source, key, config)
    for key, config in changes.items():
        column = _find_column(key, source.columns)
        if config is None:
            space.remove_column(source.id, column.name if column else key)
        elif column is None:
            _add_column(space, source, key, config)
        else:
            _change_column(space, source, column, config)
    space.notify_changed()


def _property_type(config: Json) -> str | None:
    return config.get("type") or next((key for key in config if key in _KINDS), None)


def _validate_change(source: DataSource, key: str, config: object) -> None:
    if config is None:
        if _require_column(key, source.columns).type == "title":
            raise validation_error("Cannot delete the title property.")
        return
    column = _find_column(key, source.columns)
    if not isinstance(config, dict):
        raise _schema_error(key, config)
    kind, name = _property_type(config), config.get("name")
    if name is not None and name != key and name in source.columns:
        raise validation_error(f"Property name {name} is already in use.")
    if kind is None and (column is None or name is None):
        raise _schema_error(key, config)
    if kind is not None and (
        kind not in _KINDS or not isinstance(config.get(kind), dict)
    ):
        raise _schema_error(key, config)
    if kind == "title" and (column is None or column.type != "title"):
        raise validation_error("Cannot create a second title property.")
    names = [option.get("name", "") for option in _options_in(config, kind)]
    if any(not option or "," in option for option in names):
        raise validation_error("Invalid select option, commas not allowed.")
    if len(set(names)) < len(names):
        raise validation_error("Select option names must be unique.")


def _schema_error(key: str, config: object) -> ApiResponseError:
    return validation_error(
        f"body failed validation: body.properties.{key} should be a property schema, "
        f"instead was `{config!r:.60}`."
    )


def _options_in(config: Json, kind: str | None) -> list[Json]:
    content = config.get(kind) if kind in _CHOICES else None
    return list((content or {}).get("options") or ())


def _add_column(space: Workspace, source: DataSource, key: str, config: Json) -> None:
    kind = _property_type(config) or ""
    column = FakeProperty(secrets.token_hex(4), key, kind)
    _set_options(column, config)
    if kind == "status" and not column.options:
        for name in _DEFAULT_STATUS:
            column.add_option(name)
    space.add_column(source.id, column)


def _change_column(
    space: Workspace, source: DataSource, column: FakeProperty, config: Json
) -> None:
    kind, name = _property_type(config), config.get("name")
    if kind is not None and kind != column.type:
        space.retype_column(source.id, column.name, kind)
        column.options = []
    if kind is not None and _options_in(config, kind):
        # A list of options replaces the old list; options that stay keep their ids.
        old = {option["name"]: option for option in column.options}
        column.options = []
        _set_options(column, config)
        column.options = [old.get(new["name"], new) for new in column.options]
    if name is not None and name != column.name:
        space.rename_column(source.id, column.name, name)


def _set_options(column: FakeProperty, config: Json) -> None:
    for option in _options_in(config, column.type):
        added = column.add_option(option["name"])
        added["color"] = option.get("color", "default")
