"""The ground of words on a picture: a gradient or a panel, and its contrast, measured.

Source of the ratios: WCAG 2.2, success criterion 1.4.3.
"""

from __future__ import annotations

import colorsys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from PIL import Image, ImageChops, ImageFilter, ImageStat

from providers.base import CardSettings
from providers.card.colour import (
    BLACK,
    WHITE,
    Rgb,
    contrast_ratio,
    oklch_to_rgb,
    parse_hex,
    relative_luminance,
    to_linear,
)

Edge: TypeAlias = Literal["bottom", "top", "left", "right"]
Box: TypeAlias = tuple[int, int, int, int]

#: The least contrast, and what is aimed at, as luminances are measured in steps.
_LEAST_CONTRAST, _AIM = 4.5, 4.7
#: Opacities of a gradient; with more, less than a fifth of the picture is left.
_OPACITIES = (0.4, 0.5, 0.6, 0.7, 0.8)
#: Length of the soft end of a gradient as a share of the shorter side.
_FADE = 0.22
_TALL = 1.6
#: In so many cells a subject is left of a region, and no texture.
_COARSE = (12, 6)
#: How much a region of skin counts, against edges and contrasts.
_SKIN_WEIGHT = 60.0
_LINEAR = tuple(round(255 * to_linear(level / 255)) for level in range(256))
#: Mean level from which a region is light.
_LIGHT = 165
_WEIGHTS = (0.2126, 0.7152, 0.0722, 0.0)


@dataclass(frozen=True, slots=True)
class _Colours:
    """The colour of a ground, and that of the letters on it."""

    ground: Rgb
    text: Rgb


def measure_contrast(canvas: Image.Image, mask: Image.Image, text: Rgb) -> float:
    """Return the least WCAG contrast of *text* to the pixels of *canvas* in *mask*.

    The letters are not drawn yet.
    """
    linear = canvas.point(_LINEAR * 3).convert("L", _WEIGHTS)
    counts = linear.histogram(mask)
    levels = [level / 255 for level, count in enumerate(counts) if count]
    own = relative_luminance(text)
    return min(
        (max(own, level) + 0.05) / (min(own, level) + 0.05)
        for level in (levels[0], levels[-1])
    )


def lay_gradient(
    picture: Image.Image, edge: Edge, box: Box, mask: Image.Image, look: CardSettings
) -> tuple[Image.Image, Rgb] | None:
    """Return the picture under a gradient, as weak as legible words allow.

    Args:
        box: What the words cover; the gradient is even there and fades beyond.
        mask: The letters.

    Returns:
        The picture and the letters' colour; None if only a panel is enough.
    """
    shape = _gradient_shape(picture.size, edge, box)
    for colours in _gradient_colours(picture.crop(box), look):
        for opacity in _OPACITIES:
            alpha = shape.point([round(level * opacity) for level in range(256)])
            canvas = picture.copy()
            canvas.paste(colours.ground, mask=alpha)
            if measure_contrast(canvas, mask, colours.text) >= _AIM:
                return canvas, colours.text
    return None


def _gradient_shape(size: tuple[int, int], edge: Edge, box: Box) -> Image.Image:
    """Return a mask: full from the edge to the end of the box, then fading."""
    is_upright = edge in {"top", "bottom"}
    length = size[1] if is_upright else size[0]
    left, top, right, bottom = box
    inner = {"top": bottom, "bottom": length - top, "left": right}.get(
        edge, length - left
    )
    fade = max(1, round(min(size) * _FADE))
    levels = [round(255 * _ease(1 - (place - inner) / fade)) for place in range(length)]
    if edge in {"bottom", "right"}:
        levels.reverse()
    strip = Image.new("L", (1, length) if is_upright else (length, 1))
    strip.putdata(levels)
    return strip.resize(size)


def _ease(share: float) -> float:
    """Return a smooth step from 0 to 1, so that no line shows where it begins."""
    share = min(1.0, max(0.0, share))
    return share * share * (3 - 2 * share)


