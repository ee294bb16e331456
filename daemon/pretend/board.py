"""The demo's page: the posts as a table, and switches for the image service.

Every change of a post is an edit by a person in the pretend Notion, so that the daemon
sees it as it would in the real one.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web

from daemon.pretend.errors import ApiResponseError

if TYPE_CHECKING:
    from daemon.pretend.server import FakeServer

#: Package, file and content type by path; `page.css` is that of the web interface.
_STATIC = {
    "/": ("daemon.pretend", "page/index.html", "text/html"),
    "/board.css": ("daemon.pretend", "page/board.css", "text/css"),
    "/board.js": ("daemon.pretend", "page/board.js", "text/javascript"),
    "/page.css": ("daemon.web", "static/page.css", "text/css"),
    "/icon.svg": ("daemon.web", "static/icon.svg", "image/svg+xml"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_EDITABLE = ("Name", "Post", "Image prompt", "Image feedback", "Format")
#: Seconds after which a long poll is answered without a change.
_POLL_SECONDS = 25.0
#: Characters of a text that the page can store.
_MAX_TEXT = 2000

Action = Callable[["FakeServer", dict[str, Any]], Awaitable[None]]


def board_routes(app: web.Application, server: FakeServer) -> None:
    """Add the page, its data and its actions to *app*."""
    board = _Board(server)
    for path in _STATIC:
        app.router.add_get(path, board.serve_static)
    app.router.add_get("/board/state", board.serve_state)
    app.router.add_get("/picture/{key}", board.serve_picture)
    for name, action in _ACTIONS.items():
        app.router.add_post(f"/board/{name}", board.action_handler(action))


class _Board:
    def __init__(self, server: FakeServer) -> None:
        self._server = server

    async def serve_static(self, request: web.Request) -> web.Response:
        package, name, content_type = _STATIC[request.path]
        text = files(package).joinpath(name).read_text("utf-8")
        return web.Response(text=text, content_type=content_type, headers=_HEADERS)

    async def serve_state(self, request: web.Request) -> web.Response:
        """Return the state of the page, once its version differs from `since`."""
        try:
            since = int(request.query.get("since", "-1"))
        except ValueError:
            since = -1
        version = await self._server.workspace.wait_changed(since, _POLL_SECONDS)
        data = {"version": version, **_board_state(self._server)}
        return web.json_response(data, headers=_HEADERS)

    async def serve_picture(self, request: web.Request) -> web.Response:
        stored = self._server.workspace.stored.get(request.match_info["key"])
        if stored is None:
            return web.Response(status=404)
        headers = _HEADERS | {"Cache-Control": "private, max-age=86400"}
        return web.Response(
            body=stored.data, content_type=stored.content_type, headers=headers
        )

    def action_handler(
        self, action: Action
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def respond(request: web.Request) -> web.Response:
            if not _is_same_origin(request):
                return web.json_response({"error": "not from this page"}, status=403)
            try:
                body = json.loads(await request.read() or b"{}")
                await action(self._server, dict(body))
            except (ValueError, KeyError, TypeError, ApiResponseError):
                return web.json_response({"error": "not understood"}, status=400)
            return web.json_response({"ok": True}, headers=_HEADERS)

        return respond


def _is_same_origin(request: web.Request) -> bool:
    """Return whether a request comes from the board, not from another origin's page."""
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site") not in {None, "same-origin", "none"}:
        return False
    return origin is None or urlsplit(origin).netloc == request.host


def _board_state(server: FakeServer) -> dict[str, Any]:
    space, hub = server.workspace, server.hub
    posts = []
    for page_id in space.list_page_ids(server.source.id):
        cells = space.read_cells(page_id)
        posts.append(
            {
                "id": page_id,
                "title": cells["Name"],
                "post": cells["Post"],
                "prompt": cells["Image prompt"],
                "feedback": cells["Image feedback"],
                "format": cells["Format"] or "",
                "ticked": cells["Regenerate"],
                "status": cells["Image status"] or "",
                "note": cells["Image note"],
                "provider": cells["Image provider"] or "",
                "alt": cells["Alt text"],
                "pictures": [
                    {"src": f"/picture/{file.key}", "name": file.name}
                    for file in space.list_files(page_id)
                ],
            }
        )
    return {
        "posts": posts,
        "credits": hub.credits,
        "loading": round(hub.loading_left, 1),
        "painted": hub.painted,
        "lines": list(server.lines)[-14:],
        "page": server.page,
        "password": server.password,
    }


async def _edit_cell(server: FakeServer, body: dict[str, Any]) -> None:
    column = str(body["column"])
    if column not in _EDITABLE:
        raise ValueError(column)
    server.workspace.edit_page(
        str(body["id"]), {column: str(body["value"])[:_MAX_TEXT]}
    )


async def _set_tick(server: FakeServer, body: dict[str, Any]) -> None:
    server.workspace.edit_page(str(body["id"]), {"Regenerate": bool(body["value"])})


async def _trash_page(server: FakeServer, body: dict[str, Any]) -> None:
    server.workspace.trash_page(str(body["id"]))


async def _add_post(server: FakeServer, body: dict[str, Any]) -> None:
    text = str(body.get("post") or "").strip()[:_MAX_TEXT]
    title = str(body.get("title") or "").strip()[:200] or text[:40] or "Untitled"
    server.workspace.add_page(server.source.id, {"Name": title, "Post": text})


async def _add_credits(server: FakeServer, body: dict[str, Any]) -> None:
    del body
    server.hub.add_credits(8)
    if server.refilled is not None:
        await server.refilled()


async def _spend_credits(server: FakeServer, body: dict[str, Any]) -> None:
    del body
    server.hub.spend_all()


async def _unload_model(server: FakeServer, body: dict[str, Any]) -> None:
    del body
    server.hub.unload_model()


_ACTIONS: dict[str, Action] = {
    "edit": _edit_cell,
    "tick": _set_tick,
    "trash": _trash_page,
    "add": _add_post,
    "refill": _add_credits,
    "spend": _spend_credits,
    "unload": _unload_model,
}
