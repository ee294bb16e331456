"""Chooses colours by the text: harmonious in OKLCH, legible by WCAG 2.  Pure.

OKLab: Björn Ottosson, "A perceptual color space for image processing".
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from providers.base import CardSettings

Rgb: TypeAlias = tuple[int, int, int]

#: The contrast of body text at level AAA, and of large text and graphics.
TEXT_RATIO, LARGE_TEXT_RATIO = 7.0, 3.0
#: From this contrast on, white letters are taken before black ones.
_WHITE_RATIO = 3.5
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
_ACCENT_RATIO = 3.6
#: Lightness of the gradient's ends, chroma, and lightness of the motif.
_GROUNDS = {
    "ink": ((0.275, 0.215), 0.055, 0.31),
    "vivid": ((0.40, 0.335), 0.115, 0.425),
    "paper": ((0.965, 0.93), 0.028, 0.90),
    "strong": ((0.45, 0.40), 0.16, 0.40),
    "slate": ((0.30, 0.24), 0.012, 0.325),
    "linen": ((0.955, 0.93), 0.008, 0.905),
}
Mood: TypeAlias = Literal["calm", "sober", "lively"]
_KINDS: dict[Mood, tuple[str, ...]] = {
    "calm": ("ink", "vivid", "paper", "vivid"),
    "sober": ("slate", "linen"),
    "lively": ("strong", "vivid", "paper"),
}
#: Without yellow and orange, which are brown and olive when they are dark.
_HUES = (10, 345, 322, 300, 282, 264, 248, 232, 212, 190, 168, 150)
_TURNS = (60, 150, 180, -60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The colours of a card.

    Attributes:
        first: Top left of the background's gradient.
        second: Bottom right of the background's gradient.
        motif: A tone near the background.
        text: A colour with a contrast of at least 7:1 to the three above; at least 3:1
            if the owner has set one of the colours.
        accent: The colour of ornaments.
    """

    first: Rgb
    second: Rgb
    motif: Rgb
    text: Rgb
    accent: Rgb

    @property
    def emphasis(self) -> Rgb:
        """The accent as the colour of large letters; the text's if it is too faint."""
        least = _least_contrast(self.accent, self.background_colours)
        return self.accent if least >= LARGE_TEXT_RATIO else self.text

    @property
    def faint(self) -> Rgb:
        """A colour between background and text, for thin rules and empty stars."""
        red, green, blue = (
            round(ground + (ink - ground) * 0.22)
            for ground, ink in zip(self.first, self.text, strict=True)
        )
        return (red, green, blue)

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


