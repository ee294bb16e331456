"""Checks `posts.only` and `posts.skip`, and explains why a post does not match.  Pure.

Properties are found by ID, so a rename in Notion has no effect.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from daemon.notion.filters import (
    LIST_TYPES,
    TEXT_TYPES,
    PropertyValue,
    Wanted,
    matches_value,
)
from daemon.notion.model import Property, Schema

#: Property types that a filter can compare, by their names in Notion.
COMPARABLE = (
    "Text, Title, Select, Status, Multi-select, Person, Checkbox, Number, Date,\
 Formula, Rollup, URL, Email, Phone, ID, Created or Last edited"
)
_COMPARABLE = (
    TEXT_TYPES
    | LIST_TYPES
    | {"select", "status", "checkbox", "number", "date", "unique_id"}
    | {"created_time", "created_by", "last_edited_time", "last_edited_by"}
)
_WITH_OPTIONS = frozenset({"select", "status", "multi_select"})
#: The type of a computed property is only known from its values.
_MAY_BE_TICKS = frozenset({"checkbox", "formula", "rollup"})
_NAMED = 10

Filter = Mapping[str, Wanted]


def uncomparable_properties(schema: Schema, only: Filter, skip: Filter) -> list[str]:
    """Return one line for each filter on a property that cannot be compared."""
    return [
        f'{setting} cannot compare the property "{column.name}" (type '
        f"{column.type}). It can compare: {COMPARABLE}"
        for setting, name, _ in _filter_pairs(only, skip)
        if (column := schema.find_property(name)) is not None
        and column.type not in _COMPARABLE
    ]


def filter_problems(schema: Schema, only: Filter, skip: Filter) -> list[str]:
    """Return one line for each property, option or value that can never match."""
    return [
        problem
        for setting, name, wanted in _filter_pairs(only, skip)
        for problem in _find_problems(schema, setting, name, wanted)
    ]


def _filter_pairs(only: Filter, skip: Filter) -> Iterable[tuple[str, str, Wanted]]:
    for setting, pairs in (("posts.only", only), ("posts.skip", skip)):
        for name, wanted in pairs.items():
            yield setting, name, wanted


def _find_problems(
    schema: Schema, setting: str, name: str, wanted: Wanted
) -> Iterable[str]:
    column = schema.find_property(name)
    # The property was deleted, or never existed.
    if column is None:
        yield (
            f'{setting} names the property "{name}", which the source does not have. '
            f"{_nearest_hint(name, schema.columns, 'Its properties are')}"
        )
        return
    # The filter compares true or false with a property that is not a Checkbox.
    if isinstance(wanted, bool):
        if column.type not in _MAY_BE_TICKS:
            yield (
                f'{setting} wants "{name}" to be {str(wanted).lower()}, but the '
                f'property "{column.name}" is not a Checkbox.'
            )
        return
    for value in _wanted_values(wanted):
        yield from _value_problems(setting, column, value)


def _value_problems(setting: str, column: Property, value: str) -> Iterable[str]:
    folded = value.casefold()
    if column.type == "checkbox" and folded not in {"true", "false"}:
        yield (
            f'{setting} wants "{column.name}" to be "{value}", but it is a Checkbox: '
            "write true or false."
        )
    folded_options = {option.casefold() for option in column.options}
    # The option was renamed or removed, or never existed.
    if column.type in _WITH_OPTIONS and folded not in folded_options:
        yield (
            f'{setting} wants "{column.name}" to be "{value}", which is not one of '
            f"its options. {_nearest_hint(value, column.options, 'They are')}"
        )


def _nearest_hint(name: str, choices: Iterable[str], list_intro: str) -> str:
    names = list(choices)
    folded = {choice.casefold().strip(): choice for choice in names}
    close = difflib.get_close_matches(name.casefold().strip(), folded, n=1, cutoff=0.5)
    if close:
        return f'Did you mean "{folded[close[0]]}"?'
    more = ", ..." if len(names) > _NAMED else ""
    listed = ", ".join(f'"{choice}"' for choice in names[:_NAMED])
    return f"{list_intro}: {listed}{more}." if listed else "It has none."


def _wanted_values(wanted: Wanted) -> list[str]:
    if isinstance(wanted, bool):
        return ["true" if wanted else "false"]
    return [wanted] if isinstance(wanted, str) else list(wanted)


def format_filter(wanted: Filter) -> str:
    """Return a filter as `Status = "Ready"`, its pairs joined with "and"."""
    return " and ".join(
        f"{name} = {_quote_wanted(value)}" for name, value in wanted.items()
    )


def format_unmet(columns: Mapping[str, PropertyValue], wanted: Filter) -> str:
    """Return the wanted and the actual value of each pair that does not hold."""
    return "; ".join(
        f"needs {name} = {_quote_wanted(value)}, "
        f"this post has {_quote_actual(columns.get(name))}"
        for name, value in wanted.items()
        if not matches_value(columns.get(name), value)
    )


def _quote_wanted(wanted: Wanted) -> str:
    if isinstance(wanted, bool):
        return str(wanted).lower()
    return " or ".join(f'"{value}"' for value in _wanted_values(wanted))


def _quote_actual(cell: PropertyValue | None) -> str:
    if cell is None:
        return "no such property"
    if cell.type == "checkbox":
        return cell.text
    return f'"{cell.text}"' if cell.text else "nothing there"
