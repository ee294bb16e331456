"""The demo's page: the posts as a table, and switches for the pretend service.

Everything a person does here goes through the pretend Notion, as a person's edit;
the daemon sees it as it would see it in the real one.
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

#: Package, file and kind; the stylesheet is the daemon's own page's.
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
_POLL_SECONDS = 25.0
_LONGEST = 2000

Act = Callable[["FakeServer", dict[str, Any]], Awaitable[None]]


def board_routes(app: web.Application, town: FakeServer) -> None:
    """Add the page and its data to *app*."""
    board = _Board(town)
    for path in _STATIC:
        app.router.add_get(path, board.serve_static)
    app.router.add_get("/board/state", board.serve_state)
    app.router.add_get("/picture/{key}", board.serve_picture)
    for name, act in _ACTS.items():
        app.router.add_post(f"/board/{name}", board.action_handler(act))


class _Board:
    def __init__(self, town: FakeServer) -> None:
        self._town = town

    async def serve_static(self, request: web.Request) -> web.Response:
        package, name, kind = _STATIC[request.path]
        text = files(package).joinpath(name).read_text("utf-8")
        return web.Response(text=text, content_type=kind, headers=_HEADERS)

    async def serve_state(self, request: web.Request) -> web.Response:
        """Wait for something new, and return all there is to see."""
        try:
            since = int(request.query.get("since", "-1"))
        except ValueError:
            since = -1
        space = self._town.workspace
        version = await space.wait_changed(since, _POLL_SECONDS)
        data = {"version": version, **_board_state(self._town)}
        return web.json_response(data, headers=_HEADERS)

    async def serve_picture(self, request: web.Request) -> web.Response:
        stored = self._town.workspace.stored.get(request.match_info["key"])
        if stored is None:
            return web.Response(status=404)
        headers = _HEADERS | {"Cache-Control": "private, max-age=86400"}
        kind = "image/png" if stored.data.startswith(b"\x89PNG") else "image/jpeg"
        return web.Response(body=stored.data, content_type=kind, headers=headers)

    def action_handler(
        self, act: Act
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.Response:
            if not _is_same_origin(request):
                return web.json_response({"error": "not from this page"}, status=403)
            try:
                body = json.loads(await request.read() or b"{}")
                await act(self._town, dict(body))
            except (ValueError, KeyError, TypeError, ApiResponseError):
                return web.json_response({"error": "not understood"}, status=400)
            return web.json_response({"ok": True}, headers=_HEADERS)

        return answer


def _is_same_origin(request: web.Request) -> bool:
    """A page of another origin must not press buttons here."""
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site") not in {None, "same-origin", "none"}:
        return False
    return origin is None or urlsplit(origin).netloc == request.host


def _board_state(town: FakeServer) -> dict[str, Any]:
    space, hub = town.workspace, town.hub
    posts = []
    for page_id in space.list_page_ids(town.source.id):
        cells = space.read_cells(page_id)
        shown = space.list_files(page_id)
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
                    {"src": f"/picture/{one.key}", "name": one.name} for one in shown
                ],
            }
        )
    return {
        "posts": posts,
        "credits": hub.credits,
        "loading": round(hub.loading_left, 1),
        "painted": hub.painted,
        "lines": list(town.lines)[-14:],
        "page": town.page,
        "password": town.password,
    }


async def _edit_cell(town: FakeServer, body: dict[str, Any]) -> None:
    column = str(body["column"])
    if column not in _EDITABLE:
        raise ValueError(column)
    town.workspace.edit_page(str(body["id"]), {column: str(body["value"])[:_LONGEST]})


async def _set_tick(town: FakeServer, body: dict[str, Any]) -> None:
    town.workspace.edit_page(str(body["id"]), {"Regenerate": bool(body["value"])})


async def _trash_page(town: FakeServer, body: dict[str, Any]) -> None:
    town.workspace.trash_page(str(body["id"]))


async def _add_post(town: FakeServer, body: dict[str, Any]) -> None:
    words = str(body.get("post") or "").strip()[:_LONGEST]
    title = str(body.get("title") or "").strip()[:200] or words[:40] or "Untitled"
    town.workspace.add_page(town.source.id, {"Name": title, "Post": words})


async def _add_credits(town: FakeServer, body: dict[str, Any]) -> None:
    del body
    town.hub.add_credits(8)
    if town.refilled is not None:
        await town.refilled()


async def _spend_credits(town: FakeServer, body: dict[str, Any]) -> None:
    del body
    town.hub.spend_all()


async def _unload_model(town: FakeServer, body: dict[str, Any]) -> None:
    del body
    town.hub.unload_model()


_ACTS: dict[str, Act] = {
    "edit": _edit_cell,
    "tick": _set_tick,
    "trash": _trash_page,
    "add": _add_post,
    "refill": _add_credits,
    "spend": _spend_credits,
    "unload": _unload_model,
}
