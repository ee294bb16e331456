"""Filters (`posts.only`, `posts.skip`): matching, checking, and Notion's JSON.  Pure.

Properties are found by ID, so a rename in Notion has no effect.  Notion allows compound
filters of two levels.  `posts.only` becomes part of a query as far as that suffices,
and the caller compares every page in any case.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from daemon.notion.model import Property, PropertyValue, Role, Schema, Wanted

#: Property types with free text.  A filter holds if the text contains its value.
TEXT_TYPES = frozenset(
    {"title", "rich_text", "formula", "url", "email", "phone_number", "rollup"}
)
#: Property types with several names.  A filter holds if one name is its value.
LIST_TYPES = frozenset({"multi_select", "people"})
#: Property types that a filter can compare, by their names in Notion.
_COMPARABLE_NAMES = (
    "Text, Title, Select, Status, Multi-select, Person, Checkbox, Number, Date,\
 Formula, Rollup, URL, Email, Phone, ID, Created or Last edited"
)
_COMPARABLE_TYPES = (
    TEXT_TYPES
    | LIST_TYPES
    | {"select", "status", "checkbox", "number", "date", "unique_id"}
    | {"created_time", "created_by", "last_edited_time", "last_edited_by"}
)
_WITH_OPTIONS = frozenset({"select", "status", "multi_select"})
#: The type of a computed property is only known from its values.
_MAY_BE_TICKS = frozenset({"checkbox", "formula", "rollup"})
#: Names that an error message lists at most.
_LISTED = 10

#: Property name to wanted value; every pair must hold.
Filter = Mapping[str, Wanted]
Values = Mapping[str, PropertyValue]
NotionFilter = dict[str, Any]


def matches_filter(values: Values, wanted: Filter) -> bool:
    """Return whether every pair of `posts.only` (or `skip`) holds for *values*.

    Free text matches if it contains the wanted text.  An option or a tick matches if
    it equals the wanted value, a list of names if one of its names does.  Of several
    wanted values one must match.  Case is ignored.  A missing property never matches.
    """
    return all(_matches_value(values.get(name), want) for name, want in wanted.items())


def _matches_value(value: PropertyValue | None, wanted: Wanted) -> bool:
    if value is None:
        return False
    if isinstance(wanted, bool):
        return value.text == str(wanted).lower()
    folded = [text.casefold() for text in _wanted_texts(wanted)]
    text = value.text.casefold()
    if value.type in TEXT_TYPES:
        return any(one in text for one in folded)
    if value.type in LIST_TYPES:
        return any(name.casefold() in folded for name in value.names)
    return text in folded


def _wanted_texts(wanted: str | Sequence[str]) -> list[str]:
    return [wanted] if isinstance(wanted, str) else list(wanted)


def uncomparable_properties(schema: Schema, only: Filter, skip: Filter) -> list[str]:
    """Return one line for each filter on a property that cannot be compared."""
    return [
        f'{setting} cannot compare the property "{found.name}" (type '
        f"{found.type}). It can compare: {_COMPARABLE_NAMES}"
        for setting, name, _ in _filter_pairs(only, skip)
        if (found := schema.find_property(name)) is not None
        and found.type not in _COMPARABLE_TYPES
    ]


def filter_problems(schema: Schema, only: Filter, skip: Filter) -> list[str]:
    """Return one line for each property, option or value that can never match."""
    return [
        f"{setting} {problem}"
        for setting, name, wanted in _filter_pairs(only, skip)
        for problem in _find_problems(schema, name, wanted)
    ]


def _filter_pairs(only: Filter, skip: Filter) -> Iterable[tuple[str, str, Wanted]]:
    for setting, pairs in (("posts.only", only), ("posts.skip", skip)):
        for name, wanted in pairs.items():
            yield setting, name, wanted


def _find_problems(schema: Schema, name: str, wanted: Wanted) -> Iterable[str]:
    found = schema.find_property(name)
    # The property was deleted, or never existed.
    if found is None:
        yield (
            f'names the property "{name}", which the database does not have. '
            f"{_nearest_hint(name, schema.properties, 'Its properties are')}"
        )
    elif not isinstance(wanted, bool):
        for text in _wanted_texts(wanted):
            yield from _value_problems(found, text)
    # The filter compares true or false with a property that is not a Checkbox.
    elif found.type not in _MAY_BE_TICKS:
        yield (
            f'wants "{name}" to be {str(wanted).lower()}, but the property '
            f'"{found.name}" is not a Checkbox.'
        )


def _value_problems(found: Property, text: str) -> Iterable[str]:
    folded = text.casefold()
    if found.type == "checkbox" and folded not in {"true", "false"}:
        yield (
            f'wants "{found.name}" to be "{text}", but it is a Checkbox: write true '
            "or false."
        )
    options = {option.casefold() for option in found.options}
    # The option was renamed or removed, or never existed.
    if found.type in _WITH_OPTIONS and folded not in options:
        yield (
            f'wants "{found.name}" to be "{text}", which is not one of its options. '
            f"{_nearest_hint(text, found.options, 'They are')}"
        )


def _nearest_hint(name: str, choices: Iterable[str], list_intro: str) -> str:
    names = list(choices)
    folded = {choice.casefold().strip(): choice for choice in names}
    close = difflib.get_close_matches(name.casefold().strip(), folded, n=1, cutoff=0.5)
    if close:
        return f'Did you mean "{folded[close[0]]}"?'
    more = ", ..." if len(names) > _LISTED else ""
    listed = ", ".join(f'"{choice}"' for choice in names[:_LISTED])
    return f"{list_intro}: {listed}{more}." if listed else "It has none."


def format_filter(wanted: Filter) -> str:
    """Return a filter as `Status = "Ready"`, its pairs joined with "and"."""
    return " and ".join(
        f"{name} = {_quote_wanted(want)}" for name, want in wanted.items()
    )


def format_unmet(values: Values, wanted: Filter) -> str:
    """Return the wanted and the actual value of each pair that does not hold."""
    return "; ".join(
        f"needs {name} = {_quote_wanted(want)}, "
        f"this post has {_quote_actual(values.get(name))}"
        for name, want in wanted.items()
        if not _matches_value(values.get(name), want)
    )


def _quote_wanted(wanted: Wanted) -> str:
    if isinstance(wanted, bool):
        return str(wanted).lower()
    return " or ".join(f'"{text}"' for text in _wanted_texts(wanted))


def _quote_actual(value: PropertyValue | None) -> str:
    if value is None:
        return "no such property"
    if value.type == "checkbox":
        return value.text
    return f'"{value.text}"' if value.text else "no value"


def changed_filter(
    schema: Schema, since: datetime | None, only: Filter
) -> NotionFilter:
    """Return the filter for pages that are ticked, or edited since and in *only*.

    Without *since*, only ticked pages match.
    """
    box = schema.roles[Role.REGENERATE]
    ticked = {"property": box.id, "checkbox": {"equals": True}}
    if since is None:
        return ticked
    edited = since_filter("last_edited_time", since)
    pushed = [
        {"property": found.id, **condition}
        for name, wanted in only.items()
        if (found := schema.find_property(name)) is not None
        and (condition := _notion_condition(found, wanted)) is not None
    ]
    return {"or": [ticked, {"and": [edited, *pushed]} if pushed else edited]}


def _notion_condition(found: Property, wanted: Wanted) -> NotionFilter | None:
    """Return a condition that holds wherever `matches_filter` does, else None."""
    match found.type, wanted:
        case "checkbox", bool():
            return {"checkbox": {"equals": wanted}}
        # Notion compares case, so the value must be the only spelling of an option.
        case ("select" | "status") as kind, str() if _is_only_spelling(found, wanted):
            return {kind: {"equals": wanted}}
        case "multi_select", str() if _is_only_spelling(found, wanted):
            return {"multi_select": {"contains": wanted}}
        case ("rich_text" | "title") as kind, str():
            return {kind: {"contains": wanted}}
    return None


def _is_only_spelling(found: Property, text: str) -> bool:
    options = [name for name in found.options if name.casefold() == text.casefold()]
    return options == [text]


def since_filter(timestamp: str, since: datetime) -> NotionFilter:
    """Return the filter for pages from the minute of *since* on.

    Args:
        timestamp: "created_time" or "last_edited_time", which Notion floors to the
            minute.
    """
    minute = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:00.000Z")
    return {"timestamp": timestamp, timestamp: {"on_or_after": minute}}
