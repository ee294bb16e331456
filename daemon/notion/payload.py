"""What a `PageUpdate` is in Notion's JSON, column by column.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.notion.filters import Wanted
from daemon.notion.model import File, Page, PageUpdate, Property, Role, Schema

#: Notion's limit for one piece of text.
TEXT_LIMIT = 2000

Properties = dict[str, Any]


def build_payload(
    change: PageUpdate, schema: Schema
) -> tuple[dict[str, Any], list[str]]:
    """Return the body of the update, and the names of columns left out of it.

    Keys are property ids, so that a column renamed a moment ago is still met.
    """
    body: Properties = {}
    left_out: list[str] = []
    if change.uploads:
        column = schema.roles[Role.IMAGE]
        body[column.id] = {"files": _file_entries(change)}
    if not change.image_only:
        for column, value in _values_to_write(change, schema, left_out):
            written = property_value(column, value)
            if written is None:
                left_out.append(column.name)
            else:
                body[column.id] = written
    whole: dict[str, Any] = {"properties": body}
    if change.cover is not None and not change.image_only:
        whole["cover"] = {"type": "file_upload", "file_upload": {"id": change.cover}}
    return whole, left_out


def _values_to_write(
    change: PageUpdate, schema: Schema, left_out: list[str]
) -> list[tuple[Property, Wanted | None]]:
    ours: dict[Role, Wanted | None] = {
        Role.REGENERATE: change.regenerate,
        Role.STATUS: change.status,
        Role.NOTE: change.note,
        Role.PROVIDER: change.provider,
        Role.ALT: change.alt,
        Role.FEEDBACK: "" if change.clear_feedback else None,
    }
    found: list[tuple[Property, Wanted | None]] = []
    for role, value in ours.items():
        column = schema.roles.get(role)
        if value is None or column is None or column.type == "formula":
            continue
        found.append((column, value))
    for name, value in change.extra.items():
        column = schema.find_property(name)
        if column is None:
            left_out.append(name)
        else:
            found.append((column, value))
    return found


def property_value(column: Property, value: Wanted | None) -> Properties | None:
    """Return a value as its column's type takes it, or None when it cannot."""
    text = value if isinstance(value, str) else ""
    match column.type:
        case "checkbox" if isinstance(value, bool):
            return {"checkbox": value}
        case "checkbox" if text.casefold() in {"true", "false"}:
            return {"checkbox": text.casefold() == "true"}
        case "rich_text" | "title" if isinstance(value, str):
            return {column.type: rich_text(text)}
        case "select" if isinstance(value, str):
            # Names are limited to 100 characters, and a comma is not allowed.
            name = text.replace(",", " ")[:100].strip()
            return {"select": {"name": name} if name else None}
        # Notion makes no options for a status column by itself.
        case "status" if text.casefold() in {one.casefold() for one in column.options}:
            exact = {one.casefold(): one for one in column.options}[text.casefold()]
            return {"status": {"name": exact}}
        case "date" if isinstance(value, str):
            return {"date": {"start": text} if text else None}
        case "url" if isinstance(value, str):
            return {"url": text or None}
    return None


def rich_text(text: str) -> list[dict[str, Any]]:
    """Return text within Notion's limit, cut at a word."""
    if not text:
        return []
    if len(text) > TEXT_LIMIT:
        head = text[: TEXT_LIMIT - 1]
        space = head.rfind(" ")
        text = f"{head[: space if space > TEXT_LIMIT // 2 else None]}…"
    return [{"type": "text", "text": {"content": text}}]


def _file_entries(change: PageUpdate) -> list[dict[str, Any]]:
    ours = [
        {"type": "file_upload", "file_upload": {"id": upload}, "name": name}
        for upload, name in change.uploads
    ]
    return [*ours, *(_kept_entry(file) for file in change.keep)]


def _kept_entry(file: File) -> dict[str, Any]:
    """Return what keeps a person's file: the entry as Notion showed it."""
    raw = file.raw
    kind = str(raw.get("type"))
    return {"type": kind, "name": file.name, kind: raw.get(kind)}


def already_shows(page: Page, change: PageUpdate) -> bool:
    """Say whether a page shows a change whose answer was lost."""
    names = [file.name for file in page.image]
    wanted: Mapping[str, bool] = {
        "regenerate": change.regenerate in {None, page.regenerate},
        "uploads": all(name in names for _, name in change.uploads),
        "status": change.status in {None, page.status},
        "note": change.note in {None, page.note},
    }
    return all(wanted.values())
