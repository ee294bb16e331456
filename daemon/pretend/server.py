"""A server with the pretend Notion, the pretend Hugging Face and the board."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from aiohttp import web

from daemon.errors import SetupError
from daemon.pretend.board import board_routes
from daemon.pretend.huggingface import FakeHuggingFace, huggingface_app
from daemon.pretend.models import DataSource
from daemon.pretend.notion_api import notion_app
from daemon.pretend.posts import COLUMNS, TITLE
from daemon.pretend.workspace import Workspace

_LINES = 60


@dataclass(slots=True)
class FakeServer:
    """All services that postbrush uses, on one port, with a page to control them.

    Attributes:
        port: 0 for any free port; after `start`, the port in use.
        source: The data source with the demo's posts.
        lines: The daemon's newest log lines, for the board.
        refilled: Awaited after credits were added on the board.
        page: Port of the daemon's web interface; None if it is off.
        password: Password of the web interface; in the demo it is not a secret.
    """

    now: Callable[[], datetime]
    host: str = "127.0.0.1"
    port: int = 0
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
        self.source = self.workspace.add_database(TITLE, COLUMNS)

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
        board_routes(app, self)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, self.host, self.port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise SetupError(
                f"cannot listen on port {self.port}: {error.strerror}. Choose another "
                "with --port"
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
        """URL of the board."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", ""} else self.host  # noqa: S104 - what --lan listens on
        return f"http://{host}:{self.port}"

    @property
    def notion_url(self) -> str:
        """Value for the setting `notion.base_url`."""
        return self.url

    @property
    def hf_url(self) -> str:
        """Value for the setting `providers.flux.base_url`."""
        return f"{self.url}/hf"

    @property
    def hub_url(self) -> str:
        """Value for the setting `providers.flux.hub_url`."""
        return f"{self.url}/hf"
