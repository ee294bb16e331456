"""Words on a picture are legible, inside the safe area, and at its calmest edge."""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from daemon.config.parsing import parse_format
from daemon.imaging.lettering import UnsettableError
from daemon.imaging.overlay import Overlay, Style, Words, lay_out_words
from providers.base import CardSettings
from providers.card import fonts
from providers.card.colour import Rgb, contrast_ratio
from tests.search import thinned

FORMATS = ("square", "portrait", "landscape", "story")
HEADLINE = "Fresh bread, every morning from seven"
FACES = {
    "top": (0.5, 0.12),
    "bottom": (0.5, 0.88),
    "left": (0.1, 0.5),
    "right": (0.9, 0.5),
}


def _photo(kind: str, width: int, height: int) -> Image.Image:
    if kind in {"white", "black"}:
        return Image.new("RGB", (width, height), kind)
    chance = random.Random(kind)  # noqa: S311 - a picture
    if kind == "noise":
        grains = (width // 3, height // 3)
        raw = chance.randbytes(grains[0] * grains[1] * 3)
        image = Image.frombytes("RGB", grains, raw)
        return image.resize((width, height), Image.Resampling.NEAREST)
    # A soft grey background, and a bright face at one edge.
    small = Image.frombytes(
        "L", (5, 5), bytes(chance.randrange(90, 130) for _ in "x" * 25)
    )
    image = small.resize((width, height), Image.Resampling.BICUBIC).convert("RGB")
    x, y = FACES[kind][0] * width, FACES[kind][1] * height
    pen, side = ImageDraw.Draw(image), min(width, height)
    pen.ellipse(
        (x - 0.2 * side, y - 0.27 * side, x + 0.2 * side, y + 0.27 * side), "#f1c9a5"
    )
    for eye in (-0.08, 0.08):
        pen.ellipse(
            (
                x + (eye - 0.03) * side,
                y - 0.08 * side,
                x + (eye + 0.03) * side,
                y - 0.04 * side,
            ),
            "#33221a",
        )
    pen.arc(
        (x - 0.09 * side, y, x + 0.09 * side, y + 0.13 * side), 20, 160, "#8a3b32", 12
    )
    return image.filter(ImageFilter.GaussianBlur(2))


def _lay_out(
    picture: Image.Image,
    headline: str = HEADLINE,
    style: Style = "gradient",
    look: CardSettings | None = None,
) -> Overlay:
    words = Words(
        headline=headline,
        style=style,
        look=look or CardSettings(),
        with_brand=look is not None,
    )
    return lay_out_words(picture, words)


def _least_contrast(overlay: Overlay) -> float:
    """Return the least contrast of the letters to a pixel behind or next to them."""
    behind = overlay.ground.copy()
    behind.putalpha(overlay.letters)
    colours: set[Rgb] = {
        (pixel[0], pixel[1], pixel[2])
        for _, pixel in behind.getcolors(1 << 24) or ()
        if isinstance(pixel, tuple) and pixel[3]
    }
    # The lightest and the darkest pixel are at the ends of this order, nearly.
    order = sorted(colours, key=lambda p: 0.2126 * p[0] + 0.7152 * p[1] + 0.0722 * p[2])
    ends = {*order[:400], *order[-400:]}
    return min(contrast_ratio(pixel, overlay.colour) for pixel in ends)


def _ink_of(overlay: Overlay) -> tuple[int, int, int, int]:
    """Return the box of what the words change."""
    box = ImageChops.difference(overlay.draw(), overlay.ground).getbbox()
    assert box is not None
    return box


@pytest.mark.parametrize(
    ("kind", "style", "name"),
    thinned(
        [
            (kind, style, name)
            for kind in ("white", "black", "noise", *FACES)
            for style in ("gradient", "panel")[: 1 + (kind == "noise")]
            for name in FORMATS
        ],
        every=3,
    ),
)
def test_every_letter_is_legible_and_inside_the_safe_area(
    kind: str, style: Literal["gradient", "panel"], name: str
) -> None:
    size = parse_format(name)
    look = CardSettings(tag="Oven & Oak · Harbour Street 12")
    overlay = _lay_out(_photo(kind, size.width, size.height), style=style, look=look)
    assert _least_contrast(overlay) >= 4.5
    left, top, right, bottom = _ink_of(overlay)
    short = min(size.width, size.height)
    margins = (0.1, 0.14, 0.1, 0.2) if name == "story" else (0.06,) * 4
    assert left >= margins[0] * short
    assert right <= size.width - margins[2] * short
    assert top >= margins[1] * (size.height if name == "story" else short)
    assert bottom <= size.height - margins[3] * (
        size.height if name == "story" else short
    )
    assert min(line.size for line in overlay.block.lines[:-1]) >= 0.06 * short


@pytest.mark.parametrize(("kind", "name"), thinned(product(FACES, FORMATS), every=3))
def test_words_keep_clear_of_a_face(kind: str, name: str) -> None:
    size = parse_format(name)
    overlay = _lay_out(_photo(kind, size.width, size.height))
    x, y = FACES[kind][0] * size.width, FACES[kind][1] * size.height
    half = 0.1 * min(size.width, size.height)
    left, top, right, bottom = _ink_of(overlay)
    is_clear = (
        right < x - half or left > x + half or bottom < y - half or top > y + half
    )
    assert is_clear


def test_words_keep_off_a_dark_head_before_a_calm_sky() -> None:
    """Below it is grass, which shows more edges, but nothing to be looked at."""
    picture = Image.new("RGB", (1080, 1350), "#d8e2ea")
    grass = _photo("noise", 270, 150).convert("L").resize((1080, 600))
    picture.paste(grass.convert("RGB"), (0, 750))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((380, 190, 700, 610), "#1c1814")
    pen.rectangle((330, 560, 750, 800), "#20242c")
    top = _ink_of(_lay_out(picture))[1]
    assert top > 750


@pytest.mark.parametrize(
    "headline",
    [
        "BLACK FRIDAY",
        "Schöne Grüße aus der Donaudampfschifffahrtsgesellschaft",
        "Ракета летит в пятницу",
        "朝ごはん、はじめました",
        "خبز طازج كل صباح",
        "Ανοίγουμε την Κυριακή",
    ],
)
def test_headlines_of_many_scripts_are_set(headline: str) -> None:
    overlay = _lay_out(_photo("noise", 1080, 1080), headline)
    assert _least_contrast(overlay) >= 4.5
    left, top, right, bottom = _ink_of(overlay)
    assert min(left, top, 1080 - right, 1080 - bottom) >= 0.06 * 1080


@pytest.mark.parametrize("headline", ["word " * 60, "\U000e01ff\u1b80\u1b81"])
def test_a_headline_that_cannot_be_set_says_why(headline: str) -> None:
    with pytest.raises(UnsettableError):
        _lay_out(_photo("white", 1080, 1080), headline)


def test_the_owners_colours_are_used_where_they_are_legible() -> None:
    look = CardSettings(tag="Oven & Oak", background="#0a4d68", color="#ffe9a0")
    panel = _lay_out(_photo("noise", 1080, 1080), style="panel", look=look)
    assert panel.colour == (0xFF, 0xE9, 0xA0)
    assert panel.ground.getpixel((540, 1070)) == (0x0A, 0x4D, 0x68)
    faint = CardSettings(tag="Oven & Oak", background="#0a4d68", color="#0a5d78")
    overlay = _lay_out(_photo("noise", 1080, 1080), style="panel", look=faint)
    assert overlay.colour == (255, 255, 255)


@pytest.mark.parametrize("colour", ["white", "black", "#d9502e", "#1b2a6b"])
@pytest.mark.parametrize("kind", ["white", "black", "noise"])
def test_a_logo_stands_out_from_its_ground(
    tmp_path: Path, kind: str, colour: str
) -> None:
    path = tmp_path / "logo.png"
    logo = Image.new("RGBA", (900, 500))
    ImageDraw.Draw(logo).rectangle((300, 200, 600, 300), colour)
    logo.save(path)
    look = CardSettings(tag="Oven & Oak", logo=str(path))
    overlay = _lay_out(_photo(kind, 1080, 1080), look=look)
    image, (left, top) = overlay.logo or (logo, (0, 0))
    # Its transparent margins are cut off.
    assert image.width > image.height
    drawn, middle = overlay.draw(), top + image.height // 2
    ink = drawn.getpixel((left + image.width // 2, middle))
    around = drawn.getpixel((left - 2, middle))
    assert contrast_ratio(ink, around) >= 3  # type: ignore[arg-type]
    # It does not touch the tag.
    assert overlay.block.lines[-1].box[2] < left


def test_the_logo_for_dark_grounds_is_taken_on_them(tmp_path: Path) -> None:
    for colour in ("black", "white"):
        Image.new("RGB", (300, 100), colour).save(tmp_path / f"{colour}.png")
    look = CardSettings(
        logo=str(tmp_path / "black.png"), logo_dark=str(tmp_path / "white.png")
    )
    for kind, level in (("white", 0), ("black", 255)):
        overlay = _lay_out(_photo(kind, 1080, 1080), look=look)
        image, place = overlay.logo or (Image.new("RGB", (1, 1), "red"), (0, 0))
        assert image.getpixel((3, 3)) == (level, level, level, 255)
        # It needs no plate.
        assert overlay.draw().getpixel((place[0] - 2, place[1])) == (
            overlay.ground.getpixel((place[0] - 2, place[1]))
        )


def test_a_logo_on_stripes_gets_a_plate(tmp_path: Path) -> None:
    Image.new("RGB", (300, 100), "black").save(tmp_path / "logo.png")
    look = CardSettings(logo=str(tmp_path / "logo.png"))
    for light, has_plate in ((224, False), (110, True)):
        picture = Image.new("RGB", (1080, 1080), (224, 224, 224))
        pen = ImageDraw.Draw(picture)
        for left in range(0, 1080, 40):
            pen.rectangle((left, 0, left + 19, 1079), (light, light, light))
        overlay = _lay_out(picture, "", look=look)
        _, (left, top) = overlay.logo or (picture, (0, 0))
        beside = (left - 2, top + 5)
        drawn, ground = overlay.draw(), overlay.ground
        assert (drawn.getpixel(beside) != ground.getpixel(beside)) is has_plate


@pytest.mark.parametrize(("headline", "tag"), [("خبز طازج", ""), ("Bread", "خبز طازج")])
def test_words_that_must_be_shaped_say_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, headline: str, tag: str
) -> None:
    monkeypatch.setattr(fonts, "has_raqm", lambda: False)
    with pytest.raises(UnsettableError, match="libfribidi0"):
        _lay_out(_photo("top", 1080, 1080), headline, look=CardSettings(tag=tag))


def test_a_logo_of_one_pixel_in_width_is_drawn(tmp_path: Path) -> None:
    Image.new("RGB", (20, 900), "white").save(tmp_path / "logo.png")
    look = CardSettings(logo=str(tmp_path / "logo.png"))
    overlay = _lay_out(_photo("noise", 1200, 630), look=look)
    assert overlay.logo is not None
    assert overlay.logo[0].width == 1
    assert overlay.draw().getpixel(overlay.logo[1]) == (255, 255, 255)


@pytest.mark.parametrize("style", ["gradient", "panel"])
@pytest.mark.parametrize("logo", ["logo.png", "line.png", "clear.png", "missing.png"])
def test_a_logo_alone_leaves_the_picture_as_it_is(
    tmp_path: Path, logo: str, style: Style
) -> None:
    Image.new("RGB", (300, 100), "black").save(tmp_path / "logo.png")
    Image.new("RGB", (5, 900), "black").save(tmp_path / "line.png")
    Image.new("RGBA", (90, 90)).save(tmp_path / "clear.png")
    picture = _photo("top", 1080, 1080)
    look = CardSettings(logo=str(tmp_path / logo))
    overlay = _lay_out(picture, "", look=look, style=style)
    assert (overlay.logo is not None) == (logo == "logo.png")
    box = ImageChops.difference(overlay.draw(), picture).getbbox()
    assert (box is None) == (logo != "logo.png")
    assert box is None or box[3] - box[1] < 120


def test_the_brand_needs_no_headline() -> None:
    look = CardSettings(tag="Oven & Oak · Harbour Street 12, open from seven to seven")
    overlay = _lay_out(_photo("noise", 1200, 630), "", look=look)
    assert _least_contrast(overlay) >= 4.5
    assert overlay.block.lines[0].size >= 0.03 * 630


def test_the_picture_stays_as_it_is_away_from_the_words() -> None:
    picture = _photo("noise", 1080, 1080)
    before = picture.copy()
    overlay = _lay_out(picture)
    assert ImageChops.difference(picture, before).getbbox() is None
    changed = ImageChops.difference(overlay.draw(), picture).getbbox()
    assert changed is not None
    assert changed[1] > 360
