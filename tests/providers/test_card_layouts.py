"""Every post of the corpus in every layout and format, held by rules."""

from __future__ import annotations

import functools
import io
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image, ImageChops, ImageColor, ImageDraw

from providers.base import CardLayout, CardSettings, ImageRequest
from providers.card.colour import contrast_ratio
from providers.card.compose import CardPlan, describe_card, plan_card, render_card
from providers.card.elements import (
    Element,
    EmojiTile,
    LogoImage,
    PlacedLine,
    Shape,
    draw_elements,
)
from providers.card.layout import COMPOSITIONS
from providers.card.structure import recognize_content
from providers.outcomes import BadRequestError
from tests.corpus import load_corpus
from tests.providers.test_card_lines import NO_END, NO_START
from tests.search import thinned

CORPUS = load_corpus()
LAYOUTS: tuple[CardLayout, ...] = get_args(CardLayout)
FORMATS = {
    "square": (1080, 1080),
    "portrait": (1080, 1350),
    "landscape": (1200, 630),
    "story": (1080, 1920),
}
#: Posts with a list, a table, an event and so on, in several scripts.
SAMPLE = [
    "bike_tips",
    "menu_du_jour",
    "food_trucks",
    "plumber",
    "jollof",
    "yoga_quote",
    "ramadan",
    "sakura",
]


def _order(post: str, size: tuple[int, int], seed: int) -> ImageRequest:
    return ImageRequest(prompt="", words=post, width=size[0], height=size[1], seed=seed)


_content_of = functools.cache(recognize_content)


def _lines(plan: CardPlan) -> list[PlacedLine]:
    return [element for element in plan.elements if isinstance(element, PlacedLine)]


def _ink(element: Element, size: tuple[int, int]) -> Image.Image:
    """The pixels of an element, as a mask."""
    canvas = Image.new("RGB", size, "#010203")
    draw_elements(canvas, [element])
    empty = Image.new("RGB", size, "#010203")
    return ImageChops.difference(canvas, empty).convert("L").point(lambda v: v and 255)


def _check_plan(plan: CardPlan, size: tuple[int, int], post: str) -> None:
    short = min(size)
    letters = [line for line in _lines(plan) if line.text.strip()]
    # Letters are at least 6 % of the shorter side, names and the tag 3 %.
    for line in letters:
        assert line.size >= (0.03 if line.is_note else 0.06) * short, line
        # No reader stumbles at its ends.
        assert line.text[0] not in NO_START, line
        assert line.text[-1] not in NO_END, line
    # Everything is within the safe area, which a story has above and below.
    tall = size[1] / size[0] >= 1.6
    top, bottom = (0.14, 0.8) if tall else (0.05, 0.96)
    for element in plan.elements:
        box = element.box
        assert box[0] >= 0.04 * short, element
        assert box[2] <= size[0] - 0.04 * short, element
        assert box[1] >= top * size[1] - 0.02 * short, element
        assert box[3] <= bottom * size[1] + 0.02 * short, element
    # A list is complete, or none of its items is there.
    content = _content_of(post)
    said = " ".join(line.spoken for line in letters)
    parts = [item.text for item in content.items] or [
        cell for row in content.rows for cell in row
    ]
    shown = [part for part in parts if part in said]
    heading = " ".join(content.words.paragraphs)
    assert len(shown) == len(parts) or all(part in heading for part in shown[:1])


def _check_ink(plan: CardPlan, size: tuple[int, int]) -> None:
    """Nothing is printed over anything else."""
    inked = [
        element
        for element in plan.elements
        if isinstance(element, PlacedLine | EmojiTile | LogoImage)
        or (isinstance(element, Shape) and element.kind != "rectangle")
    ]
    for first, second in combinations(inked, 2):
        if not _touch(first, second):
            continue
        common = ImageChops.multiply(_ink(first, size), _ink(second, size))
        assert sum(common.histogram()[128:]) < 40, (first, second)  # edges that touch


def _touch(first: Element, second: Element) -> bool:
    """Whether the areas of two elements overlap, with room for overhanging letters."""
    (left, top, right, bottom), other = first.box, second.box
    room = 0.1 * min(bottom - top, other[3] - other[1])
    return (
        left - room < other[2]
        and other[0] < right + room
        and top - room < other[3]
        and other[1] < bottom + room
    )


@pytest.mark.parametrize("name", CORPUS)
def test_a_card_of_every_post_keeps_the_rules(name: str) -> None:
    post = CORPUS[name]
    size = FORMATS["square"]
    plan = plan_card(_order(post.post, size, len(name)), CardSettings(tag=post.tag))
    _check_plan(plan, size, post.post)


@pytest.mark.parametrize("name", SAMPLE)
@pytest.mark.parametrize("form", FORMATS)
def test_nothing_is_overprinted(name: str, form: str) -> None:
    post, size = CORPUS[name], FORMATS[form]
    plan = plan_card(_order(post.post, size, 3), CardSettings(tag=post.tag))
    _check_plan(plan, size, post.post)
    _check_ink(plan, size)


