"""The card: exactly the size, inside its margins, legible, the same again."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from providers.base import CardLayout, CardSettings, ImageRequest
from providers.card import fonts, lines
from providers.card.background import render_background
from providers.card.card_text import prepare_text
from providers.card.colour import choose_palette, contrast_ratio
from providers.card.compose import plan_card, render_card
from providers.card.elements import PlacedLine
from providers.outcomes import BadRequestError
from tests.search import examples, thinned

PLAIN = CardSettings(tag="Oven & Oak")
FORMATS = [(1080, 1080), (1080, 1350), (1200, 630), (1080, 1920)]
TEXTS = [
    "We’re open.",
    "Jollof or fried rice? 🍚 Tell us below! 👇 #FoodLovers https://example.org/z",
    "“The best time to plant a tree was 20 years ago.” — Chinese proverb",
    "Three things:\n\n• Bake less\n• Listen\n• Close on Mondays",
    "Herzlichen Glückwunsch an die Donaudampfschifffahrtsgesellschaft! 🎂",
    "Καλημέρα! Φρέσκο ψωμί κάθε πρωί στις επτά.",
    "Свежий хлеб каждое утро в семь часов.",
    "今日から新しい季節限定の桜ラテが始まります。🌸 #カフェ",
    "مرحبا بكم في مقهى الحي! قهوة جديدة كل صباح (2025) ☕",
    "שלום לכולם! המאפייה נפתחת מחר ב-8:00",
    "Our little bakery turned ten this week, and we still get up at three. " * 6,
]


def _order(words: str, width: int, height: int, seed: int = 1) -> ImageRequest:
    return ImageRequest(prompt="", words=words, width=width, height=height, seed=seed)


def _lines(words: str) -> tuple[str, ...]:
    layout: CardLayout = "list" if "•" in words else "statement"
    look = replace(PLAIN, layout=layout)
    plan = plan_card(_order(words, 1080, 1080), look)
    texts = [line for line in plan.elements if isinstance(line, PlacedLine)]
    return tuple(line.text for line in texts if not line.is_note)


def _opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize(("words", "size"), thinned(product(TEXTS, FORMATS), every=3))
def test_exactly_the_size_and_all_ink_within_the_margins(
    words: str, size: tuple[int, int]
) -> None:
    order = _order(words, *size)
    image = _opened(render_card(order, PLAIN))
    assert (image.size, image.mode) == (size, "RGB")
    plan = plan_card(order, PLAIN)
    bare = render_background(
        plan.scene.palette,
        *size,
        order.seed,
        ground=plan.scene.composition.ground,
        mirrored=plan.scene.font.is_rtl,
    )
    ink = ImageChops.difference(image, bare).getbbox()
    assert ink is not None
    place = plan.scene.layout
    room = place.short * 0.03  # overhanging letters, the baseline of the foot
    assert ink[0] >= place.left - room
    assert ink[1] >= place.top - room
    assert ink[2] <= place.right + room
    assert ink[3] <= size[1] - place.short * 0.05


@pytest.mark.parametrize("words", TEXTS)
def test_no_word_is_lost_but_hashtags_and_links(words: str) -> None:
    lines = _lines(words)
    lettered = "".join("".join(lines).split()).replace("-", "")
    assert "#" not in lettered
    assert "http" not in lettered
    for paragraph in prepare_text(words).paragraphs:
        whole = "".join(paragraph.split()).replace("-", "").strip("•:")
        assert whole[:40] in lettered or "…" in lettered


def test_the_same_order_is_the_same_card_and_another_seed_another() -> None:
    first = render_card(_order(TEXTS[0], 1080, 1080, 7), PLAIN)
    assert render_card(_order(TEXTS[0], 1080, 1080, 7), PLAIN) == first
    assert render_card(_order(TEXTS[0], 1080, 1080, 8), PLAIN) != first


@given(
    words=st.text(max_size=60),
    seed=st.integers(0, 2**31 - 1),
    background=st.none() | st.integers(0, 0xFFFFFF).map("#{:06x}".format),
    color=st.none() | st.integers(0, 0xFFFFFF).map("#{:06x}".format),
)
@settings(max_examples=examples(300))
def test_letters_stand_off_their_ground(
    words: str, seed: int, background: str | None, color: str | None
) -> None:
    colours = choose_palette(
        words, seed, CardSettings(background=background, color=color)
    )
    worst = min(contrast_ratio(colours.text, one) for one in colours.background_colours)
    # Large letters need 3:1, and the owner's colours are used as they are.
    assert worst >= (3.0 if background or color else 7.0)


@given(
    words=st.text(max_size=300),
    size=st.tuples(st.integers(256, 1400), st.integers(256, 1400)),
    seed=st.integers(0, 2**31 - 1),
    tag=st.text(max_size=30),
)
@settings(max_examples=examples(80))
def test_any_words_are_a_card_or_a_reason(
    words: str, size: tuple[int, int], seed: int, tag: str
) -> None:
    assume(0.3 <= size[0] / size[1] <= 3.5)
    try:
        data = render_card(_order(words, *size, seed), CardSettings(tag=tag))
    except BadRequestError as error:
        assert str(error)  # noqa: PT017 - either is right
    else:
        assert _opened(data).size == size


@pytest.mark.parametrize(
    "look",
    [
        CardSettings(tag="x" * 400),
        CardSettings(logo="/nowhere/logo.png", tag="Oven & Oak"),
        CardSettings(font="/nowhere/font.ttf"),
        CardSettings(background="#ffffff", color="#ffffff", accent="#ffffff"),
    ],
)
def test_an_odd_look_is_still_a_card(look: CardSettings) -> None:
    assert _opened(render_card(_order(TEXTS[0], 1080, 1080), look)).size == (1080, 1080)


@pytest.mark.parametrize("words", ["", "   ", '"', "?!", "🎂", "https://example.org"])
def test_without_words_it_says_so(words: str) -> None:
    with pytest.raises(BadRequestError, match="no words"):
        render_card(_order(words, 1080, 1080), CardSettings())


def test_a_script_that_must_be_shaped_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fonts, "has_raqm", lambda: False)
    with pytest.raises(BadRequestError, match="libfribidi0"):
        render_card(_order(TEXTS[8], 1080, 1080), PLAIN)


def test_lines_that_leave_too_much_for_the_rest_are_not_weighed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weighed: list[float] = []
    weigh = lines._line_cost

    def counted(*given: Any, last: bool) -> float:  # noqa: ANN401 - passed on
        weighed.append(given[3])
        return weigh(*given, last=last)

    monkeypatch.setattr(lines, "_line_cost", counted)
    assert _lines("新鲜面包每天早上七点开门" * 15)
    assert len(weighed) < 50_000  # 160,000 before
