"""Writes the parts of a refused change that Notion accepts, and names the others.

The first try is the whole change, the second the same with a new schema.  Then follows
the essential part (the image, or the tick) alone, then each optional part alone.  Every
write omits a property for an hour after it was refused alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from daemon.notion.errors import WriteRefusedError
from daemon.notion.model import PageUpdate, Role, Schema, WriteResult
from daemon.notion.payload import build_payload

_LEFT_OUT_SECONDS = 3600.0
_COVER = "the cover"

Write = Callable[[Schema, PageUpdate], Awaitable[WriteResult]]


@dataclass(slots=True)
class RefusedProperties:
    """The properties of one source that writes omit.

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
    if omitted and len(omitted) == len(parts) and essential_part(change) is None:
        raise WriteRefusedError(f"Notion refuses {', '.join(omitted)}")
    requested = _name_in_note(without_properties(change, schema, omitted), omitted)
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
    essential = essential_part(change)
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
        raise WriteRefusedError(f"Notion refuses {', '.join(optional)}")
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


def essential_part(change: PageUpdate) -> PageUpdate | None:
    """Return the image or the tick of a change, None if it has neither."""
    if change.uploads:
        return PageUpdate(uploads=change.uploads, keep=change.keep, image_only=True)
    if change.regenerate is not None:
        return PageUpdate(regenerate=change.regenerate)
    return None


def optional_parts(change: PageUpdate, schema: Schema) -> dict[str, PageUpdate]:
    """Return the other parts of a change, one a property by name, the note last."""
    if change.image_only:
        return {}
    by_role: dict[Role, PageUpdate] = {
        Role.STATUS: PageUpdate(status=change.status),
        Role.PROVIDER: PageUpdate(provider=change.provider),
        Role.ALT: PageUpdate(alt=change.alt),
        Role.FEEDBACK: PageUpdate(clear_feedback=change.clear_feedback),
    }
    parts = {
        schema.roles[role].name: part
        for role, part in by_role.items()
        if role in schema.roles and _writes_anything(part, schema)
    }
    for name, value in change.extra.items():
        part = PageUpdate(extra={name: value})
        if _writes_anything(part, schema):
            parts[name] = part
    if change.cover is not None:
        parts[_COVER] = PageUpdate(cover=change.cover)
    note = PageUpdate(note=change.note)
    if _writes_anything(note, schema):
        parts[schema.roles[Role.NOTE].name] = note
    return parts


def _writes_anything(part: PageUpdate, schema: Schema) -> bool:
    return bool(build_payload(part, schema)[0]["properties"])


def without_properties(
    change: PageUpdate, schema: Schema, names: Collection[str]
) -> PageUpdate:
    """Return a change without the properties of some names."""
    roles = {role for role, column in schema.roles.items() if column.name in names}
    return replace(
        change,
        status=None if Role.STATUS in roles else change.status,
        note=None if Role.NOTE in roles else change.note,
        provider=None if Role.PROVIDER in roles else change.provider,
        alt=None if Role.ALT in roles else change.alt,
        clear_feedback=change.clear_feedback and Role.FEEDBACK not in roles,
        cover=None if _COVER in names else change.cover,
        extra={
            name: value for name, value in change.extra.items() if name not in names
        },
    )


def _name_in_note(change: PageUpdate, left_out: Sequence[str]) -> PageUpdate:
    """Add the refused properties to the note, if the change writes one."""
    if change.note is None or not left_out:
        return change
    names = ", ".join(f"'{name}'" for name in left_out)
    words = f"{change.note} Notion refused to write {names}."
    return replace(change, note=words.strip())


def _add_left_out(written: WriteResult, names: Sequence[str]) -> WriteResult:
    both = dict.fromkeys([*written.left_out, *names])
    return replace(written, left_out=tuple(both))
