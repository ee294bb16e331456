"""A write that Notion refuses: what it takes is written, the rest is named.

First the whole change, then again with the properties read anew, then what it is about
(the image, or the tick) alone, then each of the others alone.  A property that is
refused alone is left out of every write for an hour.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from daemon.notion.errors import RefusedWriteError
from daemon.notion.model import Change, Role, Schema, Written
from daemon.notion.payload import payload

_LEFT_OUT_SECONDS = 3600.0
_COVER = "the cover"

Write = Callable[[Schema, Change], Awaitable[Written]]


@dataclass(slots=True)
class RefusedProperties:
    """The properties of one source that are left out, by name, and until when."""

    until: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, now: float) -> None:
        """Leave a property out for an hour."""
        self.until[name] = now + _LEFT_OUT_SECONDS

    def names(self, now: float) -> Collection[str]:
        """Return what is left out now."""
        return {name for name, until in self.until.items() if until > now}


async def write_what_is_taken(
    change: Change,
    schema: Schema,
    refused: RefusedProperties,
    *,
    write: Write,
    read_again: Callable[[RefusedWriteError], Awaitable[Schema]],
    now: float,
) -> Written:
    """Write a change, without what Notion refuses.

    Args:
        refused: What is left out already; what is found to be refused is added.
        write: One write.
        read_again: Given the first refusal, reads the properties of the source.

    Raises:
        RefusedWriteError: Even the image, the tick, or every part alone is refused.
    """
    known = [name for name in parts(change, schema) if name in refused.names(now)]
    if known and essential(change) is None and len(known) == len(parts(change, schema)):
        raise RefusedWriteError(f"Notion refuses {', '.join(known)}")
    wanted = _naming(without(change, schema, known), known)
    try:
        return _with_names(await write(schema, wanted), known)
    except RefusedWriteError as error:
        refusal = error
    # A property was renamed, retyped or removed: read them again, and once more.
    newest = await read_again(refusal)
    try:
        return _with_names(await write(newest, wanted), known)
    except RefusedWriteError:
        rest = parts(wanted, newest)
        bare = essential(change)
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
        raise RefusedWriteError(f"Notion refuses {', '.join(rest)}")
    return _with_names(written, [*known, *(one for one in rest if one not in taken)])


async def _write_each(
    rest: Mapping[str, Change],
    known: Sequence[str],
    write: Write,
    schema: Schema,
    written: Written | None,
) -> tuple[Written | None, Sequence[str]]:
    """Write each property alone; return the newest answer and what was taken."""
    taken: list[str] = []
    for name, part in rest.items():
        left_out = [*known, *(one for one in _before(rest, name) if one not in taken)]
        try:
            written = await write(schema, _naming(part, left_out))
        except RefusedWriteError:
            continue
        taken.append(name)
    return written, taken


def _before(rest: Mapping[str, Change], name: str) -> list[str]:
    names = list(rest)
    return names[: names.index(name)]


def essential(change: Change) -> Change | None:
    """Return what a change is about, alone; None: every part matters equally."""
    if change.uploads:
        return Change(uploads=change.uploads, keep=change.keep, image_only=True)
    if change.regenerate is not None:
        return Change(regenerate=change.regenerate)
    return None


def parts(change: Change, schema: Schema) -> dict[str, Change]:
    """Return the rest of a change, each property alone by its name; the note last."""
    if change.image_only:
        return {}
    alone: dict[Role, Change] = {
        Role.STATUS: Change(status=change.status),
        Role.PROVIDER: Change(provider=change.provider),
        Role.ALT: Change(alt=change.alt),
        Role.FEEDBACK: Change(clear_feedback=change.clear_feedback),
    }
    found = {
        schema.roles[role].name: part
        for role, part in alone.items()
        if role in schema.roles and _writes(part, schema)
    }
    for name, value in change.extra.items():
        part = Change(extra={name: value})
        if _writes(part, schema):
            found[name] = part
    if change.cover is not None:
        found[_COVER] = Change(cover=change.cover)
    note = Change(note=change.note)
    if _writes(note, schema):
        found[schema.roles[Role.NOTE].name] = note
    return found


def _writes(part: Change, schema: Schema) -> bool:
    return bool(payload(part, schema)[0]["properties"])


def without(change: Change, schema: Schema, names: Collection[str]) -> Change:
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


def _naming(change: Change, left_out: Sequence[str]) -> Change:
    """Let the note, if one is written, say what Notion refused."""
    if change.note is None or not left_out:
        return change
    names = ", ".join(f"'{name}'" for name in left_out)
    words = f"{change.note} Notion refused to write {names}."
    return replace(change, note=words.strip())


def _with_names(written: Written, names: Sequence[str]) -> Written:
    both = dict.fromkeys([*written.left_out, *names])
    return replace(written, left_out=tuple(both))
