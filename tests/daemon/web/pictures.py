"""Takes the pictures of README and docs anew: python -m tests.daemon.web.pictures."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Browser, expect

from daemon.pretend.posts import POSTS
from tests.daemon.web.browser import Scene, at_work, browsing, go, looking

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "pictures"
_TOML = """\
[notion]
poll_interval = "200ms"
[posts]
wait_after_edit = "0s"
approve_above = 0
replacements_per_day = 0
[images]
min_free_disk = "1MiB"
[card]
tag = "Oven & Oak"
"""
_DRAWN = "() => document.images.length && [...document.images].every((i) => i.complete)"


async def take() -> None:
    """Take all of them."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with at_work(Path(folder), _TOML) as scene, browsing() as browser:
            await _furnish(scene, browser)
            for name, url in (
                ("page.jpg", scene.page),
                ("images.jpg", f"{scene.page}/images"),
                ("board.jpg", scene.board),
            ):
                async with looking(browser) as page:
                    await go(page, url)
                    await page.wait_for_function(_DRAWN)
                    path = FOLDER / name
                    await page.screenshot(path=path, type="jpeg", quality=80)


async def _furnish(scene: Scene, browser: Browser) -> None:
    """Have paintings, then cards."""
    scene.town.hub.credits = 7
    async with looking(browser) as page:
        await go(page, f"{scene.page}/images")
        for count, post in enumerate(POSTS[:7], start=1):
            scene.town.workspace.add_page(scene.town.source.id, post)
            await expect(page.locator("#images img")).to_have_count(count)
        for count, post in enumerate(POSTS[7:11], start=8):
            scene.town.workspace.add_page(scene.town.source.id, post)
            await expect(page.locator("#images img")).to_have_count(count)


if __name__ == "__main__":
    asyncio.run(take())
