"""Writes to a page: their JSON, and the parts of a refused change that Notion accepts.

The first try is the whole change, the second the same with a new schema.  Then follows
the essential part (the image, or the tick) alone, then each optional part alone.  Every
write omits a property for an hour after it was refused alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from daemon.notion.errors import WriteRefusedError
from daemon.notion.model import (
    Page,
    PageUpdate,
    Property,
    Role,
    Schema,
    Wanted,
    WriteResult,
)

#: Notion's limit for one text object, in characters.
TEXT_LIMIT = 2000
#: Notion's limit for the name of an option, in characters.
_OPTION_LIMIT = 100
_LEFT_OUT_SECONDS = 3600.0
_COVER = "the cover"
#: The field of `PageUpdate` with the value of each property that may be left out.
_FIELDS: Mapping[Role, str] = {
    **{role: role.value for role in (Role.STATUS, Role.PROVIDER, Role.DETAILS)},
    **{role: role.value for role in (Role.ALT, Role.USED_PROMPT, Role.PROMPT)},
    Role.FEEDBACK: "clear_feedback",
    Role.PICK: "clear_pick",
    Role.NOTE: "note",
}
#: Properties that a write leaves alone or clears.
_CLEARED = frozenset({Role.FEEDBACK, Role.PICK})

Json = dict[str, Any]
Write = Callable[[Schema, PageUpdate], Awaitable[WriteResult]]


@dataclass(slots=True)
class RefusedProperties:
    """The properties of one source that writes omit, for an hour each.

    Attributes:
        until: Property name to the end of the hour, in monotonic seconds.
    """

    until: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, now: float) -> None:
        """Omit a property for an hour."""
        self.until[name] = now + _LEFT_OUT_SECONDS

    def names_at(self, now: float) -> Collection[str]:
        """Return the names of the properties that a write at *now* omits."""
        return {name for name, until in self.until.items() if until > now}


async def write_accepted_parts(
    change: PageUpdate,
    schema: Schema,
    refused: RefusedProperties,
    *,
    write: Write,
    read_again: Callable[[WriteRefusedError], Awaitable[Schema]],
    now: float,
) -> WriteResult:
    """Write a change without the parts that Notion refuses.

    Args:
        refused: Properties to omit; newly refused ones are added.
        write: Sends one write.
        read_again: Returns a new schema; its argument is the first refusal.
        now: Seconds of the monotonic clock.

    Raises:
        WriteRefusedError: Notion refuses the essential part, or every part alone.
    """
    parts = optional_parts(change, schema)
    omitted = [name for name in parts if name in refused.names_at(now)]
    essential = _essential_part(change)
    if omitted and len(omitted) == len(parts) and essential is None:
        raise WriteRefusedError(f"Notion refuses to write {', '.join(omitted)}")
    requested = _name_in_note(_without_properties(change, schema, omitted), omitted)
    try:
        return _add_left_out(await write(schema, requested), omitted)
    except WriteRefusedError as error:
        refusal = error
    # A property may have been renamed, retyped or removed, so use a new schema.
    new_schema = await read_again(refusal)
    try:
        return _add_left_out(await write(new_schema, requested), omitted)
    except WriteRefusedError:
        optional = optional_parts(requested, new_schema)
        if not optional or not new_schema.roles:
            raise
    written = await write(new_schema, essential) if essential is not None else None
    newly_refused = list(optional)
    # After an accepted essential part, a single optional part must be the refused one.
    if written is None or len(optional) > 1:
        written, newly_refused = await _write_each(
            optional, omitted, write, new_schema, written
        )
    for name in newly_refused:
        refused.add(name, now)
    if written is None:
        raise WriteRefusedError(f"Notion refuses to write {', '.join(optional)}")
    return _add_left_out(written, [*omitted, *newly_refused])


async def _write_each(
    optional: Mapping[str, PageUpdate],
    omitted: Sequence[str],
    write: Write,
    schema: Schema,
    written: WriteResult | None,
) -> tuple[WriteResult | None, list[str]]:
    """Write each part alone; return the newest result and the refused names."""
    refused: list[str] = []
    for name, part in optional.items():
        try:
            written = await write(schema, _name_in_note(part, [*omitted, *refused]))
        except WriteRefusedError:
            refused.append(name)
    return written, refused


def _essential_part(change: PageUpdate) -> PageUpdate | None:
    """Return the image or the tick of a change, None if it has neither."""
    if change.uploads:
        kept = PageUpdate(keep=change.keep, replaced=change.replaced)
        return replace(kept, uploads=change.uploads, image_only=True)
    if change.regenerate is not None:
        return PageUpdate(regenerate=change.regenerate)
    return None


def optional_parts(change: PageUpdate, schema: Schema) -> dict[str, PageUpdate]:
    """Return the other parts of a change, one a property by name, the note last."""
    if change.image_only:
        return {}
    parts = {
        found.name: PageUpdate(**{field: getattr(change, field)})
        for role, field in _FIELDS.items()
        if role is not Role.NOTE and (found := schema.roles.get(role))
    }
    parts |= {name: PageUpdate(extra={name: v}) for name, v in change.extra.items()}
    if change.cover is not None:
        parts[_COVER] = PageUpdate(cover=change.cover)
    if note := schema.roles.get(Role.NOTE):
        parts[note.name] = PageUpdate(note=change.note)
    return {
        name: part
        for name, part in parts.items()
        if name == _COVER or build_payload(part, schema)[0]["properties"]
    }


def _without_properties(
    change: PageUpdate, schema: Schema, names: Collection[str]
) -> PageUpdate:
    omitted: dict[str, Any] = {
        field: getattr(PageUpdate(), field)
        for role, field in _FIELDS.items()
        if (found := schema.roles.get(role)) and found.name in names
    }
    return replace(
        change,
        cover=None if _COVER in names else change.cover,
        extra={
            name: value for name, value in change.extra.items() if name not in names
        },
        **omitted,
    )


def _name_in_note(change: PageUpdate, left_out: Sequence[str]) -> PageUpdate:
    """Add the refused properties to the note, if the change writes one."""
    if change.note is None or not left_out:
        return change
    names = ", ".join(f"'{name}'" for name in left_out)
    note = f"{change.note} Notion refused to write {names}."
    return replace(change, note=note.strip())


def _add_left_out(written: WriteResult, names: Sequence[str]) -> WriteResult:
    both = dict.fromkeys([*written.left_out, *names])
    return replace(written, left_out=tuple(both))


def build_payload(change: PageUpdate, schema: Schema) -> tuple[Json, list[str]]:
    """Return the body of the update, and the names of the properties it omits.

    Keys are property IDs, so a property that was just renamed is still found.
    """
    properties: Json = {}
    left_out: list[str] = []
    if change.uploads:
        properties[schema.roles[Role.IMAGE].id] = {"files": _file_entries(change)}
    body: Json = {"properties": properties}
    if change.image_only:
        return body, left_out
    for name, found, value in _values_to_write(change, schema):
        content = property_value(found, value) if found else None
        if found is None or content is None:
            left_out.append(name)
        else:
            properties[found.id] = content
    if change.cover is not None:
        body["cover"] = {"type": "file_upload", "file_upload": {"id": change.cover}}
    return body, left_out


def _values_to_write(
    change: PageUpdate, schema: Schema
) -> list[tuple[str, Property | None, Wanted]]:
    """Return (name, property if the source has it, value) of each value to write."""
    by_role: dict[Role, Wanted | None] = {Role.REGENERATE: change.regenerate}
    for role, field_name in _FIELDS.items():
        value = getattr(change, field_name)
        by_role[role] = ("" if value else None) if role in _CLEARED else value
    values: list[tuple[str, Property | None, Wanted]] = []
    for role, value in by_role.items():
        found = schema.roles.get(role)
        if value is not None and found is not None and found.type != "formula":
            values.append((found.name, found, value))
    for name, value in change.extra.items():
        found = schema.find_property(name)
        values.append((found.name if found else name, found, value))
    return values


def property_value(found: Property, value: Wanted) -> Json | None:
    """Return a value in the JSON of a property, None if its type cannot hold it."""
    text = value if isinstance(value, str) else ""
    options = {option.casefold(): option for option in found.options}
    match found.type:
        case "checkbox" if isinstance(value, bool):
            return {"checkbox": value}
        case "checkbox" if text.casefold() in {"true", "false"}:
            return {"checkbox": text.casefold() == "true"}
        case "rich_text" | "title" if isinstance(value, str):
            return {found.type: rich_text(text)}
        case "select" if isinstance(value, str):
            # A comma is not allowed.
            name = text.replace(",", " ")[:_OPTION_LIMIT].strip()
            return {"select": {"name": name} if name else None}
        # Notion does not add options to a status property.
        case "status" if text.casefold() in options:
            return {"status": {"name": options[text.casefold()]}}
        # Only cleared, which sets the default of a status property.
        case "status" | "number" if value == "":
            return {found.type: None}
        case "date" if isinstance(value, str):
            return {"date": {"start": text} if text else None}
        case "url" if isinstance(value, str):
            return {"url": text or None}
    return None


def rich_text(text: str) -> list[Json]:
    """Return text in JSON, cut at a word to at most `TEXT_LIMIT` characters."""
    if not text:
        return []
    if len(text) > TEXT_LIMIT:
        head = text[: TEXT_LIMIT - 1]
        space = head.rfind(" ")
        text = f"{head[: space if space > TEXT_LIMIT // 2 else None]}…"
    return [{"type": "text", "text": {"content": text}}]


def _file_entries(change: PageUpdate) -> list[Json]:
    """Return our images, and behind them the files that people added."""
    ours = [
        {"type": "file_upload", "file_upload": {"id": upload}, "name": name}
        for upload, name in change.uploads
    ]
    kinds = [(file, str(file.raw.get("type"))) for file in change.keep]
    return ours + [
        {"type": kind, "name": file.name, kind: file.raw.get(kind)}
        for file, kind in kinds
    ]


def already_shows(page: Page, change: PageUpdate) -> bool:
    """Return whether a page already shows a change whose response was lost."""
    wanted = [name for _, name in change.uploads]
    ours = {*wanted, *change.replaced}
    return (
        change.regenerate in {None, page.regenerate}
        and [file.name for file in page.image if file.name in ours] == wanted
        and change.status in {None, page.status}
        and change.note in {None, page.note}
    )
