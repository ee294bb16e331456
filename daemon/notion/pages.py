"""Parses Notion's JSON of a page into a `Page`.  Pure.

Source: Notion API reference, "Page" and "Page properties" (2025-09-03).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from daemon.config.parsing import plain_id
from daemon.notion.filters import LIST_TYPES, PropertyValue
from daemon.notion.model import File, Page, Role, Schema

Json = Mapping[str, Any]

_COPIED = ("type", "name", "file", "external")


class UnparsablePageError(ValueError):
    """The JSON is not a known kind of page."""


def read_page(raw: Any, schema: Schema) -> Page:  # noqa: ANN401 - whatever JSON came
    """Return a page.

    Raises:
        UnparsablePageError: The JSON is partial, not a page, or of an unknown shape.
    """
    try:
        return _parse_page(raw, schema)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnparsablePageError(
            f"a page of an unknown shape ({error!r:.80})"
        ) from error


def _parse_page(raw: Json, schema: Schema) -> Page:
    if raw["object"] != "page" or "properties" not in raw:
        raise UnparsablePageError(f"a {raw['object']!r} where a page was expected")
    properties = raw["properties"]
    # IDs are used, since a property may be renamed after the schema was read.
    by_id = {value["id"]: name for name, value in properties.items()}
    names = {
        role: by_id[column.id]
        for role, column in schema.roles.items()
        if column.id in by_id and properties[by_id[column.id]]["type"] == column.type
    }
    values = {role: properties[name] for role, name in names.items()}
    texts = {name: _property_text(value) for name, value in properties.items()}
    by_role = {role: texts[name] for role, name in names.items()}
    parent = raw.get("parent") or {}
    variants = values.get(Role.VARIANTS, {}).get("number")
    return Page(
        id=plain_id(raw["id"]),
        source=plain_id(parent.get("data_source_id") or schema.source),
        url=_without_nul(str(raw.get("url") or "")),
        title=_title_of(properties),
        created_at=parse_time(raw["created_time"]),
        edited_at=parse_time(raw["last_edited_time"]),
        gone=_is_trashed(raw) or _has_moved(raw, schema),
        regenerate=bool(values.get(Role.REGENERATE, {}).get("checkbox")),
        image=_files_of(values.get(Role.IMAGE, {})),
        prompt=by_role.get(Role.PROMPT, ""),
        post=by_role.get(Role.POST, ""),
        feedback=by_role.get(Role.FEEDBACK, ""),
        status=by_role.get(Role.STATUS, ""),
        note=by_role.get(Role.NOTE, ""),
        provider=by_role.get(Role.PROVIDER, ""),
        format=by_role.get(Role.FORMAT, ""),
        variants=int(variants) if variants is not None else None,
        alt=by_role.get(Role.ALT, ""),
        date=by_role.get(Role.DATE, ""),
        columns=_property_values(properties, texts, schema, by_id),
    )


def _is_trashed(raw: Json) -> bool:
    return bool(raw.get("in_trash") or raw.get("is_archived") or raw.get("archived"))


def _has_moved(raw: Json, schema: Schema) -> bool:
    """Return whether a page was moved out of the source."""
    source = (raw.get("parent") or {}).get("data_source_id")
    if source is not None:
        return plain_id(source) != plain_id(schema.source)
    # A page below another page of a wiki keeps the properties of its source.
    box = schema.roles.get(Role.REGENERATE)
    ids = {value["id"] for value in raw["properties"].values()}
    return box is not None and box.id not in ids


def _property_values(
    properties: Json, texts: Mapping[str, str], schema: Schema, by_id: Mapping[str, str]
) -> dict[str, PropertyValue]:
    """Return every property that reads as text, by present and by configured name."""
    cells = {
        name: PropertyValue(
            type=value["type"], text=texts[name], names=tuple(_option_names(value))
        )
        for name, value in properties.items()
        if value["type"] not in {"files", "relation", "button", "place"}
    }
    named = {
        name: cells[present]
        for name, column in schema.named.items()
        if (present := by_id.get(column.id, "")) in cells
    }
    return cells | named


def parse_time(text: str) -> datetime:
    """Return the aware datetime of an ISO 8601 text.  Raises ValueError."""
    return datetime.fromisoformat(text)


def _title_of(properties: Json) -> str:
    for value in properties.values():
        if value["type"] == "title":
            return " ".join(_property_text(value).split())
    return ""


def _files_of(value: Json) -> tuple[File, ...]:
    return tuple(
        File(
            name=str(entry.get("name") or ""),
            raw={key: entry[key] for key in _COPIED if key in entry},
        )
        for entry in value.get("files") or ()
    )


def _property_text(value: Json) -> str:
    """Return a property as text, for filters and templates."""
    return _without_nul(_raw_text(value))


def _without_nul(text: str) -> str:
    """Remove NUL, which PostgreSQL cannot store."""
    return text.replace("\0", "")


def _raw_text(value: Json) -> str:
    kind = value["type"]
    content = value.get(kind)
    match kind:
        case "title" | "rich_text":
            return "".join(part.get("plain_text") or "" for part in content or ())
        case "select" | "status":
            return str((content or {}).get("name") or "")
        case "multi_select":
            return ", ".join(_option_names(value))
        case "checkbox":
            return "true" if content else "false"
        case "number":
            return "" if content is None else plain_number(content)
        case "date":
            return str((content or {}).get("start") or "")
        case "formula" | "rollup":
            return _computed_text(content or {})
        case "url" | "email" | "phone_number" | "created_time" | "last_edited_time":
            return str(content or "")
        case "unique_id":
            number_parts = content or {}
            prefix = f"{number_parts['prefix']}-" if number_parts.get("prefix") else ""
            return f"{prefix}{number_parts.get('number', '')}"
        case "people" | "created_by" | "last_edited_by":
            return ", ".join(_option_names(value))
    return ""


def _option_names(value: Json) -> list[str]:
    """Return the names of a multi-select or people property."""
    kind = value["type"]
    if kind not in {*LIST_TYPES, "created_by", "last_edited_by"}:
        return []
    content = value.get(kind) or []
    options = content if isinstance(content, list) else [content]
    return [_without_nul(str(option.get("name") or "")) for option in options]


def plain_number(value: float) -> str:
    """Return a number exactly, in plain decimals such as 1234567 or 0.0001."""
    if isinstance(value, int):
        return str(value)
    # repr() gives the shortest decimals; a whole number gets no point.
    text = f"{Decimal(repr(value)):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _computed_text(content: Json) -> str:
    kind = content.get("type")
    result = content.get(str(kind))
    match result:
        case None:
            return ""
        case bool():
            return "true" if result else "false"
        case int() | float():
            return plain_number(result)
        case str():
            return result
        case dict():
            return str(result.get("start") or "")
        case list():
            parts = [
                part for part in result if isinstance(part, dict) and "type" in part
            ]
            return ", ".join(filter(None, (_property_text(part) for part in parts)))
    return ""
