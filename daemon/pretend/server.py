"""A server with the pretend Notion, the pretend Hugging Face and the demo's board.

The board shows the posts as a table, and switches for the image service.  Every change
of a post there is an edit by a person in the pretend Notion, so that the daemon sees it
as it would in the real one.
"""

from __future__ import annotations

import errno
import json
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from typing import Any, Self
from urllib.parse import urlsplit

from aiohttp import web

from daemon.errors import SetupError
from daemon.pretend.errors import ApiResponseError
from daemon.pretend.hf_state import FakeHuggingFace
from daemon.pretend.huggingface import huggingface_app
from daemon.pretend.models import DataSource, Json
from daemon.pretend.notion_api import notion_app
from daemon.pretend.posts import COLUMNS, TITLE
from daemon.pretend.workspace import Workspace

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
_NUMBERS = ("Variants", "Pick")
_EDITABLE = ("Name", "Post", "Image prompt", "Image feedback", "Format", *_NUMBERS)
#: Seconds after which a long poll is answered without a change.
_POLL_SECONDS = 25.0
#: Characters of a text that the page can store.
_MAX_TEXT = 2000
_LINES = 60
#: Credits in images that a click on the board adds.
_REFILL = 8


@dataclass(slots=True)
class FakeServer:
    """All services that postbrush uses, on one port, with a page to control them.

    Attributes:
        port: 0 for any free port; after `start`, the port in use.
        columns: The columns of the demo's database, name to type.
        source: The data source with the demo's posts.
        lines: The daemon's newest log lines, for the board.
        refilled: Awaited after credits were added on the board.
        page: Port of the daemon's web interface; None if it is off.
        password: Password of the web interface; in the demo it is not a secret.
    """

    now: Callable[[], datetime]
    host: str = "127.0.0.1"
    port: int = 0
    columns: Mapping[str, str | Sequence[str]] = field(default_factory=lambda: COLUMNS)
    workspace: Workspace = field(init=False)
    hub: FakeHuggingFace = field(init=False)
    source: DataSource = field(init=False)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LINES))
    refilled: Callable[[], Awaitable[None]] | None = None
    page: int | None = None
    password: str = ""
    _runner: web.AppRunner | None = None

    def __post_init__(self) -> None:
        self.workspace = Workspace(self.now, f"ntn_{secrets.token_hex(20)}")
        self.hub = FakeHuggingFace(
            now=self.now,
            token=f"hf_{secrets.token_hex(16)}",
            changed=self.workspace.notify_changed,
        )
        self.source = self.workspace.add_database(TITLE, self.columns)

    def add_log_line(self, line: str) -> None:
        """Show a line of the daemon's log on the board."""
        self.lines.append(line)
        self.workspace.notify_changed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen on `host` and `port`.

        Raises:
            SetupError: The port cannot be used.
        """
        app = notion_app(self.workspace)
        app.add_subapp("/hf", huggingface_app(self.hub))
        _add_board_routes(app, self)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, self.host, self.port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            is_used = error.errno == errno.EADDRINUSE
            why = "another program uses it" if is_used else error.strerror
            raise SetupError(
                f"cannot listen on port {self.port}: {why}. Choose another port with "
                "--port, 0 for any free one"
            ) from error
        self._runner = runner
        self.port = int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @property
    def url(self) -> str:
        """URL of the board, and value for the setting `notion.base_url`."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", ""} else self.host  # noqa: S104 - what --lan listens on
        return f"http://{host}:{self.port}"

    @property
    def hf_url(self) -> str:
        """Value for the settings `base_url` and `hub_url` of `providers.flux`."""
        return f"{self.url}/hf"


def _add_board_routes(app: web.Application, server: FakeServer) -> None:
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
        self, action: _Action
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
                "numbers": {name: cells.get(name) for name in _NUMBERS},
                "status": cells["Image status"] or "",
                "note": cells["Image note"],
                "provider": cells["Image provider"] or "",
                "details": cells["Image details"],
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


async def _edit_cell(server: FakeServer, body: Json) -> None:
    column = str(body["column"])
    if column not in _EDITABLE:
        raise ValueError(column)
    value: str | int | None = str(body["value"])[:_MAX_TEXT]
    if column in _NUMBERS:
        value = int(value) if value else None
    server.workspace.edit_page(str(body["id"]), {column: value})


async def _set_tick(server: FakeServer, body: Json) -> None:
    server.workspace.edit_page(str(body["id"]), {"Regenerate": bool(body["value"])})


async def _trash_page(server: FakeServer, body: Json) -> None:
    server.workspace.trash_page(str(body["id"]))


async def _add_post(server: FakeServer, body: Json) -> None:
    text = str(body.get("post") or "").strip()[:_MAX_TEXT]
    title = str(body.get("title") or "").strip()[:200] or text[:40] or "Untitled"
    server.workspace.add_page(server.source.id, {"Name": title, "Post": text})


async def _add_credits(server: FakeServer, _body: Json) -> None:
    server.hub.add_credits(_REFILL)
    if server.refilled is not None:
        await server.refilled()


async def _spend_credits(server: FakeServer, _body: Json) -> None:
    server.hub.spend_all()


async def _unload_model(server: FakeServer, _body: Json) -> None:
    server.hub.unload_model()


_Action = Callable[[FakeServer, Json], Awaitable[None]]
_ACTIONS: dict[str, _Action] = {
    "edit": _edit_cell,
    "tick": _set_tick,
    "trash": _trash_page,
    "add": _add_post,
    "refill": _add_credits,
    "spend": _spend_credits,
    "unload": _unload_model,
}