def to_linear(channel: float) -> float:
    """Return a channel of an sRGB colour as linear light; both are 0 to 1."""
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def relative_luminance(colour: Rgb) -> float:
    """Return WCAG's relative luminance, 0 to 1."""
    red, green, blue = (to_linear(channel / 255) for channel in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_ratio(first: Rgb, second: Rgb) -> float:
    """Return WCAG's contrast ratio, 1 to 21."""
    low, high = sorted((relative_luminance(first), relative_luminance(second)))
    return (high + 0.05) / (low + 0.05)


def legible_tint(
    grounds: Sequence[Rgb], hue: float, chroma: float, *, dark: bool, ratio: float
) -> Rgb:
    """Return a tint with a contrast to all *grounds* of *ratio*, and not much more.

    If no tint has that ratio of WCAG's, the result is white on a dark background, else
    the better of white and black.

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
    # White looks better on a colour than black, as long as it can be read.
    if dark:
        return WHITE
    return max((WHITE, BLACK), key=lambda tint: _least_contrast(tint, grounds))


def readable_on(ground: Rgb, least: float = _WHITE_RATIO) -> Rgb:
    """Return white, or black where the contrast of white is below *least*."""
    return WHITE if contrast_ratio(WHITE, ground) >= least else BLACK


def _least_contrast(colour: Rgb, grounds: Sequence[Rgb]) -> float:
    return min(contrast_ratio(colour, ground) for ground in grounds)


def choose_palette(
    words: str,
    seed: int,
    look: CardSettings,
    *,
    mood: Mood = "calm",
    suits: Callable[[Sequence[Rgb]], bool] | None = None,
) -> Palette:
    """Return the colours of a card, which *words* and *seed* select.

    The owner's colours in *look* replace them as they are, but for a text colour whose
    contrast is below 3: see `illegible_contrast`.

    Args:
        mood: Sober words get few colours, lively ones strong colours.
        suits: Whether a background is fit for the owner's logo.
    """
    digest = hashlib.sha256(f"{seed}\n{words}".encode("utf-8", "replace")).digest()
    hue = float(_HUES[digest[0] % len(_HUES)])
    drift = (24 + digest[2] % 17) * (1 if digest[3] % 2 else -1)
    if 35 < (hue + drift) % 360 < 135:
        drift = -drift
    color = parse_hex(look.color) if look.color is not None else None
    if look.background is not None:
        grounds = _shade_background(parse_hex(look.background), color)
    else:
        kinds = _KINDS[mood]
        order = [kinds[(digest[1] + turn) % len(kinds)] for turn in range(len(kinds))]
        choices = [_choose_backgrounds(kind, hue, drift) for kind in order]
        # The first ground on which the owner's letters and logo can be seen.
        grounds = max(
            choices,
            key=lambda found: (
                color is None or _least_contrast(color, found) >= LARGE_TEXT_RATIO,
                suits is None or suits(found),
            ),
        )
    dark = all(contrast_ratio(WHITE, ground) >= _WHITE_RATIO for ground in grounds)
    text = legible_tint(
        grounds, hue, 0.02 if dark else 0.05, dark=dark, ratio=TEXT_RATIO
    )
    if color is not None and _least_contrast(color, grounds) >= LARGE_TEXT_RATIO:
        text = color
    if look.accent is not None:
        accent = parse_hex(look.accent)
    else:
        other = hue + _TURNS[digest[4] % len(_TURNS)]
        chroma = 0.03 if mood == "sober" else 0.15
        accent = legible_tint(grounds, other, chroma, dark=dark, ratio=_ACCENT_RATIO)
    first, second, motif = grounds
    return Palette(first=first, second=second, motif=motif, text=text, accent=accent)


def illegible_contrast(background: str, color: str) -> float | None:
    """Return the contrast of the owner's two colours if it is below 3, else None."""
    ratio = contrast_ratio(parse_hex(background), parse_hex(color))
    return ratio if ratio < LARGE_TEXT_RATIO else None


def _choose_backgrounds(kind: str, hue: float, drift: float) -> tuple[Rgb, Rgb, Rgb]:
    lights, chroma, motif = _GROUNDS[kind]
    # A sober ground has one hue.
    drift = drift if chroma > 0.02 else 0.0
    return (
        oklch_to_rgb(lights[0], chroma, hue),
        oklch_to_rgb(lights[1], chroma, hue + drift),
        oklch_to_rgb(motif, chroma * 1.05, hue + drift / 2),
    )


def _shade_background(ground: Rgb, color: Rgb | None) -> tuple[Rgb, Rgb, Rgb]:
    """Return the owner's background and two shades of it, away from the letters."""
    light = relative_luminance(ground)
    letters_are_light = contrast_ratio(WHITE, ground) >= _WHITE_RATIO
    if color is not None:
        letters_are_light = relative_luminance(color) > light
    # Black cannot get darker, and white not lighter.
    darker = light > 0.9 or (letters_are_light and light > 0.01)
    return (
        ground,
        _shade_colour(ground, darker, 0.1),
        _shade_colour(ground, darker, 0.06),
    )


def _shade_colour(colour: Rgb, darker: bool, amount: float) -> Rgb:  # noqa: FBT001
    target = 0 if darker else 255
    red, green, blue = (round(part + (target - part) * amount) for part in colour)
    return (red, green, blue)


def parse_hex(text: str) -> Rgb:
    """Return the colour of "#rrggbb"."""
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return (red, green, blue)
