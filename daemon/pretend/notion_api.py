"""The pretend Notion's HTTP side: the same paths, bodies and errors as the API."""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from daemon.pretend import query
from daemon.pretend.faults import Fault, Request
from daemon.pretend.refusals import (
    RefusalError,
    bad_token,
    by_status,
    invalid,
    invalid_url,
    missing_version,
    not_found,
    too_fast,
)
from daemon.pretend.uploads import iso, minute
from daemon.pretend.values import Column, rich_text
from daemon.pretend.workspace import DataSource, Workspace

Json = dict[str, Any]
Handler = Callable[[web.Request, Json], Awaitable[Json]]

VERSIONS = ("2025-09-03", "2026-03-11")
_PAGE_SIZE = 100
_WINDOW = timedelta(seconds=60)
_LARGEST = 32 * 2**20


def notion_app(workspace: Workspace) -> web.Application:
    """Return an application with /v1 and /files, to be run or mounted."""
    api = _Api(workspace)
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
        app.router.add_route(method, path, api.serve(handler))
    app.router.add_route("*", "/v1/{rest:.*}", api.serve(api.unknown))
    return app


@dataclass(slots=True)
class _Api:
    space: Workspace
    times: deque[datetime] = field(default_factory=deque)
    cursors: dict[str, tuple[list[str], int]] = field(default_factory=dict)

    def serve(
        self, handler: Handler
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            body = await _json(request)
            fault = self.space.faults.take(request.method, request.path)
            if fault is not None and fault.delay:
                await asyncio.sleep(fault.delay)
            if fault is not None and not fault.after:
                return self._faulty(request, fault, body)
            response = await self._answered(request, body, handler)
            if fault is not None:
                return self._faulty(request, fault, None)
            return response

        return answer

    async def _answered(
        self, request: web.Request, body: Json, handler: Handler
    ) -> web.Response:
        try:
            self._check(request)
            data = await handler(request, body)
            return self._respond(request, 200, data, body)
        except RefusalError as refusal:
            return self._refuse(request, refusal, body)

    def _check(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.space.token}":
            raise bad_token()
        version = request.headers.get("Notion-Version")
        if version not in VERSIONS:
            raise missing_version(version)
        if self.space.requests_per_minute is None:
            return
        now = self.space.now()
        while self.times and now - self.times[0] >= _WINDOW:
            self.times.popleft()
        if len(self.times) >= self.space.requests_per_minute:
            left = (self.times[0] + _WINDOW - now).total_seconds()
            raise too_fast(max(1, -int(-left // 1)))
        self.times.append(now)

    def _respond(
        self,
        request: web.Request,
        status: int,
        data: Json,
        body: object,
    ) -> web.Response:
        request_id = str(uuid.uuid4())
        self._note(request, status, body)
        return web.json_response(
            {**data, "request_id": request_id},
            status=status,
            headers={"x-notion-request-id": request_id},
        )

    def _refuse(
        self, request: web.Request, refusal: RefusalError, body: object
    ) -> web.Response:
        request_id = str(uuid.uuid4())
        self._note(request, refusal.status, body)
        headers = {"x-notion-request-id": request_id}
        if refusal.retry_after is not None:
            headers["Retry-After"] = str(refusal.retry_after)
        return web.json_response(
            refusal.body(request_id), status=refusal.status, headers=headers
        )

    def _faulty(self, request: web.Request, fault: Fault, body: object) -> web.Response:
        if fault.drop:
            self._note(request, 0, body)
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        if fault.html:
            self._note(request, fault.status, body)
            page = "<html><body><h1>502 Bad Gateway</h1>cf-ray</body></html>"
            return web.Response(
                text=page, status=fault.status, content_type="text/html"
            )
        if fault.body is not None:
            self._note(request, fault.status, body)
            return web.json_response(fault.body, status=fault.status)
        if fault.status == 429:  # noqa: PLR2004 - Too Many Requests
            return self._refuse(request, too_fast(fault.retry_after or 1), body)
        refusal = by_status(fault.status)
        refusal.retry_after = fault.retry_after
        return self._refuse(request, refusal, body)

    def _note(self, request: web.Request, status: int, body: object) -> None:
        self.space.requests.append(
            Request(
                method=request.method,
                path=request.path,
                status=status,
                at=self.space.now(),
                body=body,
            )
        )

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
        wanted = (body.get("filter") or {}).get("value")
        if wanted not in {None, "data_source", "page"}:
            raise invalid("body failed validation: body.filter.value is wrong.")
        found = [one for one in self.space.sources.values() if one.shared]
        results = [self._shown(one) for one in found] if wanted != "page" else []
        return _list(results, "page_or_data_source")

    async def database(self, request: web.Request, body: Json) -> Json:
        del body
        identifier = request.match_info["id"].replace("-", "")
        for one in self.space.sources.values():
            if one.shared and one.database_id.replace("-", "") == identifier:
                return {
                    "object": "database",
                    "id": one.database_id,
                    "title": rich_text(one.title),
                    "description": [],
                    "parent": {"type": "workspace", "workspace": True},
                    "is_inline": False,
                    "in_trash": False,
                    "is_locked": False,
                    "created_time": iso(one.created_at),
                    "last_edited_time": iso(one.created_at),
                    "data_sources": [{"id": one.id, "name": one.title}],
                    "icon": None,
                    "cover": None,
                    "url": f"https://www.notion.so/{identifier}",
                    "public_url": None,
                }
        raise not_found("database", request.match_info["id"])

    def _source(self, request: web.Request) -> DataSource:
        identifier = request.match_info["id"]
        for one in self.space.sources.values():
            if one.shared and one.id.replace("-", "") == identifier.replace("-", ""):
                return one
        raise not_found("data_source", identifier)

    async def data_source(self, request: web.Request, body: Json) -> Json:
        del body
        return self._shown(self._source(request))

    def _shown(self, source: DataSource) -> Json:
        created = iso(minute(source.created_at))
        by = {"object": "user", "id": self.space.bot_id}
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
            "properties": {
                one.name: one.described() for one in source.columns.values()
            },
            "parent": {"type": "database_id", "database_id": source.database_id},
            "database_parent": {"type": "workspace", "workspace": True},
            "url": f"https://www.notion.so/{plain}",
            "public_url": None,
            "archived": False,
            "in_trash": False,
        }

    async def update_data_source(self, request: web.Request, body: Json) -> Json:
        source = self._source(request)
        for key, config in (body.get("properties") or {}).items():
            self._change_column(source, key, config)
        return self._shown(source)

    def _change_column(self, source: DataSource, key: str, config: Json | None) -> None:
        found = next(
            (one for one in source.columns.values() if key in {one.id, one.name}), None
        )
        if config is None and found is not None:
            self.space.remove_column(source.id, found.name)
        elif found is not None and config is not None and set(config) == {"name"}:
            self.space.rename_column(source.id, found.name, config["name"])
        elif found is None and isinstance(config, dict):
            kind = config.get("type") or next(iter(config))
            column = Column(secrets.token_hex(2), key, kind)
            for option in (config.get(kind) or {}).get("options") or ():
                column.add_option(option["name"])
            source.columns[key] = column
        else:
            raise invalid(f"body failed validation: body.properties.{key} is wrong.")

    async def query(self, request: web.Request, body: Json) -> Json:
        source = self._source(request)
        size = body.get("page_size", _PAGE_SIZE)
        if not isinstance(size, int) or size < 1:
            raise invalid(
                "body failed validation: body.page_size should be ≥ `1`, instead was "
                f"`{size}`."
            )
        cursor = body.get("start_cursor")
        if cursor is None:
            cursor, found = self._begin(source, body, request)
            place = 0
        elif cursor in self.cursors:
            found, place = self.cursors[cursor]
        else:
            raise invalid(f"The start_cursor provided is invalid: {cursor}")
        end = place + min(size, _PAGE_SIZE)
        rows = [self.space.rows[one] for one in found[place:end]]
        shown = [self._page(one, request) for one in rows]
        capped = len(found) >= self.space.query_cap
        answer = _list(shown, "page_or_data_source") | self._rest(cursor, found, end)
        if capped:
            why = "query_result_limit_reached"
            answer["request_status"] = {"type": "incomplete", "incomplete_reason": why}
        return answer

    def _begin(
        self, source: DataSource, body: Json, request: web.Request
    ) -> tuple[str, list[str]]:
        test = query.predicate(body.get("filter"), source.columns)
        rows = [
            self._page(one, request)
            for one in self.space.pages_of(source.id)
            if not one.in_trash
        ]
        found = [row for row in rows if test(row)]
        query.ordered(found, body.get("sorts") or (), source.columns)
        session = f"s:{secrets.token_hex(8)}"
        return session, [row["id"] for row in found[: self.space.query_cap]]

    def _rest(self, cursor: str, found: list[str], end: int) -> Json:
        if end >= len(found):
            return {"next_cursor": None, "has_more": False}
        session = cursor.rsplit(":", 1)[0] if cursor.count(":") > 1 else cursor
        following = f"{session}:{end}"
        self.cursors[following] = (found, end)
        return {"next_cursor": following, "has_more": True}

    def expire_cursors(self) -> None:
        """Make every cursor stale."""
        self.cursors.clear()

    def _page(self, page: Any, request: web.Request) -> Json:  # noqa: ANN401 - a row
        version = request.headers.get("Notion-Version", VERSIONS[0])
        return self.space.shown(page, _base(request), version=version)

    async def page(self, request: web.Request, body: Json) -> Json:
        del body
        return self._page(self.space.row(request.match_info["id"]), request)

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
        return _list(chosen, "file_upload")

    async def send_upload(self, request: web.Request, body: Json) -> Json:
        del body
        if not request.content_type.startswith("multipart/"):
            raise invalid("body failed validation: body.file should be defined.")
        form = await request.post()
        part = form.get("file")
        if not isinstance(part, web.FileField):
            raise invalid("body failed validation: body.file should be a file.")
        data = part.file.read()
        return self.space.uploads.send(
            request.match_info["id"], part.content_type, data
        )

    async def file(self, request: web.Request) -> web.Response:
        """Serve a stored file; without a signature it is forbidden."""
        stored = self.space.stored.get(request.match_info["key"])
        if stored is None or "X-Amz-Signature" not in request.query:
            return web.Response(status=403)
        kind = "image/png" if stored.data.startswith(b"\x89PNG") else "image/jpeg"
        headers = {"Cache-Control": "private, max-age=3600"}
        return web.Response(body=stored.data, content_type=kind, headers=headers)


async def _json(request: web.Request) -> Json:
    if request.content_type != "application/json" or not request.can_read_body:
        return {}
    try:
        body = json.loads(await request.read())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _base(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"


def _list(results: list[Json], kind: str) -> Json:
    return {
        "object": "list",
        "results": results,
        "next_cursor": None,
        "has_more": False,
        "type": kind,
        kind: {},
    }
