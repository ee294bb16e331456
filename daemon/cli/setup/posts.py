"""Which posts get an image by themselves: what can be chosen, and flags read.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.errors import SetupError
from daemon.notion.filters import TEXT_TYPES, Wanted
from daemon.notion.model import Page, Property

_CHOSEN_FROM = ("status", "select")
#: More than a screen of values helps nobody; --only knows all.
_MOST = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterValue:
    """One value of one column, and how many of the looked-at posts have it."""

    column: str
    value: str
    count: int


def list_filter_values(
    columns: Mapping[str, Property], used: set[str], pages: Sequence[Page]
) -> list[FilterValue]:
    """Return what posts can be told apart by: a status first, then selects.

    Args:
        used: Columns that play a role already.
        pages: Some posts, to count.
    """
    found: list[FilterValue] = []
    for kind in _CHOSEN_FROM:
        for name, column in columns.items():
            if column.type == kind and name not in used:
                counts = Counter(_cell_text(page, name) for page in pages)
                found += [
                    FilterValue(column=name, value=one, count=counts[one])
                    for one in column.options
                ]
    return found[:_MOST]


def _cell_text(page: Page, name: str) -> str:
    cell = page.columns.get(name)
    return cell.text if cell else ""


def parse_only(
    given: Sequence[str], columns: Mapping[str, Property]
) -> dict[str, Wanted]:
    """Return `posts.only` of flags like "Status=Waiting".

    The same column twice: either value will do; several columns: all must hold.

    Raises:
        SetupError: No such column, or it has no such value.
    """
    folded = {name.casefold(): column for name, column in columns.items()}
    found: dict[str, Wanted] = {}
    for words in given:
        name, sign, value = (part.strip() for part in words.partition("="))
        if not sign or not name or not value:
            raise SetupError(f"--only {words!r}: write it like 'Status=Waiting'")
        column = folded.get(name.casefold())
        if column is None:
            listed = ", ".join(columns)
            raise SetupError(
                f"--only: no column is called {name!r}; there are {listed}"
            )
        one = _parse_value(column, value)
        before = found.get(column.name)
        if before is None or isinstance(one, bool):
            found[column.name] = one
        elif isinstance(before, list):
            found[column.name] = [*before, one]
        else:
            found[column.name] = [str(before), one]
    return found


def _parse_value(column: Property, value: str) -> bool | str:
    if column.type == "checkbox":
        if value.casefold() not in {"true", "false"}:
            raise SetupError(f"--only {column.name}: a checkbox is true or false")
        return value.casefold() == "true"
    if column.type in {"select", "status"}:
        known = {one.casefold(): one for one in column.options}
        if value.casefold() not in known:
            listed = ", ".join(column.options) or "no options yet"
            raise SetupError(
                f"--only: {column.name!r} has no value {value!r}; it has {listed}"
            )
        return known[value.casefold()]
    if column.type in TEXT_TYPES:
        return value
    raise SetupError(
        f"--only: {column.name!r} cannot be compared; use a select, a status, a "
        "checkbox or a text"
    )


def format_only(only: Mapping[str, Wanted]) -> str:
    """Return `posts.only` for people."""
    parts = []
    for name, value in only.items():
        if isinstance(value, bool):
            parts.append(f"{name} is {'' if value else 'not '}ticked")
        else:
            several = [value] if isinstance(value, str) else value
            parts.append(f"{name} = {' or '.join(several)}")
    return ", and ".join(parts)
