"""What Notion says of a page, as a `Page`.  Pure; nothing is assumed to be there.

Shapes: Notion API reference, "Page" and "Page properties" (2025-09-03).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from daemon.config.notion_links import plain_id
from daemon.notion.filters import LIST_TYPES, PropertyValue
from daemon.notion.model import File, Page, Role, Schema

Json = Mapping[str, Any]

_COPIED = ("type", "name", "file", "external")


class UnparsablePageError(ValueError):
    """Not a page as we know them: passed over, and said once."""


def read_page(raw: Any, schema: Schema) -> Page:  # noqa: ANN401 - whatever JSON came
    """Return a page.

    Raises:
        OddPageError: Partial, not a page, or of a shape we do not know.
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
    # By id: a column may have been renamed since the schema was read.
    by_id = {value["id"]: name for name, value in properties.items()}
    names = {
        role: by_id[column.id]
        for role, column in schema.roles.items()
        if column.id in by_id and properties[by_id[column.id]]["type"] == column.type
    }
    values = {role: properties[name] for role, name in names.items()}
    said = {name: _property_text(value) for name, value in properties.items()}
    text = {role: said[name] for role, name in names.items()}
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
        prompt=text.get(Role.PROMPT, ""),
        post=text.get(Role.POST, ""),
        feedback=text.get(Role.FEEDBACK, ""),
        status=text.get(Role.STATUS, ""),
        note=text.get(Role.NOTE, ""),
        provider=text.get(Role.PROVIDER, ""),
        format=text.get(Role.FORMAT, ""),
        variants=int(variants) if variants is not None else None,
        alt=text.get(Role.ALT, ""),
        date=text.get(Role.DATE, ""),
        columns=_property_values(properties, said, schema, by_id),
    )


def _is_trashed(raw: Json) -> bool:
    return bool(raw.get("in_trash") or raw.get("is_archived") or raw.get("archived"))


def _has_moved(raw: Json, schema: Schema) -> bool:
    """Say whether a page was moved out of the source."""
    source = (raw.get("parent") or {}).get("data_source_id")
    if source is not None:
        return plain_id(source) != plain_id(schema.source)
    # Below a page: of a wiki it keeps the properties of its source.
    box = schema.roles.get(Role.REGENERATE)
    ids = {value["id"] for value in raw["properties"].values()}
    return box is not None and box.id not in ids


def _property_values(
    properties: Json, said: Mapping[str, str], schema: Schema, by_id: Mapping[str, str]
) -> dict[str, PropertyValue]:
    """Return every property that reads as text, by present and by configured name."""
    cells = {
        name: PropertyValue(
            type=value["type"], text=said[name], names=tuple(_option_names(value))
        )
        for name, value in properties.items()
        if value["type"] not in {"files", "relation", "button", "place"}
    }
    present = {name: by_id.get(column.id, "") for name, column in schema.named.items()}
    named = {name: cells[now] for name, now in present.items() if now in cells}
    return cells | named


def parse_time(text: str) -> datetime:
    """Return an aware datetime of Notion's ISO 8601."""
    return datetime.fromisoformat(text)


def _title_of(properties: Json) -> str:
    for value in properties.values():
        if value["type"] == "title":
            return " ".join(_property_text(value).split())
    return ""


def _files_of(value: Json) -> tuple[File, ...]:
    return tuple(
        File(
            name=str(one.get("name") or ""),
            raw={key: one[key] for key in _COPIED if key in one},
        )
        for one in value.get("files") or ()
    )


def _property_text(value: Json) -> str:
    """Return a property as text: what `only` compares and templates insert."""
    return _without_nul(_raw_text(value))


def _without_nul(text: str) -> str:
    """Return a text as databases keep it: what is seen again must equal it."""
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
            found = content or {}
            prefix = f"{found['prefix']}-" if found.get("prefix") else ""
            return f"{prefix}{found.get('number', '')}"
        case "people" | "created_by" | "last_edited_by":
            return ", ".join(_option_names(value))
    return ""


def _option_names(value: Json) -> list[str]:
    """Return the names that a property of several (or of one person) holds."""
    kind = value["type"]
    if kind not in {*LIST_TYPES, "created_by", "last_edited_by"}:
        return []
    content = value.get(kind) or []
    listed = content if isinstance(content, list) else [content]
    return [_without_nul(str(one.get("name") or "")) for one in listed]


def plain_number(value: float) -> str:
    """Return a number exactly, in plain decimals: 1234567, 0.0001, never 1e+06."""
    if isinstance(value, int):
        return str(value)
    # The shortest decimals that are this number; a whole one has no point.
    text = f"{Decimal(repr(value)):f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _computed_text(content: Json) -> str:
    kind = content.get("type")
    found = content.get(str(kind))
    match found:
        case None:
            return ""
        case bool():
            return "true" if found else "false"
        case int() | float():
            return plain_number(found)
        case str():
            return found
        case dict():
            return str(found.get("start") or "")
        case list():
            known = [one for one in found if isinstance(one, dict) and "type" in one]
            return ", ".join(filter(None, (_property_text(one) for one in known)))
    return ""
