"""Takes the pictures of the gestures: python -m tests.daemon.web.gesture_pictures."""

from __future__ import annotations

import asyncio
import io
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Locator, expect

from daemon.pretend.posts import POSTS
from tests.daemon.web.browser import Scene, at_work, browsing, go, looking
from tests.daemon.web.pictures import DRAWN, FOLDER, add_fonts

#: Long enough that each state is seen, also by the browser.
_TOML = """\
[notion]
poll_interval = "2s"
poll_active = "2s"
[posts]
wait_after_edit = "0s"
[images]
min_free_disk = "1MiB"
format = "square"
[card]
tag = "Oven & Oak"
"""
_SECONDS_PER_IMAGE = 4.0
_WIDTH = 1000


async def take() -> None:
    """Take all of them."""
    with tempfile.TemporaryDirectory() as folder:
        add_fonts(Path(folder, "fonts.conf"))
        async with at_work(Path(folder), _TOML) as scene, browsing() as browser:
            scene.town.workspace.add_page(scene.town.source.id, POSTS[0])
            await _take_tick(scene, browser)
            await _take_earlier(scene, browser)
            scene.town.hub.seconds_per_image = 0.1
            await _take_pick(scene, browser)
    with tempfile.TemporaryDirectory() as folder:
        toml = _TOML.replace("[posts]\n", "[posts]\napprove_above = 1\n")
        async with at_work(Path(folder), toml) as scene, browsing() as browser:
            await _take_approval(scene, browser)


async def _take_tick(scene: Scene, browser: Browser) -> None:
    """The row of a post: ticked, queued, with its new image."""
    async with looking(browser) as page:
        await page.set_viewport_size({"width": 1280, "height": 900})
        await go(page, scene.board)
        row = page.locator("article.row").first
        await expect(row.locator(".pill")).to_have_text("Done")
        await page.wait_for_function(DRAWN)
        scene.town.hub.seconds_per_image = _SECONDS_PER_IMAGE
        first = await row.locator("img").get_attribute("src")
        box = row.locator("input")
        await box.check()
        frames = [await _shot(row)]
        await expect(row.locator(".pill")).to_have_text("Queued")
        await expect(box).not_to_be_checked()
        frames.append(await _shot(row))
        await expect(row.locator("img")).not_to_have_attribute("src", first or "")
        await expect(row.locator(".pill")).to_have_text("Done")
        await page.wait_for_function(DRAWN)
        frames.append(await _shot(row))
    _save("gesture-tick.webp", _stack(frames))


async def _take_earlier(scene: Scene, browser: Browser) -> None:
    """The page of an earlier image, which a button puts back."""
    async with looking(browser) as page:
        await page.set_viewport_size({"width": 1080, "height": 900})
        await go(page, f"{scene.page}/images/1")
        await page.wait_for_function(DRAWN)
        picture = Image.open(io.BytesIO(await page.screenshot()))
    _save("gesture-use.webp", picture)


async def _take_pick(scene: Scene, browser: Browser) -> None:
    """The row of a post with three variants, and after the second was picked."""
    post = {**POSTS[1], "Variants": 3}
    scene.town.workspace.add_page(scene.town.source.id, post)
    async with looking(browser) as page:
        await page.set_viewport_size({"width": 1280, "height": 900})
        await go(page, scene.board)
        row = page.locator("article.row").filter(has_text=str(post["Name"]))
        await expect(row.locator("img")).to_have_count(3)
        await page.wait_for_function(DRAWN)
        frames = [await _shot(row)]
        await row.get_by_label("Pick").select_option("2")
        await expect(row.locator("img")).to_have_count(1)
        await page.wait_for_function(DRAWN)
        frames.append(await _shot(row))
    _save("gesture-pick.webp", _stack(frames))


async def _take_approval(scene: Scene, browser: Browser) -> None:
    """The row of a post that waits for approval, and after a tick."""
    for post in POSTS[2:4]:
        scene.town.workspace.add_page(scene.town.source.id, post)
    async with looking(browser) as page:
        await page.set_viewport_size({"width": 1280, "height": 900})
        await go(page, scene.board)
        row = page.locator("article.row").filter(has_text=str(POSTS[2]["Name"]))
        await expect(row.locator(".pill")).to_have_text("Waiting for approval")
        frames = [await _shot(row)]
        await row.locator("input").check()
        await expect(row.locator(".pill")).to_have_text("Done")
        await expect(row.locator("input")).not_to_be_checked()
        await page.wait_for_function(DRAWN)
        frames.append(await _shot(row))
    _save("gesture-approve.webp", _stack(frames))


async def _shot(row: Locator) -> Image.Image:
    return Image.open(io.BytesIO(await row.screenshot(animations="disabled")))


def _stack(frames: list[Image.Image]) -> Image.Image:
    """Return the frames under one another."""
    sheet = Image.new("RGB", (frames[0].width, sum(f.height for f in frames)), "white")
    top = 0
    for frame in frames:
        sheet.paste(frame, (0, top))
        top += frame.height
    return sheet


def _save(name: str, picture: Image.Image) -> None:
    height = round(picture.height * _WIDTH / picture.width)
    small = picture if picture.width <= _WIDTH else picture.resize((_WIDTH, height))
    small.convert("RGB").save(FOLDER / name, quality=82, method=6)


if __name__ == "__main__":
    asyncio.run(take())
