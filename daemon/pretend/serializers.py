"""Notion's objects as JSON of the API."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from daemon.pretend.models import (
    DataSource,
    FakePage,
    FakeProperty,
    Json,
    empty_value,
    rich_text,
    to_plain,
)
from daemon.pretend.uploads import floor_to_minute, iso_time
from daemon.pretend.workspace import PERSON, Workspace

_URL_LIFETIME = timedelta(hours=1)


def page_json(space: Workspace, row: FakePage, base: str, *, version: str) -> Json:
    """Return a page as JSON of an API version; *base* is the URL of its files."""
    source = space.sources[row.source]
    cover = _file_json(space, row.cover, base) if row.cover else None
    if cover is not None:
        cover.pop("name", None)
    title = "-".join(to_plain("title", row.values.get("title") or []).split())[:40]
    short_id = row.id.replace("-", "")
    body: Json = {
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
            column.name: {
                "id": column.id,
                "type": column.type,
                column.type: _property_value(space, column, row, base),
            }
            for column in source.columns.values()
        },
        "url": f"https://app.notion.com/p/{title + '-' if title else ''}{short_id}",
        "public_url": None,
    }
    return _with_version_fields(body, version)


def _with_version_fields(body: Json, version: str) -> Json:
    """Add the field that API versions before 2026 have."""
    return body | {"archived": body["in_trash"]} if version < "2026" else body


def _property_value(
    space: Workspace, column: FakeProperty, page: FakePage, base: str
) -> Any:  # noqa: ANN401 - JSON
    value = page.values.get(column.id, empty_value(column.type))
    if column.type == "files":
        return [_file_json(space, file, base) for file in value]
    return value


def _file_json(space: Workspace, stored: Json, base: str) -> Json:
    """Return a file as JSON; its signed URL differs at every read, as in Notion."""
    if "external" in stored:
        external = stored["external"]
        return {"name": stored["name"], "type": "external", "external": external}
    file = space.stored[stored["key"]]
    return {
        "name": stored["name"],
        "type": "file",
        "file": {
            "url": f"{base}/files/{file.key}/{file.filename}?X-Amz-Expires=3600"
            f"&X-Amz-Signature={secrets.token_hex(16)}",
            "expiry_time": iso_time(space.now() + _URL_LIFETIME),
        },
    }


def data_source_json(space: Workspace, source: DataSource) -> Json:
    """Return a data source with its schema as JSON."""
    created = iso_time(floor_to_minute(source.created_at))
    bot = {"object": "user", "id": space.bot_id}
    short_id = source.database_id.replace("-", "")
    return {
        "object": "data_source",
        "id": source.id,
        "cover": None,
        "icon": None,
        "created_time": created,
        "created_by": bot,
        "last_edited_by": bot,
        "last_edited_time": created,
        "title": rich_text(source.title),
        "description": [],
        "is_inline": False,
        "properties": {c.name: c.schema_json() for c in source.columns.values()},
        "parent": {"type": "database_id", "database_id": source.database_id},
        "database_parent": {"type": "workspace", "workspace": True},
        "url": f"https://www.notion.so/{short_id}",
        "public_url": None,
        "archived": False,
        "in_trash": False,
    }


def database_json(source: DataSource, *, version: str) -> Json:
    """Return the database of a data source as JSON of an API version."""
    short_id = source.database_id.replace("-", "")
    body = {
        "object": "database",
        "id": source.database_id,
        "title": rich_text(source.title),
        "description": [],
        "parent": {"type": "workspace", "workspace": True},
        "is_inline": False,
        "in_trash": False,
        "is_locked": False,
        "created_time": iso_time(source.created_at),
        "last_edited_time": iso_time(source.created_at),
        "data_sources": [{"id": source.id, "name": source.title}],
        "icon": None,
        "cover": None,
        "url": f"https://www.notion.so/{short_id}",
        "public_url": None,
    }
    return _with_version_fields(body, version)


def list_json(results: list[Json], kind: str) -> Json:
    """Return a list of *results* as JSON, without a next page."""
    return {
        "object": "list",
        "results": results,
        "next_cursor": None,
        "has_more": False,
        "type": kind,
        kind: {},
    }
