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

from daemon.pretend.refusals import RefusalError

if TYPE_CHECKING:
    from daemon.pretend.town import Town

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

Act = Callable[["Town", dict[str, Any]], Awaitable[None]]


def board_routes(app: web.Application, town: Town) -> None:
    """Add the page and its data to *app*."""
    board = _Board(town)
    for path in _STATIC:
        app.router.add_get(path, board.static)
    app.router.add_get("/board/state", board.state)
    app.router.add_get("/picture/{key}", board.picture)
    for name, act in _ACTS.items():
        app.router.add_post(f"/board/{name}", board.acting(act))


class _Board:
    def __init__(self, town: Town) -> None:
        self._town = town

    async def static(self, request: web.Request) -> web.Response:
        package, name, kind = _STATIC[request.path]
        text = files(package).joinpath(name).read_text("utf-8")
        return web.Response(text=text, content_type=kind, headers=_HEADERS)

    async def state(self, request: web.Request) -> web.Response:
        """Wait for something new, and return all there is to see."""
        try:
            since = int(request.query.get("since", "-1"))
        except ValueError:
            since = -1
        space = self._town.workspace
        version = await space.wait_changed(since, _POLL_SECONDS)
        data = {"version": version, **_seen(self._town)}
        return web.json_response(data, headers=_HEADERS)

    async def picture(self, request: web.Request) -> web.Response:
        stored = self._town.workspace.stored.get(request.match_info["key"])
        if stored is None:
            return web.Response(status=404)
        headers = _HEADERS | {"Cache-Control": "private, max-age=86400"}
        kind = "image/png" if stored.data.startswith(b"\x89PNG") else "image/jpeg"
        return web.Response(body=stored.data, content_type=kind, headers=headers)

    def acting(
        self, act: Act
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.Response:
            if not _is_ours(request):
                return web.json_response({"error": "not from this page"}, status=403)
            try:
                body = json.loads(await request.read() or b"{}")
                await act(self._town, dict(body))
            except (ValueError, KeyError, TypeError, RefusalError):
                return web.json_response({"error": "not understood"}, status=400)
            return web.json_response({"ok": True}, headers=_HEADERS)

        return answer


def _is_ours(request: web.Request) -> bool:
    """A page of another origin must not press buttons here."""
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site") not in {None, "same-origin", "none"}:
        return False
    return origin is None or urlsplit(origin).netloc == request.host


def _seen(town: Town) -> dict[str, Any]:
    space, hub = town.workspace, town.hub
    posts = []
    for page_id in space.pages(town.source.id):
        cells = space.read(page_id)
        shown = space.files(page_id)
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


async def _edit(town: Town, body: dict[str, Any]) -> None:
    column = str(body["column"])
    if column not in _EDITABLE:
        raise ValueError(column)
    town.workspace.edit(str(body["id"]), {column: str(body["value"])[:_LONGEST]})


async def _tick(town: Town, body: dict[str, Any]) -> None:
    town.workspace.edit(str(body["id"]), {"Regenerate": bool(body["value"])})


async def _trash(town: Town, body: dict[str, Any]) -> None:
    town.workspace.trash(str(body["id"]))


async def _add(town: Town, body: dict[str, Any]) -> None:
    words = str(body.get("post") or "").strip()[:_LONGEST]
    title = str(body.get("title") or "").strip()[:200] or words[:40] or "Untitled"
    town.workspace.add_page(town.source.id, {"Name": title, "Post": words})


async def _refill(town: Town, body: dict[str, Any]) -> None:
    del body
    town.hub.refill(8)
    if town.refilled is not None:
        await town.refilled()


async def _spend(town: Town, body: dict[str, Any]) -> None:
    del body
    town.hub.spend_all()


async def _unload(town: Town, body: dict[str, Any]) -> None:
    del body
    town.hub.unload()


_ACTS: dict[str, Act] = {
    "edit": _edit,
    "tick": _tick,
    "trash": _trash,
    "add": _add,
    "refill": _refill,
    "spend": _spend,
    "unload": _unload,
}
