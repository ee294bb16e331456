"""What a person sees and does, in a real browser, with the daemon at work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.daemon.web.browser import (
    LOOKS,
    NEEDS_CHROMIUM,
    Scene,
    at_work,
    browsing,
    complaints,
    go,
    looking,
)
from tests.daemon.web.many import many_images
from tests.daemon.web.visitor import PASSWORD, inhabited

_PAGES = ("/", "/images", "/images/2", "/jobs", "/jobs/2", "/login", "/nothing")

#: Every image within the window has arrived.
_ALL_SEEN = """() => [...document.images].every((image) => image.complete
    || image.getBoundingClientRect().top > innerHeight)"""
_TWICE = """[...document.querySelectorAll('[id]')].map((one) => one.id)
    .filter((id, at, all) => all.indexOf(id) !== at)"""
_BYTES = """performance.getEntriesByType('resource')
    .reduce((sum, one) => sum + one.transferSize, 0)"""

pytestmark = [pytest.mark.asyncio(loop_scope="module"), NEEDS_CHROMIUM]


@pytest_asyncio.fixture(name="browser", scope="module", loop_scope="module")
async def _browser() -> AsyncIterator[Browser]:
    async with browsing() as browser:
        yield browser


async def _row(page: Page, title: str) -> None:
    """Wait until the board shows an image of a post."""
    row = page.get_by_role("article").filter(has_text=title)
    await expect(row.get_by_role("img")).to_be_visible()


async def test_a_tick_on_the_board_changes_the_image(
    browser: Browser, tmp_path: Path
) -> None:
    async with at_work(tmp_path) as scene, looking(browser) as page:
        scene.add("Market day")
        await go(page, scene.board)
        await _row(page, "Market day")
        image = page.get_by_role("article").get_by_role("img")
        first = await image.get_attribute("src")
        assert first is not None
        await page.get_by_label("Regenerate").check()
        await expect(image).not_to_have_attribute("src", first)
        await expect(page.get_by_label("Regenerate")).not_to_be_checked()
        await expect(
            page.get_by_text("schnell (nscale), included, seed")
        ).to_be_visible()


@pytest.mark.long
async def test_a_variant_is_picked_on_the_board(
    browser: Browser, tmp_path: Path
) -> None:
    async with at_work(tmp_path) as scene, looking(browser) as page:
        post = scene.add("Market day", Variants=3)
        await go(page, scene.board)
        shown = page.get_by_role("article").get_by_role("img")
        await expect(shown).to_have_count(3)
        names = [file.name for file in scene.town.workspace.list_files(post)]
        for number, picked in (("2", names[1:2]), ("", names)):
            await page.get_by_label("Pick").select_option(number)
            await expect(shown).to_have_count(len(picked))
            files = scene.town.workspace.list_files(post)
            assert [file.name for file in files] == picked
        assert scene.town.hub.painted == 3


@pytest.mark.long
async def test_a_tick_on_the_board_approves_a_post(
    browser: Browser, tmp_path: Path
) -> None:
    async with at_work(tmp_path) as scene, looking(browser) as page:
        for number in range(4):
            scene.add(f"Post {number}")
        await go(page, scene.board)
        waiting = page.get_by_text("Waiting for approval", exact=True)
        await expect(waiting).to_have_count(4)
        row = page.get_by_role("article").filter(has_text="Post 2")
        await row.get_by_label("Regenerate").check()
        await expect(row.get_by_text("Done", exact=True)).to_be_visible()
        await expect(row.get_by_label("Regenerate")).not_to_be_checked()
        await expect(waiting).to_have_count(3)
        assert scene.town.hub.painted == 1


@pytest.mark.long
async def test_credits_run_out_cards_take_over_and_are_replaced(
    browser: Browser, tmp_path: Path
) -> None:
    async with at_work(tmp_path) as scene, looking(browser) as board:
        await go(board, scene.board)
        await board.get_by_role("button", name="Use up credits").click()
        await board.get_by_role("button", name="Add a post").click()
        await board.get_by_label("Title").fill("Ten years")
        await board.get_by_label("Post", exact=True).fill("Ten years of bread.")
        await board.get_by_role("button", name="Save").click()
        row = board.get_by_role("article").filter(has_text="Ten years of bread.")
        await expect(row.get_by_text("Card", exact=True).first).to_be_visible()
        async with looking(browser) as page:
            await go(page, scene.page)
            service = page.locator("#service-flux")
            await expect(service).to_contain_text("out of credits, paused until")
            await board.get_by_role("button", name="Refill credits").click()
            # Nobody has to load the page again.
            await expect(service).to_contain_text("available")
            await expect(page.locator("#newest img")).to_have_count(2)
        await expect(row.get_by_text("Done", exact=True)).to_be_visible()


@pytest.mark.long
async def test_a_service_is_reset_and_an_image_made_again_from_the_page(
    browser: Browser, tmp_path: Path
) -> None:
    async with at_work(tmp_path) as scene, looking(browser) as page:
        scene.town.hub.credits = 0
        scene.add("Night shift")
        await go(page, scene.page)
        await expect(page.locator("#newest img")).to_have_count(1)
        scene.town.hub.credits = 9
        await page.get_by_role("button", name="Retry Hugging Face FLUX now").click()
        await expect(page.get_by_text("will be tried again now")).to_be_visible()
        await expect(page.locator("#newest img")).to_have_count(2)
        newest = page.locator("#newest")
        await newest.get_by_role("link", name="Night shift").first.click()
        await page.get_by_role("button", name="Regenerate").click()
        await expect(page.get_by_text("will get a new image")).to_be_visible()
        await expect(page.locator("#others img")).to_have_count(2)


@pytest.mark.long
async def test_it_is_useful_without_scripts(browser: Browser, tmp_path: Path) -> None:
    async with at_work(tmp_path) as scene:
        async with looking(browser) as board:
            scene.add("Café nuevo")
            await go(board, scene.board)
            await _row(board, "Café nuevo")
        async with looking(browser, scripts=False) as page:
            await go(page, scene.page)
            await page.get_by_role("button", name="Pause").click()
            until = page.get_by_text("No images are generated until")
            await expect(until).to_be_visible()
            await page.get_by_role("button", name="Resume").click()
            await page.get_by_role("link", name="Images", exact=True).click()
            await page.get_by_label("Post").fill("CAFÉ")
            await page.get_by_role("button", name="Filter").click()
            await page.get_by_role("link", name="Café nuevo").click()
            await expect(page.get_by_text("rustic loaves of bread")).to_be_visible()


@pytest.mark.long
async def test_the_keyboard_reaches_everything_and_keeps_its_place(
    browser: Browser, tmp_path: Path
) -> None:
    async with at_work(tmp_path) as scene, looking(browser) as page:
        scene.town.hub.credits = 0
        scene.add("First")
        await go(page, scene.page)
        await page.keyboard.press("Tab")
        await expect(page.get_by_text("Skip to content")).to_be_focused()
        button = page.get_by_role("button", name="Retry Hugging Face FLUX now")
        await button.focus()
        # The part with the button is replaced under the person's hands.
        scene.add("Second")
        await expect(page.locator("#service-freeapi")).to_contain_text("2 cards")
        await expect(button).to_be_focused()


@pytest.mark.long
@pytest.mark.parametrize("look", ["phone light", "desktop dark"])
async def test_the_password_is_asked_for_and_opens(
    browser: Browser, tmp_path: Path, look: str
) -> None:
    async with (
        inhabited(tmp_path, password=PASSWORD) as (_, visitor),
        looking(browser, look) as page,
    ):
        await go(page, f"{visitor.url}/jobs")
        assert await complaints(page) == []
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
        await page.get_by_role("button", name="Log out").click()
        await expect(page.get_by_label("Password")).to_be_focused()


@pytest.mark.long
@pytest.mark.timeout(300)  # it looks at many pages in many ways
async def test_every_page_can_be_read_by_everybody(
    browser: Browser, tmp_path: Path
) -> None:
    async with at_work(tmp_path) as scene:
        async with looking(browser) as page:
            await _furnish(page, scene)
        for look in LOOKS:
            async with looking(browser, look) as page:
                for path in _PAGES:
                    await go(page, scene.page + path)
                    assert await complaints(page) == [], (look, path)
                    assert await _too_wide(page) == 0, (look, path)
                    # The script finds the parts of a page by their ids.
                    assert await page.evaluate(_TWICE) == [], path
                await go(page, scene.board)
                await expect(page.get_by_role("article")).to_have_count(8)
                assert await complaints(page) == [], look
                assert await _too_wide(page) == 0, look


async def _furnish(page: Page, scene: Scene) -> None:
    """Have something of everything: images, cards, a rest, posts that are held."""
    scene.town.hub.credits = 1
    scene.add("Bread", "Bread, and a very-long-word-" + "that-does-not-end-" * 12)
    await go(page, scene.page)
    await expect(page.locator("#newest img")).to_have_count(1)
    for number in range(3):
        scene.add(f"Card {number}", Format="story")
    await expect(page.locator("#newest img")).to_have_count(4)
    for number in range(4):
        scene.add(f"Held {number}")
    await expect(page.locator("#held")).to_contain_text("4 posts waiting for approval")
    await expect(page.locator("#newest img")).to_have_count(4)


async def _too_wide(page: Page) -> int:
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return int(await page.evaluate(wide))


@pytest.mark.long
async def test_two_thousand_images_are_light_and_there_at_once(
    browser: Browser, tmp_path: Path
) -> None:
    few = await _gallery(browser, tmp_path / "few", 70)
    took, elements, loaded = await _gallery(browser, tmp_path / "many", 2000)
    # Of a machine that does other things, too, as soon as a page of few.
    assert took < max(1000, 1.5 * few[0]), (took, few)
    assert elements < 600
    assert loaded < 1_500_000


async def _gallery(
    browser: Browser, folder: Path, count: int
) -> tuple[float, int, int]:
    """Return the milliseconds, elements and bytes of the newest sixty of so many."""
    took: list[float] = []
    async with at_work(folder) as scene:
        await many_images(scene.source, count)
        async with looking(browser) as page:
            # The small images are made at the first look.
            await go(page, f"{scene.page}/images")
            await expect(page.locator("#images img").nth(7)).to_have_js_property(
                "complete", value=True
            )
        for _ in range(3):
            async with looking(browser) as page:
                await go(page, f"{scene.page}/images")
                await page.wait_for_function(_ALL_SEEN)
                took.append(await page.evaluate("performance.now()"))
                elements = await page.evaluate("document.querySelectorAll('*').length")
                loaded = await page.evaluate(_BYTES)
                assert await page.locator("#images img").count() == 60
                await page.get_by_role("link", name="Older").click()
                await expect(page.get_by_role("link", name="Newer")).to_be_visible()
    return min(took), int(elements), int(loaded)
