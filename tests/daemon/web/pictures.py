"""Takes the pictures of README and docs anew: python -m tests.daemon.web.pictures."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from daemon.pretend.posts import POSTS
from db import images
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
_CARDS = {
    "square": "Bread that has not slept is not bread.",
    "portrait": "The herbs behind the shop have woken up. Rosemary focaccia!",
    "landscape": "We\N{RIGHT SINGLE QUOTATION MARK}re open. Come in, it is warm.",
    "story": "Market day is back on Saturday, with honey and cheese.",
}
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
    """Have paintings, then a card in every format."""
    scene.town.hub.credits = 7
    async with looking(browser) as page:
        await go(page, f"{scene.page}/images")
        for count, post in enumerate(POSTS[:7], start=1):
            scene.town.workspace.add_page(scene.town.source.id, post)
            await expect(page.locator("#images img")).to_have_count(count)
        for count, (name, words) in enumerate(_CARDS.items(), start=8):
            scene.add(f"A {name} card", words, Format=name)
            await expect(page.locator("#images img")).to_have_count(count)
            await _keep_card(scene, page, name)


async def _keep_card(scene: Scene, page: Page, name: str) -> None:
    async with scene.source.app.db.read_transaction() as tx:
        (made,) = await images.list_newest(tx, limit=1)
    small = await page.request.get(f"{scene.page}/thumbs/{made.name}")
    (FOLDER / f"card-{name}.webp").write_bytes(await small.body())


if __name__ == "__main__":
    asyncio.run(take())
