"""Maps the roles to properties of a database, and finds missing ones.  Pure.

An existing property is never renamed and never gets another type.  If it does not
fit, the role gets a new property of another name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from types import MappingProxyType

from daemon.config.model import PropertyNames
from daemon.config.parsing import FormatError, parse_format
from daemon.notion.model import Property, Role
from daemon.notion.schema import REQUIRED, TYPE_NAMES, TYPES, WRITTEN

#: Roles whose property `ColumnPolicy.ADD` adds: the required ones, and the two that
#: show the progress.
USEFUL = (*REQUIRED, Role.STATUS, Role.NOTE)
#: Type and common names of the properties that people already have for a role.
_LIKE: Mapping[Role, tuple[str, frozenset[str]]] = MappingProxyType(
    {
        Role.IMAGE: ("files", frozenset({"images", "picture", "pictures", "photo"})),
        # A tick is cleared and costs money, so only a checkbox of this meaning fits.
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
#: Roles that take the only property of their type, whatever its name.
_SOLE = frozenset({Role.IMAGE, Role.DATE})
_OURS = MappingProxyType({Role.REGENERATE: "New image"})


class ColumnStatus(Enum):
    """How a role gets its property."""

    HERE = "here"  #: The property exists under the configured name.
    OTHER = "other"  #: A property of another name fits; it is configured.
    MISSING = "missing"  #: The property can be added.
    TAKEN = "taken"  #: The name is in use; another name can be added.


class ColumnPolicy(StrEnum):
    """Which missing properties are added."""

    ADD = "add"  #: Those of `USEFUL`.
    REQUIRED = "required"  #: Those of `REQUIRED`.
    KEEP = "keep"  #: None.


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSlot:
    """One role and its property.

    Attributes:
        name: Name of the existing property, or of the one to add.
        type: Notion type of that property.
        why: For TAKEN, why the property of the configured name does not fit.
    """

    role: Role
    name: str
    type: str
    fate: ColumnStatus
    why: str = ""


@dataclass(frozen=True, slots=True)
class ColumnProposal:
    """One slot for each role."""

    places: tuple[ColumnSlot, ...]

    @property
    def names(self) -> Mapping[Role, str]:
        """Return the property name of each role, for [notion.properties]."""
        return {slot.role: slot.name for slot in self.places}

    def columns_to_add(self, choice: ColumnPolicy) -> tuple[ColumnSlot, ...]:
        """Return the slots whose property *choice* adds."""
        wanted = {
            ColumnPolicy.ADD: USEFUL,
            ColumnPolicy.REQUIRED: REQUIRED,
            ColumnPolicy.KEEP: (),
        }[choice]
        absent = {ColumnStatus.MISSING, ColumnStatus.TAKEN}
        return tuple(
            slot for slot in self.places if slot.role in wanted and slot.fate in absent
        )


def propose_columns(
    columns: Iterable[Property], names: Mapping[Role, str]
) -> ColumnProposal:
    """Return a property for each role.

    Args:
        columns: All properties of the database.
        names: Configured property name of each role.
    """
    folded = {column.name.casefold(): column for column in columns}
    slots: dict[Role, ColumnSlot] = {}
    used: dict[str, bool] = {}
    for role in Role:
        configured = folded.get(names[role].casefold())
        # The configured property fits.  Roles that only read may share one.
        if configured is not None and _mismatch_reason(role, configured) == "":
            if configured.name in used and (used[configured.name] or role in WRITTEN):
                continue
            slots[role] = _make_slot(role, configured, ColumnStatus.HERE)
            used[configured.name] = role in WRITTEN
    for role in Role:
        if role not in slots:
            free = [column for column in folded.values() if column.name not in used]
            slots[role] = _propose_other(role, names[role], free, folded)
            used[slots[role].name] = True
            # A later role must not add a property of the same name.
            folded.setdefault(
                slots[role].name.casefold(),
                Property(id="", name=slots[role].name, type=""),
            )
    return ColumnProposal(tuple(slots[role] for role in Role))


def _propose_other(
    role: Role, name: str, free: list[Property], folded: Mapping[str, Property]
) -> ColumnSlot:
    similar = _find_similar(role, free)
    if similar is not None:
        return _make_slot(role, similar, ColumnStatus.OTHER)
    taken = folded.get(name.casefold())
    kind = TYPES[role][0]
    if taken is None:
        return ColumnSlot(
            role=role,
            name=name,
            type=_type_to_create(role, kind),
            fate=ColumnStatus.MISSING,
        )
    reason = _mismatch_reason(role, taken) or "is used for something else"
    why = f"'{taken.name}' {reason}"
    own_name = next(
        candidate
        for candidate in _free_names(role, name)
        if candidate.casefold() not in folded
    )
    return ColumnSlot(
        role=role,
        name=own_name,
        type=_type_to_create(role, kind),
        fate=ColumnStatus.TAKEN,
        why=why,
    )


def _find_similar(role: Role, free: list[Property]) -> Property | None:
    """Return the one free property that is clearly meant for a role, or None."""
    if role not in _LIKE:
        return None
    kind, known_names = _LIKE[role]
    default_name = str(PropertyNames.model_fields[role.value].default).casefold()
    of_type = [column for column in free if column.type == kind]
    named = [
        column
        for column in of_type
        if column.name.strip().casefold() in {*known_names, default_name}
    ]
    if len(named) == 1:
        return named[0]
    if role in _SOLE and len(of_type) == 1:
        return of_type[0]
    return None


def _mismatch_reason(role: Role, column: Property) -> str:
    """Return why a property does not fit a role; "" if it fits."""
    if column.type not in TYPES[role]:
        return f"is a {TYPE_NAMES.get(column.type, column.type)}"
    # Every post with one of these options would fail before a call.
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
    """Return the type of a new property: text if the role accepts text."""
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
