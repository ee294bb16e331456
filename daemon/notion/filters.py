"""What `posts.only` and `posts.skip` compare, and how.  Pure, standard library only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: A property's value as a filter compares it: text, an option's name, a tick.
Wanted = str | bool | Sequence[str]

#: Property types whose value is free text: a filter looks for a part of it.
TEXT_TYPES = frozenset(
    {"title", "rich_text", "formula", "url", "email", "phone_number", "rollup"}
)
#: Property types that hold several names: a filter holds when one of them is it.
LIST_TYPES = frozenset({"multi_select", "people"})


@dataclass(frozen=True, slots=True)
class PropertyValue:
    """One value as text, with its property's type; a tick is "true" or "false".

    Attributes:
        names: What `LIST_TYPES` hold, one by one.
    """

    type: str
    text: str
    names: tuple[str, ...] = ()


def matches_filter(
    columns: Mapping[str, PropertyValue], wanted: Mapping[str, Wanted]
) -> bool:
    """Say whether every pair of `posts.only` (or `skip`) holds for *columns*.

    Free text holds when it contains the wanted text, an option or a tick when it
    is it, several options when one of them is it; a list holds when one of its
    items does.  Case is ignored.  A property that is not there holds nothing.
    """
    return all(
        matches_value(columns.get(name), value) for name, value in wanted.items()
    )


def matches_value(cell: PropertyValue | None, wanted: Wanted) -> bool:
    """Say whether one pair of a filter holds."""
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
