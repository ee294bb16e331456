"""Which column of a database could play which role, and which are missing.  Pure.

A column that is there is never changed, renamed or given another type: either it
fits as it is, or a column of our own gets another name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType

from daemon.config.formats import FormatError, parse_format
from daemon.config.model import PropertyNames
from daemon.notion.model import Property, Role
from daemon.notion.schema import REQUIRED, TYPE_NAMES, TYPES, WRITTEN

#: What is made when the owner wants everything useful: the two that are needed, and
#: the two that say how it goes.
USEFUL = (*REQUIRED, Role.STATUS, Role.NOTE)
#: Names under which people have such a column already, with the type it must have.
_LIKE: Mapping[Role, tuple[str, frozenset[str]]] = MappingProxyType(
    {
        Role.IMAGE: ("files", frozenset({"images", "picture", "pictures", "photo"})),
        # Its ticks are taken off and cost money: no box of another meaning will do.
        Role.REGENERATE: ("checkbox", frozenset({"regenerate image", "redo image"})),
        Role.POST: (
            "rich_text",
            frozenset(
                {
                    *("post text", "facebook post", "text", "content", "caption"),
                    *("copy", "body", "message", "beitrag", "texto", "texte"),
                }
            ),
        ),
        Role.PROMPT: ("rich_text", frozenset({"prompt", "ai prompt"})),
        Role.ALT: ("rich_text", frozenset({"alt", "alternative text", "image alt"})),
        Role.DATE: ("date", frozenset({"publish date", "publication date", "due"})),
    }
)
#: The only column of this type is it, whatever its name.
_SOLE = frozenset({Role.IMAGE, Role.DATE})
_OURS = MappingProxyType({Role.REGENERATE: "New image"})


class ColumnStatus(Enum):
    """What becomes of a role."""

    HERE = "here"  #: Its column is there, under the configured name.
    OTHER = "other"  #: A column of another name fits: [notion.properties] says so.
    MISSING = "missing"  #: Can be added.
    TAKEN = "taken"  #: Its name is another column's; ours has a free name.


class ColumnPolicy(StrEnum):
    """Which missing columns are added."""

    ADD = "add"  #: Everything useful.
    REQUIRED = "required"  #: What nothing works without.
    KEEP = "keep"  #: None.


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSlot:
    """One role and its column.

    Attributes:
        name: Of the column that is there, or that would be made.
        type: The same.
        why: TAKEN: what has its name, for people.
    """

    role: Role
    name: str
    type: str
    fate: ColumnStatus
    why: str = ""


@dataclass(frozen=True, slots=True)
class ColumnProposal:
    """One place for every role."""

    places: tuple[ColumnSlot, ...]

    @property
    def names(self) -> Mapping[Role, str]:
        """Return the column name of each role, for [notion.properties]."""
        return {place.role: place.name for place in self.places}

    def columns_to_add(self, choice: ColumnPolicy) -> tuple[ColumnSlot, ...]:
        """Return what is to be added."""
        wanted = {
            ColumnPolicy.ADD: USEFUL,
            ColumnPolicy.REQUIRED: REQUIRED,
            ColumnPolicy.KEEP: (),
        }[choice]
        none = {ColumnStatus.MISSING, ColumnStatus.TAKEN}
        return tuple(p for p in self.places if p.role in wanted and p.fate in none)


def propose_columns(
    columns: Iterable[Property], names: Mapping[Role, str]
) -> ColumnProposal:
    """Return what each role could use.

    Args:
        columns: All there are.
        names: The configured name of each role's column.
    """
    folded = {column.name.casefold(): column for column in columns}
    places: dict[Role, ColumnSlot] = {}
    used: dict[str, bool] = {}
    for role in Role:
        found = folded.get(names[role].casefold())
        # Its own column is there and fits; what is only read may be read twice.
        if found is not None and _mismatch_reason(role, found) == "":
            if found.name in used and (used[found.name] or role in WRITTEN):
                continue
            places[role] = _make_slot(role, found, ColumnStatus.HERE)
            used[found.name] = role in WRITTEN
    for role in Role:
        if role not in places:
            free = [one for one in folded.values() if one.name not in used]
            places[role] = _propose_other(role, names[role], free, folded)
            used[places[role].name] = True
            # Two columns we make have two names.
            folded.setdefault(
                places[role].name.casefold(),
                Property(id="", name=places[role].name, type=""),
            )
    return ColumnProposal(tuple(places[role] for role in Role))


def _propose_other(
    role: Role, name: str, free: list[Property], folded: Mapping[str, Property]
) -> ColumnSlot:
    other = _find_similar(role, free)
    # People have such a column under another name.
    if other is not None:
        return _make_slot(role, other, ColumnStatus.OTHER)
    taken = folded.get(name.casefold())
    kind = TYPES[role][0]
    # Nobody has the name.
    if taken is None:
        return ColumnSlot(
            role=role,
            name=name,
            type=_type_to_create(role, kind),
            fate=ColumnStatus.MISSING,
        )
    # Somebody has it, for something else.
    reason = _mismatch_reason(role, taken) or "is used for something else"
    why = f"'{taken.name}' {reason}"
    ours = next(one for one in _free_names(role, name) if one.casefold() not in folded)
    return ColumnSlot(
        role=role,
        name=ours,
        type=_type_to_create(role, kind),
        fate=ColumnStatus.TAKEN,
        why=why,
    )


def _find_similar(role: Role, free: list[Property]) -> Property | None:
    """Return the one column that is plainly meant for a role."""
    if role not in _LIKE:
        return None
    kind, words = _LIKE[role]
    usual = str(PropertyNames.model_fields[role.value].default).casefold()
    fitting = [one for one in free if one.type == kind]
    named = [one for one in fitting if one.name.strip().casefold() in {*words, usual}]
    # One has a telling name.
    if len(named) == 1:
        return named[0]
    # There is only one of its type, and using it harms nothing.
    if role in _SOLE and len(fitting) == 1:
        return fitting[0]
    return None


def _mismatch_reason(role: Role, column: Property) -> str:
    """Say why a column cannot play a role; "" when it can."""
    if column.type not in TYPES[role]:
        return f"is a {TYPE_NAMES.get(column.type, column.type)}"
    # A post with any of its options would fail before a call.
    if (
        role is Role.FORMAT
        and column.options
        and not any(map(_is_format, column.options))
    ):
        return "has options that are no image formats"
    return ""


def _is_format(text: str) -> bool:
    try:
        parse_format(text)
    except FormatError:
        return False
    return True


def _type_to_create(role: Role, kind: str) -> str:
    """Return the type a column is made with: text, where any text will do."""
    return "rich_text" if "rich_text" in TYPES[role] and role != Role.STATUS else kind


def _make_slot(role: Role, column: Property, fate: ColumnStatus) -> ColumnSlot:
    return ColumnSlot(role=role, name=column.name, type=column.type, fate=fate)


def _free_names(role: Role, name: str) -> Iterable[str]:
    before = "Post" if name.casefold().startswith("image") else "Image"
    yield _OURS.get(role, f"{before} {name[:1].lower()}{name[1:]}")
    yield f"{name} (postbrush)"
    number = 2
    while True:
        yield f"{name} (postbrush {number})"
        number += 1
