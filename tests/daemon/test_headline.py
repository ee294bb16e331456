"""Words on images: from the page to the file that Notion gets, without a call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from daemon.errors import PostbrushError
from daemon.imaging import files
from daemon.jobs import actions
from daemon.maintenance.prune import prune_images
from daemon.maintenance.verify import verify_files
from db import images, posts
from db.models import ImageRecord
from tests.daemon.house import House, house


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as made:
        await made.begin()
        yield made


async def _image_of(home: House, page: str) -> ImageRecord:
    async with home.source.app.db.read_transaction() as tx:
        return (await images.of_page(tx, "default", page))[0]


def _shown(home: House, page: str) -> list[str]:
    return [file.name for file in home.space.list_files(page)]


async def _reletter(home: House, page: str, headline: str) -> None:
    async with home.source.app.db.write_transaction() as tx:
        post = await posts.get(tx, "default", page)
        assert post is not None
        await actions.reletter_images(tx, post, headline, home.clock.now())
    home.forget()
    await home.work()


def _page_writes(home: House) -> int:
    return sum(write.startswith("PATCH /v1/pages/") for write in home.writes())


def _lettered(home: House, image: ImageRecord) -> list[Path]:
    return files.lettered_paths(home.source.app.image_folder, image.name)


async def test_the_headline_of_the_page_is_on_the_file_that_notion_gets(
    home: House,
) -> None:
    page = home.add(Headline="Fresh bread at seven")
    await home.live()
    image = await _image_of(home, page)
    (path,) = _lettered(home, image)
    assert _shown(home, page) == [path.name]
    (shown,) = home.space.list_files(page)
    assert shown.data == path.read_bytes()
    assert b"compositeWithTrainedAlgorithmicMedia" in path.read_bytes()
    # The plain picture stays on the disk, with its own mark.
    plain = home.source.app.image_folder / image.name
    assert b"/trainedAlgorithmicMedia" in plain.read_bytes()
    assert Image.open(plain).tobytes() != Image.open(path).tobytes()
    assert home.read(page)["Alt text"].endswith("“Fresh bread at seven”")
    # Notion's answer and later polls change nothing.
    home.forget()
    await home.live()
    assert (home.writes(), home.hub.painted) == ([], 1)


async def test_a_new_headline_is_put_on_the_image_without_a_call(home: House) -> None:
    page = home.add(Headline="Fresh bread at seven")
    await home.live()
    before = _shown(home, page)
    home.forget()
    home.space.edit_page(page, {"Headline": "Fresh bread at eight"})
    await home.live()
    assert _shown(home, page) != before
    assert images.plain_name(_shown(home, page)[0]) == images.plain_name(before[0])
    assert home.read(page)["Alt text"].endswith("“Fresh bread at eight”")
    assert (_page_writes(home), home.hub.painted) == (1, 1)
    # Without words, the plain picture returns.
    home.space.edit_page(page, {"Headline": ""})
    await home.live()
    assert _shown(home, page) == [(await _image_of(home, page)).name]
    assert home.hub.painted == 1
    # It is on the page, so another poll has nothing to do.
    home.forget()
    await home.live()
    assert home.writes() == []


async def test_other_words_by_hand_cost_nothing(home: House) -> None:
    page = home.add()
    await home.live()
    image = await _image_of(home, page)
    assert _shown(home, page) == [image.name]
    await _reletter(home, page, "Only on Saturday")
    (path,) = _lettered(home, image)
    assert _shown(home, page) == [path.name]
    assert (_page_writes(home), home.hub.painted) == (1, 1)
    await _reletter(home, page, "")
    assert _shown(home, page) == [image.name]
    assert home.hub.painted == 1


async def test_a_lost_file_is_made_again_and_is_the_same(home: House) -> None:
    page = home.add(Headline="Fresh bread at seven")
    await home.poll()
    home.clock.move(seconds=125)
    # The image has its words, and Notion does not take it.
    home.space.inject_fault("POST /v1/file_uploads", times=60, status=503)
    await home.work()
    home.space.faults.waiting.clear()
    image = await _image_of(home, page)
    (path,) = _lettered(home, image)
    data = path.read_bytes()
    path.unlink()
    home.clock.move(minutes=20)
    for _ in range(3):
        await home.live()
    assert path.read_bytes() == data
    assert (_shown(home, page), home.hub.painted) == ([path.name], 1)


async def test_a_tick_after_new_words_still_gets_another_image(home: House) -> None:
    page = home.add(Headline="Fresh bread at seven")
    await home.live()
    home.space.inject_fault("POST /v1/file_uploads", times=3, status=503)
    home.space.edit_page(page, {"Headline": "Fresh bread at eight"})
    await home.poll()
    await home.work()
    home.space.tick_box(page)
    for _ in range(4):
        await home.live()
    assert home.hub.painted == 2
    assert (
        images.plain_name(_shown(home, page)[0]) == (await _image_of(home, page)).name
    )


async def test_words_that_cannot_be_set_are_left_out_and_the_note_says_so(
    home: House,
) -> None:
    page = home.add(Headline="Too long " * 30)
    await home.live()
    image = await _image_of(home, page)
    assert _shown(home, page) == [image.name]
    assert "headline could not be put on the image" in home.read(page)["Image note"]
    assert home.hub.painted == 1


async def test_a_card_has_its_own_words_only(home: House) -> None:
    home.hub.credits = 0
    page = home.add(Headline="Fresh bread at seven")
    await home.live()
    image = await _image_of(home, page)
    assert image.is_card
    assert _shown(home, page) == [image.name]
    home.space.edit_page(page, {"Headline": "Fresh bread at eight"})
    await home.live()
    assert _shown(home, page) == [image.name]
    async with home.source.app.db.write_transaction() as tx:
        post = await posts.get(tx, "default", page)
        assert post is not None
        with pytest.raises(PostbrushError, match="not show an image that a headline"):
            await actions.reletter_images(tx, post, "Words", home.clock.now())


async def test_a_property_that_appears_later_letters_nothing_by_itself(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        columns = home.space.sources[home.town.source.id].columns
        headline = columns.pop("Headline")
        await home.begin()
        page = home.add()
        await home.live()
        before = _shown(home, page)
        home.space.add_column(home.town.source.id, headline)
        home.space.edit_page(page, {"Headline": "Fresh bread at seven"})
        home.source.state.schema = None
        await home.sweep()
        await home.live()
        assert _shown(home, page) == before
        home.space.edit_page(page, {"Headline": "Fresh bread at eight"})
        await home.live()
        assert _shown(home, page) != before
        assert home.hub.painted == 1


async def test_auto_takes_the_first_sentence_of_the_post(tmp_path: Path) -> None:
    toml = '[images]\nheadline = "auto"\nheadline_style = "panel"\n'
    async with house(tmp_path, toml=toml) as home:
        await home.begin()
        page = home.add(post="We are open on Sunday! Come early. #Bread")
        await home.live()
        assert home.read(page)["Alt text"].endswith("“We are open on Sunday!”")
        assert "_text_" in _shown(home, page)[0]


async def test_the_brand_is_put_on_images_too(tmp_path: Path) -> None:
    toml = '[images]\nheadline = "off"\nbrand = true\n[card]\ntag = "Oven & Oak"\n'
    async with house(tmp_path, toml=toml) as home:
        await home.begin()
        page = home.add(Headline="Not used")
        await home.live()
        assert "_text_" in _shown(home, page)[0]
        assert "Not used" not in home.read(page)["Alt text"]


async def test_upkeep_knows_the_files_with_words(home: House) -> None:
    page = home.add(Headline="Fresh bread at seven")
    await home.live()
    image = await _image_of(home, page)
    findings = [found async for found in verify_files(home.source, fix=False)]
    assert findings == []
    stray = _lettered(home, image)[0].with_name(
        "flux_generated_20200101_000000_1_text_0123456789ab.png"
    )
    stray.write_bytes(b"")
    (found,) = [found async for found in verify_files(home.source, fix=True)]
    assert (found.what, found.fixed, stray.exists()) == (stray.name, "removed", False)
    # A newer image takes its place, and both files of the older one go.
    home.space.tick_box(page)
    await home.live()
    app = home.source.app
    keep = app.now() - app.now()
    await prune_images(app.db, app.store, now=app.now(), keep=keep)
    assert _lettered(home, image) == []
    assert not (app.image_folder / image.name).exists()
