"""Assigns properties to roles, and describes the problems with them.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from daemon.config.parsing import plain_id
from daemon.notion.model import Property, Role, Schema

_TEXT = ("rich_text", "title", "select", "formula")
#: Property types that each role accepts; the first one is used to add it.
TYPES: Mapping[Role, tuple[str, ...]] = MappingProxyType(
    {
        Role.IMAGE: ("files",),
        Role.REGENERATE: ("checkbox",),
        Role.POST: _TEXT,
        Role.PROMPT: _TEXT,
        Role.FEEDBACK: _TEXT,
        Role.STATUS: ("select", "status", "rich_text"),
        Role.NOTE: ("rich_text",),
        Role.PROVIDER: ("select", "rich_text"),
        Role.FORMAT: ("select", "rich_text"),
        Role.VARIANTS: ("number",),
        Role.ALT: ("rich_text",),
        Role.DATE: ("date",),
    }
)
REQUIRED = (Role.IMAGE, Role.REGENERATE)
WRITTEN = frozenset(
    {Role.IMAGE, Role.REGENERATE, Role.STATUS, Role.NOTE, Role.PROVIDER, Role.ALT}
)
TYPE_NAMES = MappingProxyType(
    {
        "files": "Files & media",
        "checkbox": "Checkbox",
        "rich_text": "Text",
        "title": "Title",
        "select": "Select",
        "formula": "Formula",
        "status": "Status",
        "number": "Number",
        "date": "Date",
    }
)


def read_schema(
    raw: Mapping[str, Any],
    names: Mapping[Role, str],
    remembered: Mapping[str, str],
    named: Iterable[str] = (),
) -> Schema:
    """Return the properties of a data source.

    Args:
        raw: The answer of GET /v1/data_sources/{id}.
        names: The configured property name of each role.
        remembered: An earlier `Schema.column_ids`.  These IDs count before names, so
            a rename in Notion has no effect.
        named: Further property names that the settings use.

    Raises:
        KeyError: The answer has no properties, so it is not a data source.
    """
    columns = {
        name: _to_property(name, definition)
        for name, definition in raw["properties"].items()
    }
    # Every data source has at least a title property.
    if not columns:
        raise KeyError("properties")
    by_id = {column.id: column for column in columns.values()}
    roles: dict[Role, Property] = {}
    problems: list[str] = []
    warnings: list[str] = []
    for role in Role:
        name = names[role]
        column = by_id.get(remembered.get(role.value, "")) or find_by_name(
            columns, name
        )
        problem = _property_problem(role, name, column)
        if problem is None and column is not None:
            roles[role] = column
        elif problem is not None:
            (problems if role in REQUIRED else warnings).append(problem)
    problems += _shared_problems(roles)
    others = {
        name: column
        for name in named
        if (
            column := by_id.get(remembered.get(f"={name}", ""))
            or find_by_name(columns, name)
        )
    }
    return Schema(
        source=plain_id(raw["id"]),
        title="".join(part.get("plain_text", "") for part in raw.get("title") or ()),
        columns=columns,
        roles=roles,
        named=MappingProxyType(others),
        problems=tuple(problems),
        warnings=tuple(warnings),
        notes=tuple(_ambiguous_names(columns, [*roles.values(), *others.values()])),
        cannot_start=bool(problems),
    )


def find_by_name(columns: Mapping[str, Property], name: str) -> Property | None:
    """Return the property of a name, an exact match before column in another case.

    Outer blanks are ignored in the same way.
    """
    if name in columns:
        return columns[name]
    similar = [
        column
        for column in columns.values()
        if _fold_name(column.name) == _fold_name(name)
    ]
    return similar[0] if similar else None


def _fold_name(name: str) -> str:
    return name.strip().casefold()


def _ambiguous_names(
    columns: Mapping[str, Property], used: Iterable[Property]
) -> Iterator[str]:
    for column in {every.id: every for every in used}.values():
        others = [
            f'"{other.name}"'
            for other in columns.values()
            if other.id != column.id
            and _fold_name(other.name) == _fold_name(column.name)
        ]
        if others:
            yield (
                f'"{column.name}" and {" and ".join(others)} differ only in case or in '
                f'blanks. postbrush uses "{column.name}"'
            )


def _to_property(name: str, raw: Mapping[str, Any]) -> Property:
    kind = raw["type"]
    options = (raw.get(kind) or {}).get("options") or ()
    return Property(
        id=raw["id"],
        name=name,
        type=kind,
        options=tuple(option["name"] for option in options),
    )


def _property_problem(role: Role, name: str, column: Property | None) -> str | None:
    wanted = TYPES[role]
    kinds = " or ".join(TYPE_NAMES[kind] for kind in wanted)
    if column is None:
        if role not in REQUIRED:
            return None
        return (
            f"the column '{name}' is missing: in Notion, click + at the right end of "
            f"the table's head, choose {kinds}, and name it {name}"
        )
    if column.type not in wanted:
        return (
            f"the column '{column.name}' is a "
            f"{TYPE_NAMES.get(column.type, column.type)}, but must be {kinds} for "
            f"'{role.value}': in Notion, click its head > Edit property > Type, or "
            f"name another in [notion.properties] {role.value}"
        )
    return None


def _shared_problems(roles: Mapping[Role, Property]) -> list[str]:
    by_column: dict[str, list[Role]] = {}
    for role, column in roles.items():
        by_column.setdefault(column.id, []).append(role)
    return [
        f"the column '{roles[shared[0]].name}' is used for "
        f"{' and '.join(role.value for role in shared)}: postbrush writes it, so it "
        "cannot also be used for something else; change [notion.properties]"
        for shared in by_column.values()
        if len(shared) > 1 and any(role in WRITTEN for role in shared)
    ]
