"""The HTTP API of the pretend Notion, with the paths, bodies and errors of the real."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web

from daemon.pretend import data_sources, serializers
from daemon.pretend.errors import (
    ApiResponseError,
    error_for_status,
    not_found,
    parse_uuid,
    validation_error,
)
from daemon.pretend.middleware import VERSIONS, ApiMiddleware
from daemon.pretend.models import DataSource, FakePage, Json
from daemon.pretend.serializers import list_json
from daemon.pretend.workspace import Workspace

_PAGE_SIZE = 100
_MAX_BODY = 32 * 2**20


def notion_app(workspace: Workspace) -> web.Application:
    """Return an application with the API below /v1 and stored files below /files."""
    api, middleware = _ApiHandlers(workspace), ApiMiddleware(workspace)
    app = web.Application(client_max_size=_MAX_BODY)
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
        app.router.add_route(method, path, middleware.wrap_handler(handler))
    reject_unknown = middleware.wrap_handler(api.reject_unknown)
    app.router.add_route("*", "/v1/{rest:.*}", reject_unknown)
    return app


@dataclass(slots=True)
class _ApiHandlers:
    """The handlers of the API.

    Attributes:
        cursors: Page ids of a query, and the start of its next page, by cursor.
    """

    space: Workspace
    cursors: dict[str, tuple[list[str], int]] = field(default_factory=dict)

    async def reject_unknown(self, request: web.Request, body: Json) -> Json:
        del request, body
        raise ApiResponseError(400, "invalid_request_url", "Invalid request URL.")

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
        sources = _search(self.space, body)
        size, start = min(_page_size(body), _PAGE_SIZE), 0
        if (cursor := body.get("start_cursor")) is not None:
            _, start = self._resume(cursor)
        results = [
            serializers.data_source_json(self.space, source)
            for source in sources[start : start + size]
        ]
        page = list_json(results, "page_or_data_source")
        if start + size < len(sources):
            cursor = str(uuid.uuid4())
            self.cursors[cursor] = ([], start + size)
            page |= {"next_cursor": cursor, "has_more": True}
        return page

    async def get_database(self, request: web.Request, body: Json) -> Json:
        del body
        identifier = parse_uuid(request.match_info["id"], "database_id")
        for source in self.space.sources.values():
            if source.shared and source.database_id == identifier:
                return serializers.database_json(source, version=_api_version(request))
        raise not_found("database", identifier)

    def _find_source(self, request: web.Request) -> DataSource:
        identifier = parse_uuid(request.match_info["id"], "data_source_id")
        source = self.space.sources.get(identifier)
        if source is None or not source.shared:
            raise not_found("database", identifier)
        return source

    async def get_data_source(self, request: web.Request, body: Json) -> Json:
        del body
        return serializers.data_source_json(self.space, self._find_source(request))

    async def update_data_source(self, request: web.Request, body: Json) -> Json:
        source = self._find_source(request)
        data_sources.update_schema(self.space, source, body.get("properties") or {})
        return serializers.data_source_json(self.space, source)

    async def query_data_source(self, request: web.Request, body: Json) -> Json:
        source = self._find_source(request)
        size = _page_size(body)
        if self.space.slow_above is not None and size > self.space.slow_above:
            raise error_for_status(504)
        cursor = body.get("start_cursor")
        if cursor is None:
            cursor, page_ids = self._begin_query(source, body)
            start = 0
        else:
            page_ids, start = self._resume(cursor)
        end = start + min(size, _PAGE_SIZE)
        pages = [
            self._page_json(self.space.rows[page_id], request)
            for page_id in page_ids[start:end]
        ]
        response = list_json(pages, "page_or_data_source")
        response |= self._next_cursor(cursor, page_ids, end)
        if len(page_ids) >= self.space.query_cap:
            why = "query_result_limit_reached"
            response["request_status"] = {
                "type": "incomplete",
                "incomplete_reason": why,
            }
        return response

    def _resume(self, cursor: str) -> tuple[list[str], int]:
        if cursor not in self.cursors:
            raise validation_error(f"The start_cursor provided is invalid: {cursor}")
        return self.cursors[cursor]

    def _begin_query(self, source: DataSource, body: Json) -> tuple[str, list[str]]:
        matches = data_sources.build_filter(body.get("filter"), source.columns)
        pages = [
            page
            for page in self.space.pages_of(source.id)
            if not page.in_trash and matches(page)
        ]
        data_sources.sort_pages(pages, body.get("sorts") or (), source.columns)
        session = f"s:{secrets.token_hex(8)}"
        return session, [page.id for page in pages[: self.space.query_cap]]

    def _next_cursor(self, cursor: str, page_ids: list[str], end: int) -> Json:
        if end >= len(page_ids):
            return {"next_cursor": None, "has_more": False}
        session = cursor.rsplit(":", 1)[0] if cursor.count(":") > 1 else cursor
        next_cursor = f"{session}:{end}"
        self.cursors[next_cursor] = (page_ids, end)
        return {"next_cursor": next_cursor, "has_more": True}

    def _page_json(self, page: FakePage, request: web.Request) -> Json:
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
        results = [uploads.to_json(upload) for upload in uploads.files.values()]
        return list_json(
            [result for result in results if status in {None, result["status"]}],
            "file_upload",
        )

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
                content_type = part.headers.get("Content-Type", "")
                data = bytes(await part.read())
                upload_id = request.match_info["id"]
                return self.space.uploads.send(upload_id, content_type, data)
        raise validation_error("body failed validation: body.file should be a file.")

    async def serve_file(self, request: web.Request) -> web.Response:
        """Serve a stored file; a URL without a signature gets a 403."""
        stored = self.space.stored.get(request.match_info["key"])
        if stored is None or "X-Amz-Signature" not in request.query:
            return web.Response(status=403)
        headers = {"Cache-Control": "private, max-age=3600"}
        return web.Response(
            body=stored.data, content_type=stored.content_type, headers=headers
        )


def _search(space: Workspace, body: Json) -> list[DataSource]:
    """Return the data sources that POST /v1/search finds; it never returns pages."""
    search_filter = body.get("filter")
    if search_filter is not None and (
        not isinstance(search_filter, dict)
        or search_filter.get("property") != "object"
        or search_filter.get("value") not in {"data_source", "page"}
    ):
        raise validation_error("body failed validation: body.filter.value is wrong.")
    if search_filter is not None and search_filter["value"] == "page":
        return []
    text = str(body.get("query") or "").casefold()
    sources = space.sources.values()
    return [s for s in sources if s.shared and text in s.title.casefold()]


def _page_size(body: Json) -> int:
    size = body.get("page_size", _PAGE_SIZE)
    if not isinstance(size, int) or size < 1:
        raise validation_error(
            "body failed validation: body.page_size should be ≥ `1`, instead was "
            f"`{size}`."
        )
    return size


def _api_version(request: web.Request) -> str:
    return request.headers.get("Notion-Version", VERSIONS[0])


def _base_url(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"
