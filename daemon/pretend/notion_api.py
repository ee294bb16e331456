"""The pretend Notion's HTTP side: the same paths, bodies and errors as the API."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from daemon.pretend import query, shown, tables
from daemon.pretend.door import VERSIONS, Door
from daemon.pretend.refusals import (
    by_status,
    checked_uuid,
    invalid,
    invalid_url,
    not_found,
)
from daemon.pretend.rows import DataSource, Json
from daemon.pretend.shown import listing
from daemon.pretend.workspace import Workspace

_PAGE_SIZE = 100
_LARGEST = 32 * 2**20


def notion_app(workspace: Workspace) -> web.Application:
    """Return an application with /v1 and /files, to be run or mounted."""
    api, door = _Api(workspace), Door(workspace)
    app = web.Application(client_max_size=_LARGEST)
    app.router.add_get("/files/{key}/{name}", api.file)
    for method, path, handler in (
        ("GET", "/v1/users/me", api.me),
        ("POST", "/v1/search", api.search),
        ("GET", "/v1/databases/{id}", api.database),
        ("GET", "/v1/data_sources/{id}", api.data_source),
        ("PATCH", "/v1/data_sources/{id}", api.update_data_source),
        ("POST", "/v1/data_sources/{id}/query", api.query),
        ("GET", "/v1/pages/{id}", api.page),
        ("PATCH", "/v1/pages/{id}", api.update_page),
        ("POST", "/v1/file_uploads", api.create_upload),
        ("GET", "/v1/file_uploads", api.list_uploads),
        ("GET", "/v1/file_uploads/{id}", api.find_upload),
        ("POST", "/v1/file_uploads/{id}/send", api.send_upload),
    ):
        app.router.add_route(method, path, door.serve(handler))
    app.router.add_route("*", "/v1/{rest:.*}", door.serve(api.unknown))
    return app


@dataclass(slots=True)
class _Api:
    space: Workspace
    cursors: dict[str, tuple[list[str], int]] = field(default_factory=dict)

    async def unknown(self, request: web.Request, body: Json) -> Json:
        del request, body
        raise invalid_url()

    async def me(self, request: web.Request, body: Json) -> Json:
        del request, body
        return {
            "object": "user",
            "id": self.space.bot_id,
            "name": "postbrush",
            "avatar_url": None,
            "type": "bot",
            "bot": {
                "owner": {"type": "workspace", "workspace": True},
                "workspace_name": self.space.name,
                "workspace_limits": {
                    "max_file_upload_size_in_bytes": self.space.upload_limit
                },
                "workspace_id": "6b3d0b6f-3b8e-4c0e-9d6b-1c2d3e4f5a6b",
            },
        }

    async def search(self, request: web.Request, body: Json) -> Json:
        del request
        found = tables.search(self.space, body)
        size, start = min(body.get("page_size", _PAGE_SIZE), _PAGE_SIZE), 0
        if (cursor := body.get("start_cursor")) is not None:
            if cursor not in self.cursors:
                raise invalid(f"The start_cursor provided is invalid: {cursor}")
            _, start = self.cursors[cursor]
        results = [
            shown.data_source(self.space, one) for one in found[start : start + size]
        ]
        answer = listing(results, "page_or_data_source")
        if start + size < len(found):
            cursor = str(uuid.uuid4())
            self.cursors[cursor] = ([], start + size)
            answer |= {"next_cursor": cursor, "has_more": True}
        return answer

    async def database(self, request: web.Request, body: Json) -> Json:
        del body
        identifier = checked_uuid(request.match_info["id"], "database_id")
        for one in self.space.sources.values():
            if one.shared and one.database_id == identifier:
                return shown.database(one, version=_version(request))
        raise not_found("database", identifier)

    def _source(self, request: web.Request) -> DataSource:
        identifier = checked_uuid(request.match_info["id"], "data_source_id")
        found = self.space.sources.get(identifier)
        if found is None or not found.shared:
            raise not_found("database", identifier)
        return found

    async def data_source(self, request: web.Request, body: Json) -> Json:
        del body
        return shown.data_source(self.space, self._source(request))

    async def update_data_source(self, request: web.Request, body: Json) -> Json:
        source = self._source(request)
        tables.change(self.space, source, body.get("properties") or {})
        return shown.data_source(self.space, source)

    async def query(self, request: web.Request, body: Json) -> Json:
        source = self._source(request)
        size = body.get("page_size", _PAGE_SIZE)
        if not isinstance(size, int) or size < 1:
            raise invalid(
                "body failed validation: body.page_size should be ≥ `1`, instead was "
                f"`{size}`."
            )
        if self.space.slow_above is not None and size > self.space.slow_above:
            raise by_status(504)
        cursor = body.get("start_cursor")
        if cursor is None:
            cursor, found = self._begin(source, body)
            place = 0
        elif cursor in self.cursors:
            found, place = self.cursors[cursor]
        else:
            raise invalid(f"The start_cursor provided is invalid: {cursor}")
        end = place + min(size, _PAGE_SIZE)
        rows = [self.space.rows[one] for one in found[place:end]]
        shown = [self._page(one, request) for one in rows]
        capped = len(found) >= self.space.query_cap
        answer = listing(shown, "page_or_data_source") | self._rest(cursor, found, end)
        if capped:
            why = "query_result_limit_reached"
            answer["request_status"] = {"type": "incomplete", "incomplete_reason": why}
        return answer

    def _begin(self, source: DataSource, body: Json) -> tuple[str, list[str]]:
        test = query.predicate(body.get("filter"), source.columns)
        rows = self.space.pages_of(source.id)
        found = [row for row in rows if not row.in_trash and test(row)]
        query.ordered(found, body.get("sorts") or (), source.columns)
        session = f"s:{secrets.token_hex(8)}"
        return session, [row.id for row in found[: self.space.query_cap]]

    def _rest(self, cursor: str, found: list[str], end: int) -> Json:
        if end >= len(found):
            return {"next_cursor": None, "has_more": False}
        session = cursor.rsplit(":", 1)[0] if cursor.count(":") > 1 else cursor
        following = f"{session}:{end}"
        self.cursors[following] = (found, end)
        return {"next_cursor": following, "has_more": True}

    def _page(self, page: Any, request: web.Request) -> Json:  # noqa: ANN401 - a row
        return shown.page(self.space, page, _base(request), version=_version(request))

    async def page(self, request: web.Request, body: Json) -> Json:
        del body
        return self._page(self.space.reachable(request.match_info["id"]), request)

    async def update_page(self, request: web.Request, body: Json) -> Json:
        return self._page(self.space.update(request.match_info["id"], body), request)

    async def create_upload(self, request: web.Request, body: Json) -> Json:
        return self.space.uploads.create(body, _base(request))

    async def find_upload(self, request: web.Request, body: Json) -> Json:
        del body
        uploads = self.space.uploads
        return uploads.shown(uploads.find(request.match_info["id"]))

    async def list_uploads(self, request: web.Request, body: Json) -> Json:
        del body
        uploads, status = self.space.uploads, request.query.get("status")
        shown = [uploads.shown(one) for one in uploads.files.values()]
        chosen = [one for one in shown if status in {None, one["status"]}]
        return listing(chosen, "file_upload")

    async def send_upload(self, request: web.Request, body: Json) -> Json:
        del body
        if not request.content_type.startswith("multipart/"):
            raise invalid("body failed validation: body.file should be defined.")
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "file" and part.filename:
                kind, data = part.headers.get("Content-Type", ""), await part.read()
                key = request.match_info["id"]
                return self.space.uploads.send(key, kind, bytes(data))
        raise invalid("body failed validation: body.file should be a file.")

    async def file(self, request: web.Request) -> web.Response:
        """Serve a stored file; without a signature it is forbidden."""
        stored = self.space.stored.get(request.match_info["key"])
        if stored is None or "X-Amz-Signature" not in request.query:
            return web.Response(status=403)
        kind = "image/png" if stored.data.startswith(b"\x89PNG") else "image/jpeg"
        headers = {"Cache-Control": "private, max-age=3600"}
        return web.Response(body=stored.data, content_type=kind, headers=headers)


def _version(request: web.Request) -> str:
    return request.headers.get("Notion-Version", VERSIONS[0])


def _base(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"
