"""Computes the positions on a card: margins, safe areas, sizes.  Pure.

Sources: Meta's advertising guide for the safe areas of stories; measurements on
cards for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

_LANDSCAPE, _TALL = 1.4, 1.6
#: Pairs of text length and the largest text size as a share of the short side.
_CEILINGS = ((18, 0.16), (45, 0.128), (90, 0.108))
_LONG = 0.09
_FLOOR = 0.036


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The positions on a card, in pixels from the top left.

    Attributes:
        short: The shorter side, of which the other sizes are shares.
        left: Left edge of the text.
        right: Right edge of the text.
        top: Top of the area for text.
        bottom: Bottom of the area for text.
        foot: Baseline of the small line at the foot.
        small: Size of the small line.
        height_share: Share of the free height that is above the text.
        ceiling: Factor of the largest text size for this shape.
    """

    short: int
    left: float
    right: float
    top: float
    bottom: float
    foot: float
    small: int
    height_share: float
    ceiling: float

    @property
    def width(self) -> float:
        """The width of the area for text."""
        return self.right - self.left


def compute_layout(width: int, height: int, *, with_foot: bool) -> Layout:
    """Return the layout of a card of *width* by *height* pixels.

    Args:
        with_foot: Reserve space for a small line or a logo at the foot.
    """
    short = min(width, height)
    landscape, tall = width / height >= _LANDSCAPE, height / width >= _TALL
    margin = short * (0.115 if landscape else 0.098)
    top, bottom = margin, height - margin
    if tall:
        top, bottom = height * 0.15, height * 0.785
    small = max(11, round(short * (0.036 if landscape else 0.028)))
    foot = bottom
    if with_foot:
        bottom -= small * 3.4
    return Layout(
        short=short,
        left=margin,
        right=width - margin,
        top=top,
        bottom=bottom,
        foot=foot,
        small=small,
        height_share=0.5 if tall else 0.46,
        ceiling=1.36 if landscape else 1.12 if height > width else 1.0,
    )


def largest_size(place: Layout, length: int, share: float) -> int:
    """Return the largest text size in pixels.

    Args:
        length: Length of the text in characters.
        share: The font's size as a share of a Latin font's.
    """
    ceiling = next((size for limit, size in _CEILINGS if length < limit), _LONG)
    return max(
        smallest_size(place), round(ceiling * place.ceiling * share * place.short)
    )


def smallest_size(place: Layout) -> int:
    """Return the smallest legible text size in pixels."""
    return max(10, round(_FLOOR * place.short))
