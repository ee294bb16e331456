"""Filters of polls and sweeps in Notion's JSON.  Pure.

Notion allows compounds of two levels.  `posts.only` becomes part of the filter as far
as that suffices, and the caller compares every page in any case.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from daemon.notion.filters import Wanted
from daemon.notion.model import Property, Role, Schema

Filter = dict[str, Any]


def changed_filter(
    schema: Schema, since: datetime | None, only: Mapping[str, Wanted]
) -> Filter:
    """Return the filter for pages that are ticked, or edited since and in *only*.

    Without *since*, only ticked pages match.
    """
    box = schema.roles[Role.REGENERATE]
    ticked = {"property": box.id, "checkbox": {"equals": True}}
    if since is None:
        return ticked
    edited = {
        "timestamp": "last_edited_time",
        "last_edited_time": {"on_or_after": format_time(since)},
    }
    narrowed = _pushed_filters(schema, only)
    if not narrowed:
        return {"or": [ticked, edited]}
    return {"or": [ticked, {"and": [edited, *narrowed]}]}


def _pushed_filters(schema: Schema, only: Mapping[str, Wanted]) -> list[Filter]:
    filters = []
    for name, value in only.items():
        column = schema.find_property(name)
        condition = _filter_condition(column, value) if column else None
        if column is not None and condition is not None:
            filters.append({"property": column.id, **condition})
    return filters


def _filter_condition(column: Property, value: Wanted) -> Filter | None:
    """Return a condition that holds wherever `matches_value` does, else None."""
    match column.type, value:
        case "checkbox", bool():
            return {"checkbox": {"equals": value}}
        # Notion compares case, so the value must be the only spelling of an option.
        case ("select" | "status") as kind, str() if _is_only_spelling(column, value):
            return {kind: {"equals": value}}
        case "multi_select", str() if _is_only_spelling(column, value):
            return {"multi_select": {"contains": value}}
        case ("rich_text" | "title") as kind, str():
            return {kind: {"contains": value}}
    return None


def _is_only_spelling(column: Property, value: str) -> bool:
    spellings = [name for name in column.options if name.casefold() == value.casefold()]
    return spellings == [value]


def created_since_filter(since: datetime | None) -> Filter | None:
    """Return the filter for pages created since *since*, None for all pages."""
    if since is None:
        return None
    return {
        "timestamp": "created_time",
        "created_time": {"on_or_after": format_time(since)},
    }


OLDEST_FIRST = [{"timestamp": "created_time", "direction": "ascending"}]


def format_time(time: datetime) -> str:
    """Return a time in UTC, rounded down to the minute, as Notion writes it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")
