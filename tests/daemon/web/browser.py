"""A whole daemon at work, with its page, the board beside it, and a real browser."""

from __future__ import annotations

import asyncio
import io
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import structlog
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Page,
    async_playwright,
    expect,
)

from daemon import app
from daemon.clock import utc_now
from daemon.cluster.base import SingleNode
from daemon.context import SourceContext
from daemon.jobs import actions
from daemon.pretend.posts import CHOICE_COLUMNS, COLUMNS
from daemon.pretend.server import FakeServer
from daemon.runner import DaemonRunner
from daemon.service import log
from daemon.source_setup import build_pollers
from daemon.web.serve import run_web_server
from tests.daemon.house import settings_for

_QUICK = """\
[notion]
poll_interval = "200ms"
[posts]
wait_after_edit = "0s"
approve_above = 3
replacements_per_day = 1000
[images]
min_free_disk = "1MiB"
"""
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
#: What a person looks with: width, height, and the colours they like.
LOOKS = {
    "phone light": (390, 844, "light"),
    "phone dark": (390, 844, "dark"),
    "desktop light": (1280, 900, "light"),
    "desktop dark": (1280, 900, "dark"),
}


def chromium() -> str | None:
    """Return where Chromium is, None if nowhere."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


#: Decided before a fixture begins: one that skips leaves the event loop of its module.
NEEDS_CHROMIUM = pytest.mark.skipif(
    chromium() is None, reason="no Chromium is installed: apt install chromium"
)


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """Start a browser."""
    # What is expected comes when it comes: the machine may do other things, too.
    expect.set_options(timeout=30_000)
    path = chromium()
    async with async_playwright() as tools:
        browser = await tools.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        await browser.close()


@dataclass(slots=True)
class Scene:
    """Everything there is to see.

    Attributes:
        page: Address of the daemon's page; `board`: of the demo's.
    """

    town: FakeServer
    source: SourceContext
    page: str

    @property
    def board(self) -> str:
        return self.town.url

    def add(self, title: str, post: str = "We bake bread.", **cells: object) -> str:
        values = {"Name": title, "Post": post, **cells}
        return self.town.workspace.add_page(self.town.source.id, values)


@asynccontextmanager
async def _shown(town: FakeServer) -> AsyncIterator[None]:
    """Show the log on the board."""
    with log.listen_to_log(lambda line: town.add_log_line(line.message)):
        yield


@asynccontextmanager
async def at_work(folder: Path, toml: str = _QUICK) -> AsyncIterator[Scene]:
    """Let a daemon work on a pretend world, by the real clock."""
    columns = {**COLUMNS, **CHOICE_COLUMNS}
    async with FakeServer(now=utc_now, columns=columns) as town:
        town.workspace.requests_per_minute = None
        town.hub.seconds_per_image = 0.05
        environ = {"POSTBRUSH_WEB__LISTEN": "127.0.0.1:0"}
        settings = settings_for(folder, town, toml, environ=environ)
        log.configure(environ={}, stream=io.StringIO())
        try:
            async with (
                app.data_dir_lock(settings, "run"),
                app.open_context(settings) as sources,
                _shown(town),
            ):
                source = sources.first
                daemon = DaemonRunner(
                    sources=sources,
                    pollers=build_pollers(sources),
                    membership=SingleNode(sources),
                    poll_interval=settings.options.notion.poll_interval,
                    started_at=source.app.now(),
                )

                async def refilled() -> None:
                    async with source.app.db.write_transaction() as tx:
                        await actions.reset_breaker(tx, "flux", source.app.now())
                    source.app.signals.kick.set()

                town.refilled = refilled
                async with run_web_server(sources, settings, board=town.port) as site:
                    assert site is not None
                    town.page = site.port
                    running = asyncio.create_task(daemon.run())
                    try:
                        yield Scene(town, source, f"http://127.0.0.1:{site.port}")
                    finally:
                        daemon.stop()
                        await running
        finally:
            structlog.reset_defaults()


@asynccontextmanager
async def looking(
    browser: Browser, look: str = "desktop light", *, scripts: bool = True
) -> AsyncIterator[Page]:
    """Open a window; what its console says is a failure."""
    width, height, colours = LOOKS[look]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if colours == "dark" else "light",
        has_touch=look.startswith("phone"),
        is_mobile=look.startswith("phone"),
        java_script_enabled=scripts,
    )
    context.set_default_timeout(30_000)
    page = await context.new_page()
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # A browser complains of a page that is meant not to be there.
        if not message.location["url"].endswith("/nothing"):
            said.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        yield page
    finally:
        await context.close()
    assert not said, said


async def go(page: Page, url: str) -> None:
    """Open an address; an open stream never ends loading."""
    await page.goto(url, wait_until="domcontentloaded")


async def complaints(page: Page) -> list[str]:
    """Return what axe finds serious on a page."""
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    await page.evaluate(axe)
    report: dict[str, Any] = await page.evaluate(
        "axe.run({resultTypes: ['violations']})"
    )
    return [
        f"{one['id']}: {one['help']}: {node['html'][:150]} {node['failureSummary']}"
        for one in report["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
