"""The form on the page of an image that puts other words on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db import images
from db.models import ImageRecord
from tests.daemon.house import House
from tests.daemon.web.visitor import Visitor, inhabited

Both = tuple[House, Visitor]


@pytest.fixture(name="both")
async def _both(tmp_path: Path) -> AsyncIterator[Both]:
    async with inhabited(tmp_path) as both:
        yield both


async def _newest(home: House) -> ImageRecord:
    async with home.source.app.db.read_transaction() as tx:
        return (await images.list_newest(tx, limit=1))[0]


async def test_other_words_are_put_on_the_image_without_a_call(both: Both) -> None:
    home, visitor = both
    page_id = home.add("Bread", Headline="Fresh bread")
    await home.live()
    made = await _newest(home)
    here = f"/images/{made.id}"
    page = await visitor.see(here)
    assert 'value="Fresh bread"' in page.text
    # With words, and without.
    assert "With the headline. The image below is without it." in page.words
    (before,) = home.space.list_files(page_id)

    words = 'Bread <b>& "cake"</b>'
    answer = await visitor.press(f"{here}/headline", to=here, headline=words)
    assert "“Bread” will get the image with this headline" in answer.words
    await home.live()
    (after,) = home.space.list_files(page_id)
    assert after.name != before.name
    assert home.read(page_id)["Alt text"].endswith(f"“{words}”")
    page = await visitor.see(here)
    assert "<b>&" not in page.text
    assert 'value="Bread &lt;b&gt;&amp; &#34;cake&#34;&lt;/b&gt;"' in page.text

    answer = await visitor.press(f"{here}/headline", to=here, headline=" ")
    assert "without a headline" in answer.words
    await home.live()
    assert home.space.list_files(page_id)[0].name == made.name
    assert "With words" not in (await visitor.see(here)).words
    assert home.hub.painted == 1


async def test_an_image_that_the_page_does_not_show_has_no_words(both: Both) -> None:
    home, visitor = both
    home.add("Bread")
    await home.live()
    first = await _newest(home)
    await visitor.press(f"/images/{first.id}/another")
    await home.live()
    path = f"/images/{first.id}/headline"
    assert path not in (await visitor.see(f"/images/{first.id}")).text
    answer = await visitor.press(path, headline="Late")
    assert "“Bread” shows another image now" in answer.words
    # Nor does a card, which has its words.
    home.hub.credits = 0
    home.add("Soup")
    await home.live()
    card = await _newest(home)
    path = f"/images/{card.id}/headline"
    assert path not in (await visitor.see(f"/images/{card.id}")).text
    answer = await visitor.press(path, headline="Late")
    assert "does not show an image that a headline can be put on" in answer.words
