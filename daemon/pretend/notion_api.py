"""The pretend Notion's HTTP side: the same paths, bodies and errors as the API."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from daemon.pretend import query, schema, serializers
from daemon.pretend.errors import (
    error_for_status,
    invalid_url,
    not_found,
    parse_uuid,
    validation_error,
)
from daemon.pretend.middleware import VERSIONS, ApiMiddleware
from daemon.pretend.models import DataSource, Json
from daemon.pretend.serializers import list_json
from daemon.pretend.workspace import Workspace

_PAGE_SIZE = 100
_LARGEST = 32 * 2**20


def notion_app(workspace: Workspace) -> web.Application:
    """Return an application with /v1 and /files, to be run or mounted."""
    api, door = _ApiHandlers(workspace), ApiMiddleware(workspace)
    app = web.Application(client_max_size=_LARGEST)
    app.router.add_get("/files/{key}/{name}", api.serve_file)
    for method, path, handler in (
        ("GET", "/v1/users/me", api.get_me),
        ("POST", "/v1/search", api.search_data_sources),
        ("GET", "/v1/databases/{id}", api.get_database),
        ("GET", "/v1/data_sources/{id}", api.get_data_source),
        ("PATCH", "/v1/data_sources/{id}", api.update_data_source),
        ("POST", "/v1/data_sources/{id}/query", api.query_data_source),
        ("GET", "/v1/pages/{id}", api.get_page),
        ("PATCH", "/v1/pages/{id}", api.update_page),
        ("POST", "/v1/file_uploads", api.create_upload),
        ("GET", "/v1/file_uploads", api.list_uploads),
        ("GET", "/v1/file_uploads/{id}", api.get_upload),
        ("POST", "/v1/file_uploads/{id}/send", api.send_upload),
    ):
        app.router.add_route(method, path, door.wrap_handler(handler))
    app.router.add_route("*", "/v1/{rest:.*}", door.wrap_handler(api.reject_unknown))
    return app


@dataclass(slots=True)
class _ApiHandlers:
    space: Workspace
    cursors: dict[str, tuple[list[str], int]] = field(default_factory=dict)

    async def reject_unknown(self, request: web.Request, body: Json) -> Json:
        del request, body
        raise invalid_url()

    async def get_me(self, request: web.Request, body: Json) -> Json:
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

    async def search_data_sources(self, request: web.Request, body: Json) -> Json:
        del request
        found = schema.search_data_sources(self.space, body)
        size, start = min(body.get("page_size", _PAGE_SIZE), _PAGE_SIZE), 0
        if (cursor := body.get("start_cursor")) is not None:
            if cursor not in self.cursors:
                raise validation_error(
                    f"The start_cursor provided is invalid: {cursor}"
                )
            _, start = self.cursors[cursor]
        results = [
            serializers.data_source_json(self.space, one)
            for one in found[start : start + size]
        ]
        answer = list_json(results, "page_or_data_source")
        if start + size < len(found):
            cursor = str(uuid.uuid4())
            self.cursors[cursor] = ([], start + size)
            answer |= {"next_cursor": cursor, "has_more": True}
        return answer

    async def get_database(self, request: web.Request, body: Json) -> Json:
        del body
        identifier = parse_uuid(request.match_info["id"], "database_id")
        for one in self.space.sources.values():
            if one.shared and one.database_id == identifier:
                return serializers.database_json(one, version=_api_version(request))
        raise not_found("database", identifier)

    def _find_source(self, request: web.Request) -> DataSource:
        identifier = parse_uuid(request.match_info["id"], "data_source_id")
        found = self.space.sources.get(identifier)
        if found is None or not found.shared:
            raise not_found("database", identifier)
        return found

    async def get_data_source(self, request: web.Request, body: Json) -> Json:
        del body
        return serializers.data_source_json(self.space, self._find_source(request))

    async def update_data_source(self, request: web.Request, body: Json) -> Json:
        source = self._find_source(request)
        schema.update_schema(self.space, source, body.get("properties") or {})
        return serializers.data_source_json(self.space, source)

    async def query_data_source(self, request: web.Request, body: Json) -> Json:
        source = self._find_source(request)
        size = body.get("page_size", _PAGE_SIZE)
        if not isinstance(size, int) or size < 1:
            raise validation_error(
                "body failed validation: body.page_size should be ≥ `1`, instead was "
                f"`{size}`."
            )
        if self.space.slow_above is not None and size > self.space.slow_above:
            raise error_for_status(504)
        cursor = body.get("start_cursor")
        if cursor is None:
            cursor, found = self._begin_query(source, body)
            place = 0
        elif cursor in self.cursors:
            found, place = self.cursors[cursor]
        else:
            raise validation_error(f"The start_cursor provided is invalid: {cursor}")
        end = place + min(size, _PAGE_SIZE)
        rows = [self.space.rows[one] for one in found[place:end]]
        shown = [self._page_json(one, request) for one in rows]
        capped = len(found) >= self.space.query_cap
        answer = list_json(shown, "page_or_data_source") | self._next_cursor(
            cursor, found, end
        )
        if capped:
            why = "query_result_limit_reached"
            answer["request_status"] = {"type": "incomplete", "incomplete_reason": why}
        return answer

    def _begin_query(self, source: DataSource, body: Json) -> tuple[str, list[str]]:
        test = query.build_filter(body.get("filter"), source.columns)
        rows = self.space.pages_of(source.id)
        found = [row for row in rows if not row.in_trash and test(row)]
        query.sort_pages(found, body.get("sorts") or (), source.columns)
        session = f"s:{secrets.token_hex(8)}"
        return session, [row.id for row in found[: self.space.query_cap]]

    def _next_cursor(self, cursor: str, found: list[str], end: int) -> Json:
        if end >= len(found):
            return {"next_cursor": None, "has_more": False}
        session = cursor.rsplit(":", 1)[0] if cursor.count(":") > 1 else cursor
        following = f"{session}:{end}"
        self.cursors[following] = (found, end)
        return {"next_cursor": following, "has_more": True}

    def _page_json(self, page: Any, request: web.Request) -> Json:  # noqa: ANN401 - a row
        return serializers.page_json(
            self.space, page, _base_url(request), version=_api_version(request)
        )

    async def get_page(self, request: web.Request, body: Json) -> Json:
        del body
        return self._page_json(
            self.space.get_visible_page(request.match_info["id"]), request
        )

    async def update_page(self, request: web.Request, body: Json) -> Json:
        return self._page_json(
            self.space.update_page(request.match_info["id"], body), request
        )

    async def create_upload(self, request: web.Request, body: Json) -> Json:
        return self.space.uploads.create(body, _base_url(request))

    async def get_upload(self, request: web.Request, body: Json) -> Json:
        del body
        uploads = self.space.uploads
        return uploads.to_json(uploads.find(request.match_info["id"]))

    async def list_uploads(self, request: web.Request, body: Json) -> Json:
        del body
        uploads, status = self.space.uploads, request.query.get("status")
        shown = [uploads.to_json(one) for one in uploads.files.values()]
        chosen = [one for one in shown if status in {None, one["status"]}]
        return list_json(chosen, "file_upload")

    async def send_upload(self, request: web.Request, body: Json) -> Json:
        del body
        if not request.content_type.startswith("multipart/"):
            raise validation_error(
                "body failed validation: body.file should be defined."
            )
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "file" and part.filename:
                kind, data = part.headers.get("Content-Type", ""), await part.read()
                key = request.match_info["id"]
                return self.space.uploads.send(key, kind, bytes(data))
        raise validation_error("body failed validation: body.file should be a file.")

    async def serve_file(self, request: web.Request) -> web.Response:
        """Serve a stored file; without a signature it is forbidden."""
        stored = self.space.stored.get(request.match_info["key"])
        if stored is None or "X-Amz-Signature" not in request.query:
            return web.Response(status=403)
        kind = "image/png" if stored.data.startswith(b"\x89PNG") else "image/jpeg"
        headers = {"Cache-Control": "private, max-age=3600"}
        return web.Response(body=stored.data, content_type=kind, headers=headers)


def _api_version(request: web.Request) -> str:
    return request.headers.get("Notion-Version", VERSIONS[0])


def _base_url(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"
