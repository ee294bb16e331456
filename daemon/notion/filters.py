"""Filters: `posts.only` and `posts.skip`.  Pure, standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: The wanted value of a filter: a text or option name, a tick, or any of several.
Wanted = str | bool | Sequence[str]

#: Property types with free text.  A filter holds if the text contains its value.
TEXT_TYPES = frozenset(
    {"title", "rich_text", "formula", "url", "email", "phone_number", "rollup"}
)
#: Property types with several names.  A filter holds if one name is its value.
LIST_TYPES = frozenset({"multi_select", "people"})


@dataclass(frozen=True, slots=True)
class PropertyValue:
    """One value as text, with its property's type.

    Attributes:
        text: The value; a tick is "true" or "false".
        names: The single names of a value of `LIST_TYPES`.
    """

    type: str
    text: str
    names: tuple[str, ...] = ()


def matches_filter(
    columns: Mapping[str, PropertyValue], wanted: Mapping[str, Wanted]
) -> bool:
    """Return whether every pair of `posts.only` (or `skip`) holds for *columns*.

    Free text matches if it contains the wanted text.  An option or a tick matches if
    it equals the wanted value, a list of names if one of its names does.  Of several
    wanted values one must match.  Case is ignored.  A missing property never matches.
    """
    return all(
        matches_value(columns.get(name), value) for name, value in wanted.items()
    )


def matches_value(cell: PropertyValue | None, wanted: Wanted) -> bool:
    """Return whether one pair of a filter holds.  *cell* is None if it is missing."""
    if cell is None:
        return False
    if isinstance(wanted, bool):
        return cell.text == ("true" if wanted else "false")
    options = [wanted] if isinstance(wanted, str) else wanted
    text = cell.text.casefold()
    if cell.type in TEXT_TYPES:
        return any(option.casefold() in text for option in options)
    if cell.type in LIST_TYPES:
        names = {name.casefold() for name in cell.names}
        return any(option.casefold() in names for option in options)
    return any(option.casefold() == text for option in options)
