"""Colours from words: harmonious in OKLCH, legible by WCAG 2.  Pure.

OKLab: Björn Ottosson, "A perceptual color space for image processing".
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]

#: The contrast of body text at level AAA.
TEXT_RATIO = 7.0
_ACCENT_RATIO = 3.6
_HUES = (14, 38, 62, 92, 128, 152, 178, 205, 236, 262, 292, 338)
_TURNS = (60, 150, 180, -60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """What a card is painted with.

    Attributes:
        first: Of the ground's gradient, top left.
        second: Bottom right.
        motif: One tone off the ground.
        text: At least 7:1 against all three.
        accent: For ornaments, never for words.
    """

    first: Rgb
    second: Rgb
    motif: Rgb
    text: Rgb
    accent: Rgb

    @property
    def background_colours(self) -> tuple[Rgb, Rgb, Rgb]:
        return (self.first, self.second, self.motif)


def oklch_to_rgb(lightness: float, chroma: float, hue: float) -> Rgb:
    """Return the nearest sRGB colour; chroma is lowered until it exists."""
    while True:
        linear = _oklch_to_linear(lightness, chroma, hue)
        if chroma <= 0.001 or all(-0.0005 <= one <= 1.0005 for one in linear):
            break
        chroma *= 0.92
    red, green, blue = (_to_srgb(min(1.0, max(0.0, one))) for one in linear)
    return (red, green, blue)


def _oklch_to_linear(
    lightness: float, chroma: float, hue: float
) -> tuple[float, float, float]:
    a, b = (chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue)))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )


def _to_srgb(value: float) -> int:
    curved = 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055
    return round(255 * curved)


def relative_luminance(colour: Rgb) -> float:
    """Return WCAG's relative luminance."""
    parts = [one / 255 for one in colour]
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4
        for one in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_ratio(one: Rgb, other: Rgb) -> float:
    """Return WCAG's contrast ratio, 1 to 21."""
    high, low = sorted(
        (relative_luminance(one), relative_luminance(other)), reverse=True
    )
    return (high + 0.05) / (low + 0.05)


def legible_tint(
    grounds: Sequence[Rgb], hue: float, chroma: float, *, dark: bool, ratio: float
) -> Rgb:
    """Return a tint that stands off all *grounds* by *ratio*, and not much more.

    Args:
        dark: The grounds are dark, so the tint is light.
    """
    words = ratio >= TEXT_RATIO
    light, deep = (0.93, 0.32) if words else (0.80, 0.46)
    for step in range(41):
        share = step / 40
        lightness = light + (1 - light) * share if dark else deep * (1 - share)
        tint = oklch_to_rgb(lightness, chroma * (1 - share), hue)
        if all(contrast_ratio(tint, ground) >= ratio for ground in grounds):
            return tint
    white, black = (255, 255, 255), (0, 0, 0)
    return max(
        (white, black), key=lambda one: min(contrast_ratio(one, g) for g in grounds)
    )


def choose_palette(
    words: str,
    seed: int,
    *,
    background: str | None = None,
    color: str | None = None,
    accent: str | None = None,
) -> Palette:
    """Return the colours of a card; the owner's own are followed and kept legible."""
    digest = hashlib.sha256(f"{seed}\n{words}".encode("utf-8", "replace")).digest()
    hue = float(_HUES[digest[0] % len(_HUES)])
    kind = ("ink", "vivid", "vivid", "paper")[digest[1] % 4]
    drift = (24 + digest[2] % 17) * (1 if digest[3] % 2 else -1)
    first, second, motif = _choose_backgrounds(kind, hue, drift)
    if background is not None:
        first = parse_hex(background)
        second, motif = _shade_colour(first, 0.06), _shade_colour(first, 0.03)
    grounds = (first, second, motif)
    dark = max(relative_luminance(ground) for ground in grounds) < 0.18
    text = legible_tint(
        grounds, hue, 0.02 if dark else 0.05, dark=dark, ratio=TEXT_RATIO
    )
    if (
        color is not None
        and min(contrast_ratio(parse_hex(color), g) for g in grounds) >= 4.5
    ):
        text = parse_hex(color)
    other = hue + _TURNS[digest[4] % len(_TURNS)]
    tint = legible_tint(grounds, other, 0.15, dark=dark, ratio=_ACCENT_RATIO)
    return Palette(
        first=first,
        second=second,
        motif=motif,
        text=text,
        accent=parse_hex(accent) if accent is not None else tint,
    )


def _choose_backgrounds(kind: str, hue: float, drift: float) -> tuple[Rgb, Rgb, Rgb]:
    match kind:
        case "ink":
            lights, chroma, motif = (0.275, 0.215), 0.055, 0.31
        case "vivid":
            lights, chroma, motif = (0.40, 0.335), 0.115, 0.425
        case _:
            lights, chroma, motif = (0.965, 0.93), 0.028, 0.90
    return (
        oklch_to_rgb(lights[0], chroma, hue),
        oklch_to_rgb(lights[1], chroma, hue + drift),
        oklch_to_rgb(motif, chroma * 1.05, hue + drift / 2),
    )


def _shade_colour(colour: Rgb, amount: float) -> Rgb:
    """Return the colour a little darker, or lighter when it is dark already."""
    dark = relative_luminance(colour) < 0.05
    red, green, blue = (
        round(one + (255 - one) * amount) if dark else round(one * (1 - amount))
        for one in colour
    )
    return (red, green, blue)


def parse_hex(text: str) -> Rgb:
    """Return the colour of "#rrggbb"."""
    return (int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16))
