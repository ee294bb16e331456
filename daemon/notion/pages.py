"""Parses Notion's JSON of a page into a `Page`.  Pure.

Source: Notion API reference, "Page" and "Page properties" (2025-09-03).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from daemon.config.parsing import plain_id
from daemon.notion.filters import LIST_TYPES
from daemon.notion.model import File, Page, PropertyValue, Role, Schema

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
        if raw["object"] != "page" or "properties" not in raw:
            raise UnparsablePageError(
                f"Notion sent a {raw['object']!r} instead of a page"
            )
        return _parse_page(raw, schema)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnparsablePageError(
            f"Notion sent a page of an unexpected form ({error!r:.80})"
        ) from error


def _parse_page(raw: Json, schema: Schema) -> Page:
    properties = raw["properties"]
    # IDs are used, since a property may be renamed after the schema was read.
    by_id = {value["id"]: name for name, value in properties.items()}
    names = {
        role: by_id[found.id]
        for role, found in schema.roles.items()
        if found.id in by_id and properties[by_id[found.id]]["type"] == found.type
    }
    values = {role: properties[name] for role, name in names.items()}
    texts = {name: _property_text(value) for name, value in properties.items()}
    variants = values.get(Role.VARIANTS, {}).get("number")

    def text_of(role: Role) -> str:
        return texts[names[role]] if role in names else ""

    return Page(
        id=plain_id(raw["id"]),
        source=plain_id(_parent_source(raw) or schema.source),
        url=_without_nul(str(raw.get("url") or "")),
        title=_title_of(properties),
        created_at=datetime.fromisoformat(raw["created_time"]),
        edited_at=datetime.fromisoformat(raw["last_edited_time"]),
        gone=_is_trashed(raw) or _has_moved(raw, schema),
        regenerate=bool(values.get(Role.REGENERATE, {}).get("checkbox")),
        image=_files_of(values.get(Role.IMAGE, {})),
        prompt=text_of(Role.PROMPT),
        post=text_of(Role.POST),
        feedback=text_of(Role.FEEDBACK),
        status=text_of(Role.STATUS),
        note=text_of(Role.NOTE),
        provider=text_of(Role.PROVIDER),
        headline=text_of(Role.HEADLINE) if Role.HEADLINE in names else None,
        format=text_of(Role.FORMAT),
        variants=int(variants) if variants is not None else None,
        pick=_read_pick(text_of(Role.PICK)),
        alt=text_of(Role.ALT),
        date=text_of(Role.DATE),
        properties=_property_values(properties, texts, schema, by_id),
    )


def _read_pick(text: str) -> int | None:
    """Return the number in a pick such as "2" or "Image 2"; None without one."""
    found = re.search(r"\d{1,2}", text)
    return int(found[0]) if found else None


def _is_trashed(raw: Json) -> bool:
    return bool(raw.get("in_trash") or raw.get("is_archived") or raw.get("archived"))


def _parent_source(raw: Json) -> str | None:
    return (raw.get("parent") or {}).get("data_source_id")


def _has_moved(raw: Json, schema: Schema) -> bool:
    """Return whether a page was moved out of the source."""
    source = _parent_source(raw)
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
    values = {
        name: PropertyValue(
            type=value["type"], text=texts[name], names=tuple(_option_names(value))
        )
        for name, value in properties.items()
        if value["type"] not in {"files", "relation", "button", "place"}
    }
    configured = {
        name: values[present]
        for name, found in schema.configured.items()
        if (present := by_id.get(found.id, "")) in values
    }
    return values | configured


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
            parts = content or {}
            prefix = f"{parts['prefix']}-" if parts.get("prefix") else ""
            return f"{prefix}{parts.get('number', '')}"
        case "multi_select" | "people" | "created_by" | "last_edited_by":
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
    """Return the result of a formula or rollup as text."""
    match content.get(str(content.get("type"))):
        case bool() as is_true:
            return "true" if is_true else "false"
        case int() | float() as number:
            return plain_number(number)
        case str() as text:
            return text
        case dict() as date:
            return str(date.get("start") or "")
        case list() as values:
            texts = [
                _property_text(value)
                for value in values
                if isinstance(value, dict) and "type" in value
            ]
            return ", ".join(filter(None, texts))
    return ""
