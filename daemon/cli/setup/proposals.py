"""What `init` proposes: a property for each role, and the filters of posts.  Pure.

An existing property is never renamed and never gets another type.  If it does not
fit, the role gets a new property of another name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from itertools import count

from daemon.config.model import PropertyNames
from daemon.config.parsing import FormatError, parse_format
from daemon.errors import SetupError
from daemon.notion.filters import TEXT_TYPES
from daemon.notion.model import Page, Property, Role, Wanted
from daemon.notion.schema import REQUIRED, TYPE_NAMES, TYPES, WRITTEN

#: Roles that get a property with options, although they also accept a text.
_WITH_OPTIONS = frozenset({Role.STATUS, Role.FORMAT})
#: Type and common names of the properties that people already have for a role.
_LIKE: Mapping[Role, tuple[str, set[str]]] = {
    Role.IMAGE: ("files", {"images", "picture", "pictures", "photo"}),
    # A tick is cleared and costs money, so only a checkbox of this meaning fits.
    Role.REGENERATE: ("checkbox", {"regenerate image", "redo image"}),
    Role.POST: (
        "rich_text",
        {
            *("post text", "facebook post", "text", "content", "caption"),
            *("copy", "body", "message", "beitrag", "texto", "texte"),
        },
    ),
    Role.PROMPT: ("rich_text", {"prompt", "ai prompt"}),
    Role.HEADLINE: ("rich_text", {"image headline", "title on image"}),
    Role.ALT: ("rich_text", {"alt", "alternative text", "image alt"}),
    Role.DATE: ("date", {"publish date", "publication date", "due"}),
}
#: Roles that take the only property of their type, whatever its name.
_SOLE = frozenset({Role.IMAGE, Role.DATE})
_OURS = {Role.REGENERATE: "New image"}
_CHOSEN_FROM = ("status", "select")
#: Values that are offered at most, about one screen; --only accepts all.
_MOST = 30


class ColumnStatus(Enum):
    """How a role gets its property."""

    HERE = "here"  #: The property exists under the configured name.
    OTHER = "other"  #: A property of another name fits; it is configured.
    MISSING = "missing"  #: The property can be added.
    TAKEN = "taken"  #: The name is in use; another name can be added.


class ColumnPolicy(StrEnum):
    """Which missing properties are added."""

    ADD = "add"  #: All.
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
        added = {ColumnPolicy.ADD: tuple(Role), ColumnPolicy.REQUIRED: REQUIRED}
        roles = added.get(choice, ())
        absent = {ColumnStatus.MISSING, ColumnStatus.TAKEN}
        return tuple(
            slot for slot in self.places if slot.role in roles and slot.fate in absent
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
    # A new property is a text if the role accepts text.
    is_text = "rich_text" in TYPES[role] and role not in _WITH_OPTIONS
    new_type = "rich_text" if is_text else TYPES[role][0]
    fate, why, taken = ColumnStatus.MISSING, "", folded.get(name.casefold())
    if taken is not None:
        reason = _mismatch_reason(role, taken) or "has another use"
        fate, why = ColumnStatus.TAKEN, f"'{taken.name}' {reason}"
        names = _alternative_names(role, name)
        name = next(other for other in names if other.casefold() not in folded)
    return ColumnSlot(role=role, name=name, type=new_type, fate=fate, why=why)


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
        return f"is of type {TYPE_NAMES.get(column.type, column.type)}"
    # Every post with one of these options would fail before a call.
    options = column.options if role is Role.FORMAT else ()
    if options and not any(map(_is_format, options)):
        return "has options that are not image formats"
    return ""


def _is_format(text: str) -> bool:
    try:
        parse_format(text)
    except FormatError:
        return False
    return True


def _make_slot(role: Role, column: Property, fate: ColumnStatus) -> ColumnSlot:
    return ColumnSlot(role=role, name=column.name, type=column.type, fate=fate)


def _alternative_names(role: Role, name: str) -> Iterator[str]:
    before = "Post" if name.casefold().startswith("image") else "Image"
    yield _OURS.get(role, f"{before} {name[:1].lower()}{name[1:]}")
    yield f"{name} (postbrush)"
    for number in count(2):
        yield f"{name} (postbrush {number})"


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
                cells = (page.properties.get(name) for page in pages)
                counts = Counter(cell.text for cell in cells if cell)
                values += [
                    FilterValue(column=name, value=option, count=counts[option])
                    for option in column.options
                ]
    return values[:_MOST]


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
            raise SetupError(f"--only {flag!r} must have the form 'Status=Waiting'")
        column = folded.get(name.casefold())
        if column is None:
            known = f"The properties are: {', '.join(columns)}"
            raise SetupError(f"--only: {name!r} is not a property. {known}")
        wanted = _parse_value(column, value)
        previous = only.get(column.name)
        if previous is None or isinstance(wanted, bool):
            only[column.name] = wanted
        else:
            others = previous if isinstance(previous, list) else [str(previous)]
            only[column.name] = [*others, wanted]
    return only


def _parse_value(column: Property, value: str) -> bool | str:
    if column.type == "checkbox":
        if value.casefold() not in {"true", "false"}:
            raise SetupError(
                f"--only {column.name} must be true or false, since it is a checkbox"
            )
        return value.casefold() == "true"
    if column.type in _CHOSEN_FROM:
        options = {option.casefold(): option for option in column.options}
        if value.casefold() not in options:
            listed = ", ".join(column.options) or "none yet"
            raise SetupError(
                f"--only: {value!r} is not an option of {column.name!r}. The options "
                f"are: {listed}"
            )
        return options[value.casefold()]
    if column.type in TEXT_TYPES:
        return value
    raise SetupError(
        f"--only: {column.name!r} is of a type that cannot be compared. Use a select, "
        "a status, a checkbox or a text"
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
