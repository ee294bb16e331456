"""A picture is told from an empty tile by what it shows, not by how bright it is."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from daemon.config.parsing import parse_format
from daemon.imaging.blank_image import is_blank
from daemon.imaging.normalize import normalize_image
from providers.outcomes import BlankImageError

_SIZE = (1024, 1024)


def _plain(level: int) -> Image.Image:
    return Image.new("RGB", _SIZE, (level, level, level))


def _with_grain(image: Image.Image, sigma: float) -> Image.Image:
    grain = Image.effect_noise(image.size, sigma)
    return ImageChops.add(image, Image.merge("RGB", (grain,) * 3), 1, -128)


def _soft(low: int, high: int) -> Image.Image:
    """Return large soft shapes between two levels, as fog and snow have them."""
    chance = random.Random(low)  # noqa: S311 - a picture
    small = Image.frombytes("L", (6, 6), chance.randbytes(36))
    smooth = small.resize(_SIZE, Image.Resampling.BICUBIC)
    grey = smooth.point(lambda level: low + level * (high - low) // 255)
    return Image.merge("RGB", (grey,) * 3)


def _candle(radius: int, blur: int, colour: tuple[int, int, int]) -> Image.Image:
    image = _plain(0)
    flame = (512 - radius, 600 - 2 * radius, 512 + radius, 600 + 2 * radius)
    ImageDraw.Draw(image).ellipse(flame, colour)
    return image.filter(ImageFilter.GaussianBlur(blur))


def _snowy_hills() -> Image.Image:
    image = Image.new("RGB", _SIZE, (252, 253, 255))
    pen = ImageDraw.Draw(image)
    pen.ellipse((-300, 600, 900, 1700), (244, 247, 252))
    pen.ellipse((500, 700, 1600, 1800), (248, 249, 253))
    return _with_grain(image.filter(ImageFilter.GaussianBlur(8)), 2)


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(_candle(20, 20, (255, 190, 90)), id="candle"),
        pytest.param(_candle(10, 8, (255, 190, 90)), id="distant candle"),
        pytest.param(_candle(30, 20, (255, 255, 255)), id="lamp"),
        pytest.param(_with_grain(_candle(30, 30, (255, 190, 90)), 2), id="grainy"),
        pytest.param(_soft(195, 205), id="thick fog"),
        pytest.param(_with_grain(_soft(190, 214), 2), id="fog"),
        pytest.param(_soft(244, 255), id="snow"),
        pytest.param(_snowy_hills(), id="snowy hills"),
        pytest.param(_soft(0, 14), id="night"),
    ],
)
def test_a_dark_a_misty_and_a_white_picture_are_pictures(picture: Image.Image) -> None:
    assert not is_blank(picture)


def _tile(
    ground: int, ink: int | tuple[int, int, int], lines: Sequence[str], size: int
) -> Image.Image:
    image = _plain(ground)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    colour = (ink,) * 3 if isinstance(ink, int) else ink
    for number, line in enumerate(lines):
        where = (512, 512 + (number - len(lines) / 2) * size * 1.3)
        pen.text(where, line, colour, font, "mm")
    pen.ellipse((462, 120, 562, 220), outline=colour, width=12)
    pen.line((480, 205, 544, 135), colour, 12)
    return image


def _as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return Image.open(data).convert("RGB")


_NOTICE = (
    "This image could not be",
    "generated, because it may",
    "violate our policies.",
    "Please change your prompt",
    "and try again later.",
)


@pytest.mark.parametrize("quality", [0, 60, 85])
@pytest.mark.parametrize(
    "tile",
    [
        pytest.param(_tile(128, 200, ["Content blocked"], 60), id="grey"),
        pytest.param(_tile(128, 255, ["content blocked"], 12), id="small words"),
        pytest.param(_tile(0, 255, ["content blocked"], 90), id="black"),
        pytest.param(_tile(128, 220, ["BLOCKED"], 190), id="large words"),
        pytest.param(_tile(240, 60, _NOTICE, 48), id="notice"),
        pytest.param(_tile(30, 255, _NOTICE, 62), id="large notice"),
        pytest.param(_tile(128, (220, 40, 40), ["Content blocked"], 80), id="red"),
    ],
)
def test_words_on_a_plain_tile_are_a_refusal(tile: Image.Image, quality: int) -> None:
    assert is_blank(_as_jpeg(tile, quality) if quality else tile)


@pytest.mark.parametrize("sigma", [0, 2, 10, 25])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_grain_on_a_plain_ground_is_a_refusal(level: int, sigma: int) -> None:
    assert is_blank(_with_grain(_plain(level), sigma))


def test_an_image_of_any_size_is_judged() -> None:
    for size in ((64, 64), (64, 5000), (5000, 64), (700, 3000)):
        assert is_blank(Image.new("RGB", size, "grey"))
        assert not is_blank(_soft(0, 255).resize(size))


def test_only_a_card_may_be_words_on_a_plain_ground() -> None:
    data = io.BytesIO()
    _tile(128, 255, ["Closed on Monday"], 80).save(data, "PNG")
    with pytest.raises(BlankImageError):
        normalize_image(data.getvalue(), parse_format("square"))
    card = normalize_image(data.getvalue(), parse_format("square"), may_be_plain=True)
    assert card.size == (1080, 1080)
