"""The demo's page in a real browser: what it shows, and that it trusts no words."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from daemon.clock import utc_now
from daemon.pretend.scenes import render_scene
from daemon.pretend.server import FakeServer
from tests.daemon.web.browser import NEEDS_CHROMIUM, chromium

_NASTY = '<img src=x onerror="document.title=1">'


async def _dom(url: str, home: Path) -> str:
    path = chromium()
    assert path is not None
    process = await asyncio.create_subprocess_exec(
        path,
        *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
        *("--disable-background-networking", f"--user-data-dir={home}"),
        *("--virtual-time-budget=3000", "--dump-dom", url),
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    return out.decode()


@NEEDS_CHROMIUM
async def test_the_page_shows_posts_images_credits_and_the_log(tmp_path: Path) -> None:
    async with FakeServer(now=utc_now) as town:
        page = town.workspace.add_page(
            town.source.id, {"Name": f"Bread {_NASTY}", "Post": f"We bake. {_NASTY}"}
        )
        town.workspace.add_file(
            page, "Image", "a.png", render_scene("bread", 1, 64, 64)
        )
        town.workspace.edit_page(page, {"Image status": "Done", "Regenerate": True})
        town.hub.credits = 3
        town.add_log_line(f"job.done 'Bread' flux included 4.2 s {_NASTY}")
        # A loading model counts down, so that the page never waits for news.
        town.hub.loading_seconds = 3600
        town.hub.unload_model()
        dom = await _dom(f"{town.url}/", tmp_path)
    shown = re.sub(r"<[^>]+>", " ", dom)
    assert "We bake." in shown
    assert "1 in Notion" in shown
    assert "Done" in shown
    assert "The model is loading (about" in shown
    assert "job.done" in shown
    assert re.search(r'id="credits"[^>]*>3<', dom)
    assert re.search(r'<img[^>]+src="/picture/', dom)
    # Words are words: nothing that somebody typed became part of the page.
    assert dom.count("&lt;img src=x onerror=") >= 3
    assert "<img src=x" not in dom
    assert "<title>1</title>" not in dom