@pytest.mark.long
@pytest.mark.parametrize("name", CORPUS)
def test_every_layout_and_format_keeps_the_rules(name: str) -> None:
    """All that the owner can choose; some 45 seconds of one core for the corpus."""
    post = CORPUS[name]
    # A layout that the text does not have is its statement, which is there once.
    layouts = {recognize_content(post.post, layout): layout for layout in LAYOUTS}
    for number, (form, layout) in enumerate(product(FORMATS, layouts.values())):
        size, look = FORMATS[form], CardSettings(tag=post.tag, layout=layout)
        for seed in range(number % 2, len(COMPOSITIONS), 2):
            plan = plan_card(_order(post.post, size, seed), look)
            _check_plan(plan, size, post.post)
            _check_ink(plan, size)


@pytest.mark.parametrize("form", FORMATS)
def test_the_owner_s_layout_is_taken_or_the_text_is_a_statement(form: str) -> None:
    for name, layout in product(SAMPLE, LAYOUTS[1:]):
        order = _order(CORPUS[name].post, FORMATS[form], 0)
        shown = plan_card(order, CardSettings(layout=layout)).content.layout
        assert shown in {layout, "statement"}


@pytest.mark.parametrize(
    "look",
    [
        CardSettings(tag="Oven & Oak"),
        CardSettings(background="#1877f2", color="#ffffff", accent="#ffd400"),
    ],
)
@pytest.mark.parametrize("name", ["sourdough", "bike_tips", "food_trucks", "jollof"])
def test_the_next_seed_is_another_composition(name: str, look: CardSettings) -> None:
    cards = [
        Image.open(
            io.BytesIO(render_card(_order(CORPUS[name].post, (540, 540), seed), look))
        )
        for seed in range(len(COMPOSITIONS) + 1)
    ]
    for before, after in pairwise(cards):
        change = ImageChops.difference(before, after).convert("L")
        assert sum(change.histogram()[24:]) > 0.02 * 540 * 540


@pytest.mark.parametrize("name", CORPUS)
def test_the_alternative_text_is_what_the_card_shows(name: str) -> None:
    post = CORPUS[name]
    order, look = _order(post.post, FORMATS["square"], 1), CardSettings(tag=post.tag)
    plan = plan_card(order, look)
    shown = [line.text for line in _lines(plan) if line.text != post.tag]
    said = describe_card(order, look).removeprefix("5 of 5 stars; ")
    assert sorted(_letters(said)) == sorted(_letters("".join(shown)))


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _logo(folder: Path, name: str, colour: str, size: tuple[int, int]) -> str:
    """A word in one colour within wide transparent margins."""
    image = Image.new("RGBA", (1600, 1200))
    left, top = (1600 - size[0]) // 2, (1200 - size[1]) // 2
    pen = ImageDraw.Draw(image)
    for step in range(0, size[0], size[1]):
        pen.rectangle(
            (left + step, top, left + step + size[1] * 0.6, top + size[1]), colour
        )
    image.save(folder / name)
    return str(folder / name)


@pytest.mark.parametrize(
    ("colour", "background", "shape", "form"),
    thinned(
        product(
            ("#ffffff", "#000000", "#888888", "#d02020"),
            (None, "#ffffff", "#000000", "#1877f2", "#888888"),
            ((600, 90), (200, 200)),
            FORMATS,
        ),
        every=7,
    ),
)
def test_a_logo_can_be_seen_and_read(
    tmp_path: Path,
    colour: str,
    background: str | None,
    shape: tuple[int, int],
    form: str,
) -> None:
    logo = _logo(tmp_path, "logo.png", colour, shape)
    look = CardSettings(
        tag="A tag that is much longer than any that a card has room for beside a logo",
        logo=logo,
        background=background,
    )
    size = FORMATS[form]
    order = _order(CORPUS["sourdough"].post, size, seed=[*FORMATS].index(form))
    plan = plan_card(order, look)
    (placed,) = (one for one in plan.elements if isinstance(one, LogoImage))
    left, top, right, bottom = map(round, placed.box)
    # Margins are cut off, so even a wide logo has a readable size.
    assert max(right - left, bottom - top) >= 0.09 * min(size)
    assert bottom - top >= 0.035 * min(size)
    _check_ink(plan, size)
    card = Image.open(io.BytesIO(render_card(order, look)))
    _check_contrast(card, (left, top, right, bottom), colour)


def _check_contrast(
    card: Image.Image, box: tuple[int, int, int, int], ink: str
) -> None:
    red, green, blue = ImageColor.getrgb(ink)[:3]
    # Just beside the logo, where its ground is.
    ground = card.getpixel((box[0] - 2, (box[1] + box[3]) // 2))
    assert isinstance(ground, tuple)
    around = (ground[0], ground[1], ground[2])
    assert contrast_ratio((red, green, blue), around) >= 3.0


def test_the_logo_for_dark_backgrounds_is_taken_on_them(tmp_path: Path) -> None:
    black = _logo(tmp_path, "black.png", "#000000", (600, 90))
    white = _logo(tmp_path, "white.png", "#ffffff", (600, 90))
    for background, colour in (("#101820", 255), ("#f8f4ee", 0)):
        look = CardSettings(logo=black, logo_dark=white, background=background)
        plan = plan_card(_order("We’re open.", (1080, 1080), 0), look)
        (placed,) = (one for one in plan.elements if isinstance(one, LogoImage))
        assert placed.image.getpixel((3, 10)) == (colour, colour, colour, 255)


def test_a_card_without_words_and_tag_is_refused() -> None:
    with pytest.raises(BadRequestError, match="no words"):
        plan_card(_order("🎉", (1080, 1080), 0), CardSettings())
