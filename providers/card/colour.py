"""Chooses colours by the text: harmonious in OKLCH, legible by WCAG 2.  Pure.

OKLab: Björn Ottosson, "A perceptual color space for image processing".
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from providers.base import CardSettings

Rgb: TypeAlias = tuple[int, int, int]

#: The contrast of body text at level AAA.
TEXT_RATIO = 7.0
_ACCENT_RATIO = 3.6
_HUES = (14, 38, 62, 92, 128, 152, 178, 205, 236, 262, 292, 338)
_TURNS = (60, 150, 180, -60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The colours of a card.

    Attributes:
        first: Top left of the background's gradient.
        second: Bottom right of the background's gradient.
        motif: A tone near the background.
        text: A colour with a contrast of at least 7:1 to the three above.
        accent: The colour of ornaments, not of text.
    """

    first: Rgb
    second: Rgb
    motif: Rgb
    text: Rgb
    accent: Rgb

    @property
    def background_colours(self) -> tuple[Rgb, Rgb, Rgb]:
        """The colours behind the text."""
        return (self.first, self.second, self.motif)


def oklch_to_rgb(lightness: float, chroma: float, hue: float) -> Rgb:
    """Return the nearest sRGB colour; chroma is lowered until the colour exists.

    Args:
        lightness: 0 to 1.
        hue: Degrees.
    """
    while True:
        linear = _oklch_to_linear(lightness, chroma, hue)
        if chroma <= 0.001 or all(-0.0005 <= value <= 1.0005 for value in linear):
            break
        chroma *= 0.92
    red, green, blue = (_to_srgb(min(1.0, max(0.0, value))) for value in linear)
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
    """Return WCAG's relative luminance, 0 to 1."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_ratio(first: Rgb, second: Rgb) -> float:
    """Return WCAG's contrast ratio, 1 to 21."""
    low, high = sorted((relative_luminance(first), relative_luminance(second)))
    return (high + 0.05) / (low + 0.05)


def legible_tint(
    grounds: Sequence[Rgb], hue: float, chroma: float, *, dark: bool, ratio: float
) -> Rgb:
    """Return a tint with a contrast to all *grounds* of *ratio*, and not much more.

    If no tint has that ratio of WCAG's, the result is the better of white and black.

    Args:
        dark: The background is dark, so the tint is light.
    """
    light, deep = (0.93, 0.32) if ratio >= TEXT_RATIO else (0.80, 0.46)
    for step in range(41):
        share = step / 40
        lightness = light + (1 - light) * share if dark else deep * (1 - share)
        tint = oklch_to_rgb(lightness, chroma * (1 - share), hue)
        if _least_contrast(tint, grounds) >= ratio:
            return tint
    white, black = (255, 255, 255), (0, 0, 0)
    return max((white, black), key=lambda tint: _least_contrast(tint, grounds))


def _least_contrast(colour: Rgb, grounds: Sequence[Rgb]) -> float:
    return min(contrast_ratio(colour, ground) for ground in grounds)


def choose_palette(words: str, seed: int, look: CardSettings) -> Palette:
    """Return the colours of a card, which *words* and *seed* select.

    The owner's colours in *look* replace them, but for a text colour whose contrast
    is below 4.5.
    """
    digest = hashlib.sha256(f"{seed}\n{words}".encode("utf-8", "replace")).digest()
    hue = float(_HUES[digest[0] % len(_HUES)])
    kind = ("ink", "vivid", "vivid", "paper")[digest[1] % 4]
    drift = (24 + digest[2] % 17) * (1 if digest[3] % 2 else -1)
    first, second, motif = _choose_backgrounds(kind, hue, drift)
    if look.background is not None:
        first = _parse_hex(look.background)
        second, motif = _shade_colour(first, 0.06), _shade_colour(first, 0.03)
    grounds = (first, second, motif)
    dark = max(relative_luminance(ground) for ground in grounds) < 0.18
    chroma = 0.02 if dark else 0.05
    text = legible_tint(grounds, hue, chroma, dark=dark, ratio=TEXT_RATIO)
    color = _parse_hex(look.color) if look.color is not None else text
    text = color if _least_contrast(color, grounds) >= 4.5 else text
    if look.accent is not None:
        accent = _parse_hex(look.accent)
    else:
        other = hue + _TURNS[digest[4] % len(_TURNS)]
        accent = legible_tint(grounds, other, 0.15, dark=dark, ratio=_ACCENT_RATIO)
    return Palette(first=first, second=second, motif=motif, text=text, accent=accent)


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
    """Return the colour a little darker, or lighter if it is dark."""
    dark = relative_luminance(colour) < 0.05
    red, green, blue = (
        round(part + (255 - part) * amount) if dark else round(part * (1 - amount))
        for part in colour
    )
    return (red, green, blue)


def _parse_hex(text: str) -> Rgb:
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return (red, green, blue)
