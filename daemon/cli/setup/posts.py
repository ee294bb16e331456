"""The choices for `posts.only`, and the parser of --only.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.errors import SetupError
from daemon.notion.filters import TEXT_TYPES, Wanted
from daemon.notion.model import Page, Property

_CHOSEN_FROM = ("status", "select")
#: Values that are offered at most, about one screen; --only accepts all.
_MOST = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterValue:
    """One value of one property, and the number of sampled posts that have it."""

    column: str
    value: str
    count: int


def list_filter_values(
    columns: Mapping[str, Property], used: set[str], pages: Sequence[Page]
) -> list[FilterValue]:
    """Return the values to filter by: status properties first, then selects.

    Args:
        used: Names of properties that have a role already.
        pages: Sample of the posts, to count the values in.
    """
    values: list[FilterValue] = []
    for column_type in _CHOSEN_FROM:
        for name, column in columns.items():
            if column.type == column_type and name not in used:
                counts = Counter(_cell_text(page, name) for page in pages)
                values += [
                    FilterValue(column=name, value=option, count=counts[option])
                    for option in column.options
                ]
    return values[:_MOST]


def _cell_text(page: Page, name: str) -> str:
    cell = page.columns.get(name)
    return cell.text if cell else ""


def parse_only(
    flags: Sequence[str], columns: Mapping[str, Property]
) -> dict[str, Wanted]:
    """Return `posts.only` for flags like "Status=Waiting".

    Values of the same property are alternatives.  All properties must match.

    Raises:
        SetupError: There is no such property, or it does not have the value.
    """
    folded = {name.casefold(): column for name, column in columns.items()}
    only: dict[str, Wanted] = {}
    for flag in flags:
        name, equals, value = (part.strip() for part in flag.partition("="))
        if not equals or not name or not value:
            raise SetupError(f"--only {flag!r}: write it like 'Status=Waiting'")
        column = folded.get(name.casefold())
        if column is None:
            listed = ", ".join(columns)
            raise SetupError(
                f"--only: no column is called {name!r}; there are {listed}"
            )
        wanted = _parse_value(column, value)
        previous = only.get(column.name)
        if previous is None or isinstance(wanted, bool):
            only[column.name] = wanted
        elif isinstance(previous, list):
            only[column.name] = [*previous, wanted]
        else:
            only[column.name] = [str(previous), wanted]
    return only


def _parse_value(column: Property, value: str) -> bool | str:
    if column.type == "checkbox":
        if value.casefold() not in {"true", "false"}:
            raise SetupError(f"--only {column.name}: a checkbox is true or false")
        return value.casefold() == "true"
    if column.type in {"select", "status"}:
        options = {option.casefold(): option for option in column.options}
        if value.casefold() not in options:
            listed = ", ".join(column.options) or "no options yet"
            raise SetupError(
                f"--only: {column.name!r} has no value {value!r}; it has {listed}"
            )
        return options[value.casefold()]
    if column.type in TEXT_TYPES:
        return value
    raise SetupError(
        f"--only: {column.name!r} cannot be compared; use a select, a status, a "
        "checkbox or a text"
    )


def format_only(only: Mapping[str, Wanted]) -> str:
    """Return `posts.only` as text, such as "Status = A or B, and Ready is ticked"."""
    parts = []
    for name, value in only.items():
        if isinstance(value, bool):
            parts.append(f"{name} is {'' if value else 'not '}ticked")
        else:
            alternatives = [value] if isinstance(value, str) else value
            parts.append(f"{name} = {' or '.join(alternatives)}")
    return ", and ".join(parts)
