"""A write that Notion refuses: what it takes is written, the rest is named.

First the whole change, then again with the properties read anew, then what it is about
(the image, or the tick) alone, then each of the others alone.  A property that is
refused alone is left out of every write for an hour.
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
    """The properties of one source that are left out, by name, and until when."""

    until: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, now: float) -> None:
        """Leave a property out for an hour."""
        self.until[name] = now + _LEFT_OUT_SECONDS

    def names_at(self, now: float) -> Collection[str]:
        """Return what is left out now."""
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
    """Write a change, without what Notion refuses.

    Args:
        refused: What is left out already; what is found to be refused is added.
        write: One write.
        read_again: Given the first refusal, reads the properties of the source.

    Raises:
        RefusedWriteError: Even the image, the tick, or every part alone is refused.
    """
    known = [
        name for name in optional_parts(change, schema) if name in refused.names_at(now)
    ]
    if (
        known
        and essential_part(change) is None
        and len(known) == len(optional_parts(change, schema))
    ):
        raise WriteRefusedError(f"Notion refuses {', '.join(known)}")
    wanted = _name_in_note(without_properties(change, schema, known), known)
    try:
        return _add_left_out(await write(schema, wanted), known)
    except WriteRefusedError as error:
        refusal = error
    # A property was renamed, retyped or removed: read them again, and once more.
    newest = await read_again(refusal)
    try:
        return _add_left_out(await write(newest, wanted), known)
    except WriteRefusedError:
        rest = optional_parts(wanted, newest)
        bare = essential_part(change)
        is_alone = bare is not None and not rest
        if is_alone or not rest or not newest.roles:
            raise
    written = await write(newest, bare) if bare is not None else None
    # Only one other was in it: that is the one.
    if written is not None and len(rest) == 1:
        taken: Sequence[str] = ()
    else:
        written, taken = await _write_each(rest, known, write, newest, written)
    for name in rest:
        if name not in taken:
            refused.add(name, now)
    if written is None:
        raise WriteRefusedError(f"Notion refuses {', '.join(rest)}")
    return _add_left_out(written, [*known, *(one for one in rest if one not in taken)])


async def _write_each(
    rest: Mapping[str, PageUpdate],
    known: Sequence[str],
    write: Write,
    schema: Schema,
    written: WriteResult | None,
) -> tuple[WriteResult | None, Sequence[str]]:
    """Write each property alone; return the newest answer and what was taken."""
    taken: list[str] = []
    for name, part in rest.items():
        left_out = [
            *known,
            *(one for one in _names_before(rest, name) if one not in taken),
        ]
        try:
            written = await write(schema, _name_in_note(part, left_out))
        except WriteRefusedError:
            continue
        taken.append(name)
    return written, taken


def _names_before(rest: Mapping[str, PageUpdate], name: str) -> list[str]:
    names = list(rest)
    return names[: names.index(name)]


def essential_part(change: PageUpdate) -> PageUpdate | None:
    """Return what a change is about, alone; None: every part matters equally."""
    if change.uploads:
        return PageUpdate(uploads=change.uploads, keep=change.keep, image_only=True)
    if change.regenerate is not None:
        return PageUpdate(regenerate=change.regenerate)
    return None


def optional_parts(change: PageUpdate, schema: Schema) -> dict[str, PageUpdate]:
    """Return the rest of a change, each property alone by its name; the note last."""
    if change.image_only:
        return {}
    alone: dict[Role, PageUpdate] = {
        Role.STATUS: PageUpdate(status=change.status),
        Role.PROVIDER: PageUpdate(provider=change.provider),
        Role.ALT: PageUpdate(alt=change.alt),
        Role.FEEDBACK: PageUpdate(clear_feedback=change.clear_feedback),
    }
    found = {
        schema.roles[role].name: part
        for role, part in alone.items()
        if role in schema.roles and _writes_anything(part, schema)
    }
    for name, value in change.extra.items():
        part = PageUpdate(extra={name: value})
        if _writes_anything(part, schema):
            found[name] = part
    if change.cover is not None:
        found[_COVER] = PageUpdate(cover=change.cover)
    note = PageUpdate(note=change.note)
    if _writes_anything(note, schema):
        found[schema.roles[Role.NOTE].name] = note
    return found


def _writes_anything(part: PageUpdate, schema: Schema) -> bool:
    return bool(build_payload(part, schema)[0]["properties"])


def without_properties(
    change: PageUpdate, schema: Schema, names: Collection[str]
) -> PageUpdate:
    """Return a change without some properties."""
    roles = {role for role, column in schema.roles.items() if column.name in names}
    return replace(
        change,
        status=None if Role.STATUS in roles else change.status,
        note=None if Role.NOTE in roles else change.note,
        provider=None if Role.PROVIDER in roles else change.provider,
        alt=None if Role.ALT in roles else change.alt,
        clear_feedback=change.clear_feedback and Role.FEEDBACK not in roles,
        cover=None if _COVER in names else change.cover,
        extra={name: one for name, one in change.extra.items() if name not in names},
    )


def _name_in_note(change: PageUpdate, left_out: Sequence[str]) -> PageUpdate:
    """Let the note, if one is written, say what Notion refused."""
    if change.note is None or not left_out:
        return change
    names = ", ".join(f"'{name}'" for name in left_out)
    words = f"{change.note} Notion refused to write {names}."
    return replace(change, note=words.strip())


def _add_left_out(written: WriteResult, names: Sequence[str]) -> WriteResult:
    both = dict.fromkeys([*written.left_out, *names])
    return replace(written, left_out=tuple(both))
