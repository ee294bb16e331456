"""Assigns properties to roles, and describes the problems with them.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from daemon.config.model import PostsSection
from daemon.config.parsing import plain_id
from daemon.notion.model import Property, Role, Schema, Status

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
        Role.DETAILS: ("rich_text",),
        Role.HEADLINE: _TEXT,
        Role.FORMAT: ("select", "rich_text"),
        Role.VARIANTS: ("number",),
        Role.PICK: ("number", "select"),
        Role.ALT: ("rich_text",),
        Role.DATE: ("date",),
        Role.USED_PROMPT: ("rich_text",),
    }
)
REQUIRED = (Role.IMAGE, Role.REGENERATE)
#: What each property is good for, for `init` and `check`.
PURPOSES: Mapping[Role, str] = MappingProxyType(
    {
        Role.IMAGE: "shows the image of the post",
        Role.REGENERATE: "generates another image when you tick it",
        Role.POST: "holds the text of the post, instead of the title",
        Role.PROMPT: "holds a prompt of your own, which is sent as written",
        Role.FEEDBACK: "says what to change in the next image",
        Role.STATUS: "shows what happens: Queued, Waiting, Done, Card or Failed",
        Role.NOTE: "says why a post has a card or no image",
        Role.PROVIDER: "shows which service generated the image",
        Role.DETAILS: "shows the model, the price and the seed",
        Role.USED_PROMPT: "shows the prompt that the image was generated from",
        Role.HEADLINE: "holds words to put on the image",
        Role.FORMAT: "chooses square, portrait, landscape or story",
        Role.VARIANTS: "asks for 1 to 4 images",
        Role.PICK: "chooses which of several images to keep",
        Role.ALT: "gets a description of the image for screen readers",
        Role.DATE: "publication date; cards of posts due soonest are replaced first",
    }
)
#: Properties that postbrush writes and never reads.
ONLY_WRITTEN = frozenset(
    {
        *(Role.STATUS, Role.NOTE, Role.PROVIDER, Role.DETAILS, Role.ALT),
        Role.USED_PROMPT,
    }
)
WRITTEN = ONLY_WRITTEN | {Role.IMAGE, Role.REGENERATE}
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
    role_names: Mapping[Role, str],
    stored_ids: Mapping[str, str],
    configured_names: Iterable[str] = (),
) -> Schema:
    """Return the properties of a data source.

    Args:
        raw: The response to GET /v1/data_sources/{id}.
        role_names: The configured property name of each role.
        stored_ids: An earlier `Schema.property_ids`.  These IDs count before names, so
            a rename in Notion has no effect.
        configured_names: Further property names that the settings use.

    Raises:
        KeyError: The response has no properties, so it is not a data source.
    """
    properties = {
        name: _to_property(name, definition)
        for name, definition in raw["properties"].items()
    }
    # Every data source has at least a title property.
    if not properties:
        raise KeyError("properties")
    by_id = {found.id: found for found in properties.values()}

    def find(key: str, name: str) -> Property | None:
        stored = by_id.get(stored_ids.get(key, ""))
        return stored or _find_by_name(properties, name)

    by_role = {role: find(role.value, role_names[role]) for role in Role}
    problems = {
        role: problem
        for role, found in by_role.items()
        if (problem := _property_problem(role, role_names[role], found)) is not None
    }
    roles = {
        role: found
        for role, found in by_role.items()
        if found is not None and role not in problems
    }
    configured = {
        name: found for name in configured_names if (found := find(f"={name}", name))
    }
    required = [problem for role, problem in problems.items() if role in REQUIRED]
    return Schema(
        source=plain_id(raw["id"]),
        title="".join(part.get("plain_text", "") for part in raw.get("title") or ()),
        properties=properties,
        roles=roles,
        configured=MappingProxyType(configured),
        problems=(*required, *_shared_problems(roles)),
        warnings=tuple(text for role, text in problems.items() if role not in REQUIRED),
        notes=tuple(
            _ambiguous_names(properties, [*roles.values(), *configured.values()])
        ),
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


def _find_by_name(properties: Mapping[str, Property], name: str) -> Property | None:
    """Return the property of a name, else one that differs in case or outer blanks."""
    folded = _fold_name(name)
    similar = (
        found for found in properties.values() if _fold_name(found.name) == folded
    )
    return properties.get(name) or next(similar, None)


def _fold_name(name: str) -> str:
    return name.strip().casefold()


def _ambiguous_names(
    properties: Mapping[str, Property], used: Iterable[Property]
) -> Iterator[str]:
    for found in {every.id: every for every in used}.values():
        others = [
            f'"{other.name}"'
            for other in properties.values()
            if other.id != found.id and _fold_name(other.name) == _fold_name(found.name)
        ]
        if others:
            yield (
                f'"{found.name}" and {" and ".join(others)} differ only in case or '
                f'spaces. postbrush uses "{found.name}"'
            )


def _property_problem(role: Role, name: str, found: Property | None) -> str | None:
    wanted = TYPES[role]
    kinds = " or ".join(TYPE_NAMES[kind] for kind in wanted)
    if found is None:
        if role not in REQUIRED:
            return None
        return (
            f"The property '{name}' is missing. In Notion, click + at the right end of "
            f"the table header, choose {kinds}, and name it {name}"
        )
    if found.type in wanted:
        return None
    return (
        f"The property '{found.name}' is of type "
        f"{TYPE_NAMES.get(found.type, found.type)}, but postbrush needs {kinds}. "
        "Change its type in Notion (column header > Edit property > Type), or set "
        f"{role.value} to another property in [notion.properties]"
    )


def _shared_problems(roles: Mapping[Role, Property]) -> list[str]:
    """Return one line for each property that is written and has a second role."""
    by_id: dict[str, list[Role]] = {}
    for role, found in roles.items():
        by_id.setdefault(found.id, []).append(role)
    return [
        f"The property '{roles[shared[0]].name}' is set for "
        f"{' and '.join(role.value for role in shared)} in [notion.properties]. A "
        "property that postbrush writes cannot have a second use"
        for shared in by_id.values()
        if len(shared) > 1 and any(role in WRITTEN for role in shared)
    ]


def can_show_status(schema: Schema, rules: PostsSection, status: str) -> bool:
    """Return whether the source has a property for a status, which no filter reads.

    A filter that reads it would exclude the post because of our own write.
    """
    if Role.STATUS not in schema.roles or _is_status_filtered(schema, rules):
        return False
    return status not in _missing_statuses(schema)


def _is_status_filtered(schema: Schema, rules: PostsSection) -> bool:
    found = map(schema.find_property, (*rules.only, *rules.skip))
    return schema.roles[Role.STATUS].id in {other.id for other in found if other}


def _missing_statuses(schema: Schema) -> list[Status]:
    """Return the statuses that the property cannot show."""
    found = schema.roles[Role.STATUS]
    # Notion adds options to any other property.
    if found.type != "status":
        return []
    options = [option.casefold() for option in found.options]
    return [status for status in Status if status and status.casefold() not in options]


def describe_unshown_statuses(schema: Schema, rules: PostsSection) -> str:
    """Return which statuses postbrush does not write, and why, or ""."""
    if Role.STATUS not in schema.roles:
        return ""
    name = schema.roles[Role.STATUS].name
    if _is_status_filtered(schema, rules):
        return (
            f"posts.only or posts.skip uses '{name}', so postbrush does not write "
            "Queued, Waiting or Waiting for approval to pages"
        )
    missing = ", ".join(_missing_statuses(schema))
    if not missing:
        return ""
    return (
        f"'{name}' lacks these options: {missing}. Add the ones you want in Notion, "
        "which does not let programs add options to a Status property"
    )