def _gradient_colours(region: Image.Image, look: CardSettings) -> Iterator[_Colours]:
    """Yield a dark ground, and for a light picture, such as a sky, a light one first.

    On any other picture a light ground looks like mist.
    """
    if look.background is not None:
        yield _owner_colours(look)
        return
    if ImageStat.Stat(region.convert("L")).mean[0] > _LIGHT:
        light = _tint_like(region, 0.975, 0.01)
        yield _Colours(light, _tint_like(region, 0.2, 0.04))
    yield _Colours(_tint_like(region, 0.17, 0.03), WHITE)


def lay_panel(
    picture: Image.Image, edge: Edge, box: Box, look: CardSettings
) -> tuple[Image.Image, Rgb]:
    """Return the picture with a panel to the end of *box*, and the letters' colour."""
    area = area_at(edge, box, picture.size)
    # A story's edges are covered, so a panel that reaches them would be too large.
    if edge in {"top", "bottom"} and picture.height >= _TALL * picture.width:
        area = (0, box[1], picture.width, box[3])
    colours = _panel_colours(picture.crop(box), look)
    canvas = picture.copy()
    canvas.paste(colours.ground, area)
    return canvas, colours.text


def area_at(edge: Edge, box: Box, size: tuple[int, int]) -> Box:
    """Return the area from an edge of the picture to the inner end of *box*."""
    width, height = size
    left, top, right, bottom = box
    return {
        "bottom": (0, top, width, height),
        "top": (0, 0, width, bottom),
        "left": (0, 0, right, height),
        "right": (left, 0, width, height),
    }[edge]


def _panel_colours(region: Image.Image, look: CardSettings) -> _Colours:
    if look.background is not None:
        return _owner_colours(look)
    return _Colours(_tint_like(region, 0.27, 0.06), WHITE)


def _owner_colours(look: CardSettings) -> _Colours:
    """Return the owner's colours; the text is white or black if his is not legible."""
    ground = parse_hex(look.background or "#000000")
    text = parse_hex(look.color) if look.color is not None else ground
    if contrast_ratio(text, ground) < _LEAST_CONTRAST:
        text = max((WHITE, BLACK), key=lambda colour: contrast_ratio(colour, ground))
    return _Colours(ground, text)


def _tint_like(region: Image.Image, lightness: float, chroma: float) -> Rgb:
    """Return a tint in the hue of a region; a grey one for a grey region."""
    red, green, blue = (level / 255 for level in ImageStat.Stat(region).mean)
    hue, saturation, _ = colorsys.rgb_to_hsv(red, green, blue)
    # OKLCH's hues are some 30 degrees further than those of HSV.
    return oklch_to_rgb(lightness, chroma * min(1, 3 * saturation), hue * 360 + 30)


def unrest(region: Image.Image) -> float:
    """Return how much a region shows: edges, large contrasts, the colours of skin.

    A dark head before a calm sky counts more than grass, which is no subject.
    """
    small = region.copy()
    small.thumbnail((160, 160), Image.Resampling.BOX)
    return measure_detail(small) + _SKIN_WEIGHT * _skin_share(small)


def measure_detail(region: Image.Image) -> float:
    """Return how many edges and large contrasts a region of some 100 pixels has."""
    grey = region.convert("L")
    # The filter leaves a frame of a pixel as it is.
    edges = grey.filter(ImageFilter.FIND_EDGES)
    edges = edges.crop((1, 1, edges.width - 1, edges.height - 1))
    coarse = grey.resize(_COARSE, Image.Resampling.BOX)
    return 0.5 * ImageStat.Stat(edges).mean[0] + ImageStat.Stat(coarse).stddev[0]


def _skin_share(image: Image.Image) -> float:
    """Return the share of pixels in the colours of skin, as faces stay uncovered.

    Source: Chai and Ngan (1999), "Face segmentation using skin-color map".
    """
    luma, blue, red = image.convert("YCbCr").split()
    mask = ImageChops.multiply(
        blue.point([255 * (77 <= level <= 127) for level in range(256)]),  # noqa: PLR2004 - of the source
        red.point([255 * (133 <= level <= 173) for level in range(256)]),  # noqa: PLR2004 - of the source
    )
    lit = luma.point([255 * (level > 60) for level in range(256)])  # noqa: PLR2004 - not in the dark
    return ImageStat.Stat(ImageChops.multiply(mask, lit)).mean[0] / 255
