"""Converts a `PageUpdate` to Notion's JSON.  Pure."""

from __future__ import annotations

from typing import Any

from daemon.notion.filters import Wanted
from daemon.notion.model import File, Page, PageUpdate, Property, Role, Schema

#: Notion's limit for one text object, in characters.
TEXT_LIMIT = 2000

Properties = dict[str, Any]


def build_payload(
    change: PageUpdate, schema: Schema
) -> tuple[dict[str, Any], list[str]]:
    """Return the body of the update, and the names of the properties it omits.

    Keys are property IDs, so a property that was just renamed is still found.
    """
    body: Properties = {}
    left_out: list[str] = []
    if change.uploads:
        column = schema.roles[Role.IMAGE]
        body[column.id] = {"files": _file_entries(change)}
    if not change.image_only:
        for column, value in _values_to_write(change, schema, left_out):
            content = property_value(column, value)
            if content is None:
                left_out.append(column.name)
            else:
                body[column.id] = content
    whole: dict[str, Any] = {"properties": body}
    if change.cover is not None and not change.image_only:
        whole["cover"] = {"type": "file_upload", "file_upload": {"id": change.cover}}
    return whole, left_out


def _values_to_write(
    change: PageUpdate, schema: Schema, left_out: list[str]
) -> list[tuple[Property, Wanted | None]]:
    by_role: dict[Role, Wanted | None] = {
        Role.REGENERATE: change.regenerate,
        Role.STATUS: change.status,
        Role.NOTE: change.note,
        Role.PROVIDER: change.provider,
        Role.ALT: change.alt,
        Role.FEEDBACK: "" if change.clear_feedback else None,
    }
    values: list[tuple[Property, Wanted | None]] = []
    for role, value in by_role.items():
        column = schema.roles.get(role)
        if value is None or column is None or column.type == "formula":
            continue
        values.append((column, value))
    for name, value in change.extra.items():
        column = schema.find_property(name)
        if column is None:
            left_out.append(name)
        else:
            values.append((column, value))
    return values


def property_value(column: Property, value: Wanted | None) -> Properties | None:
    """Return a value in the JSON of a property, None if its type cannot hold it."""
    text = value if isinstance(value, str) else ""
    options = {option.casefold(): option for option in column.options}
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
        # Notion does not add options to a status property.
        case "status" if text.casefold() in options:
            return {"status": {"name": options[text.casefold()]}}
        case "date" if isinstance(value, str):
            return {"date": {"start": text} if text else None}
        case "url" if isinstance(value, str):
            return {"url": text or None}
    return None


def rich_text(text: str) -> list[dict[str, Any]]:
    """Return text in JSON, cut at a word to at most `TEXT_LIMIT` characters."""
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
    """Return the JSON that keeps a file which a person added."""
    raw = file.raw
    kind = str(raw.get("type"))
    return {"type": kind, "name": file.name, kind: raw.get(kind)}


def already_shows(page: Page, change: PageUpdate) -> bool:
    """Return whether a page already shows a change whose answer was lost."""
    names = [file.name for file in page.image]
    return (
        change.regenerate in {None, page.regenerate}
        and all(name in names for _, name in change.uploads)
        and change.status in {None, page.status}
        and change.note in {None, page.note}
    )
