"""How Notion shows its objects to a client: the JSON of the API."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from daemon.pretend.models import DataSource, FakePage, Json
from daemon.pretend.uploads import floor_to_minute, iso_time
from daemon.pretend.values import FakeProperty, empty_value, rich_text, to_plain
from daemon.pretend.workspace import PERSON, Workspace

_SIGNED_FOR = timedelta(hours=1)


def page_json(space: Workspace, row: FakePage, base: str, *, version: str) -> Json:
    """Return a page as Notion shows it to a client at *base*."""
    source = space.sources[row.source]
    cover = _file_json(space, row.cover, base) if row.cover else None
    if cover is not None:
        cover.pop("name", None)
    title = "-".join(str(_title_of(row)).split())[:40]
    plain = row.id.replace("-", "")
    raw: Json = {
        "object": "page",
        "id": row.id,
        "created_time": iso_time(floor_to_minute(row.created_at)),
        "last_edited_time": iso_time(floor_to_minute(row.edited_at)),
        "created_by": {"object": "user", "id": PERSON},
        "last_edited_by": {"object": "user", "id": row.edited_by},
        "cover": cover,
        "icon": None,
        "parent": {
            "type": "data_source_id",
            "data_source_id": source.id,
            "database_id": source.database_id,
        },
        "in_trash": row.in_trash,
        "is_archived": False,
        "is_locked": False,
        "properties": {
            one.name: {
                "id": one.id,
                "type": one.type,
                one.type: _property_value(space, one, row, base),
            }
            for one in source.columns.values()
        },
        "url": f"https://app.notion.com/p/{title + '-' if title else ''}{plain}",
        "public_url": None,
    }
    return _with_version_fields(raw, version)


def _with_version_fields(raw: Json, version: str) -> Json:
    """Add what an older API version still answers."""
    return raw | {"archived": raw["in_trash"]} if version < "2026" else raw


def _title_of(page: FakePage) -> str:
    return str(to_plain("title", page.values.get("title") or []))


def _property_value(
    space: Workspace, column: FakeProperty, page: FakePage, base: str
) -> Any:  # noqa: ANN401 - JSON
    value = page.values.get(column.id, empty_value(column.type))
    if column.type == "files":
        return [_file_json(space, one, base) for one in value]
    return value


def _file_json(space: Workspace, stored: Json, base: str) -> Json:
    """A signed address that is another one at every read, as in Notion."""
    if "external" in stored:
        return {
            "name": stored["name"],
            "type": "external",
            "external": stored["external"],
        }
    file = space.stored[stored["key"]]
    expiry = space.now() + _SIGNED_FOR
    signature = secrets.token_hex(16)
    return {
        "name": stored["name"],
        "type": "file",
        "file": {
            "url": f"{base}/files/{file.key}/{file.filename}?X-Amz-Expires=3600"
            f"&X-Amz-Signature={signature}",
            "expiry_time": iso_time(expiry),
        },
    }


def data_source_json(space: Workspace, source: DataSource) -> Json:
    """Return a data source with its columns."""
    created = iso_time(floor_to_minute(source.created_at))
    by = {"object": "user", "id": space.bot_id}
    plain = source.database_id.replace("-", "")
    return {
        "object": "data_source",
        "id": source.id,
        "cover": None,
        "icon": None,
        "created_time": created,
        "created_by": by,
        "last_edited_by": by,
        "last_edited_time": created,
        "title": rich_text(source.title),
        "description": [],
        "is_inline": False,
        "properties": {one.name: one.schema_json() for one in source.columns.values()},
        "parent": {"type": "database_id", "database_id": source.database_id},
        "database_parent": {"type": "workspace", "workspace": True},
        "url": f"https://www.notion.so/{plain}",
        "public_url": None,
        "archived": False,
        "in_trash": False,
    }


def database_json(one: DataSource, *, version: str) -> Json:
    """Return the database around a data source."""
    identifier = one.database_id.replace("-", "")
    raw = {
        "object": "database",
        "id": one.database_id,
        "title": rich_text(one.title),
        "description": [],
        "parent": {"type": "workspace", "workspace": True},
        "is_inline": False,
        "in_trash": False,
        "is_locked": False,
        "created_time": iso_time(one.created_at),
        "last_edited_time": iso_time(one.created_at),
        "data_sources": [{"id": one.id, "name": one.title}],
        "icon": None,
        "cover": None,
        "url": f"https://www.notion.so/{identifier}",
        "public_url": None,
    }
    return _with_version_fields(raw, version)


def list_json(results: list[Json], kind: str) -> Json:
    """Return a list that ends here."""
    return {
        "object": "list",
        "results": results,
        "next_cursor": None,
        "has_more": False,
        "type": kind,
        kind: {},
    }
