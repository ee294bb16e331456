"""Takes the pictures of README and docs anew: python -m tests.daemon.web.pictures."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from playwright.async_api import Browser, expect

from daemon.pretend.posts import POSTS
from tests.daemon.web.browser import Scene, at_work, browsing, go, looking

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "docs" / "pictures"
#: The browser shows emoji with the card's font when the machine has none.
_FONTS = f"""\
<fontconfig>
<include>/etc/fonts/fonts.conf</include>
<dir>{ROOT / "providers" / "card" / "fonts"}</dir>
</fontconfig>
"""
_TOML = """\
[notion]
poll_interval = "200ms"
[posts]
wait_after_edit = "0s"
approve_above = 0
replacements_per_day = 0
[images]
format = "square"
min_free_disk = "1MiB"
[card]
tag = "Oven & Oak"
"""
#: All images of a page are there.
DRAWN = "() => document.images.length && [...document.images].every((i) => i.complete)"


async def take() -> None:
    """Take all of them."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        add_fonts(Path(folder, "fonts.conf"))
        async with at_work(Path(folder), _TOML) as scene, browsing() as browser:
            await _furnish(scene, browser)
            for name, url in (
                ("page.jpg", scene.page),
                ("images.jpg", f"{scene.page}/images"),
                ("board.jpg", scene.board),
            ):
                async with looking(browser) as page:
                    await go(page, url)
                    await page.wait_for_function(DRAWN)
                    path = FOLDER / name
                    await page.screenshot(path=path, type="jpeg", quality=80)


def add_fonts(file: Path) -> None:
    """Have the browser that is started next read this list of fonts."""
    file.write_text(_FONTS)
    os.environ["FONTCONFIG_FILE"] = str(file)


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
