"""Computes the positions on a card: margins, safe areas, sizes.  Pure.

Sources: Meta's advertising guide for the safe areas of stories; measurements on
cards for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Pairs of text length and the largest text size as a share of the short side.
_CEILINGS = ((18, 0.16), (45, 0.128), (90, 0.108))
_LONG = 0.09
_FLOOR = 0.036


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The positions on a card, in pixels from the top left.

    Attributes:
        short: The shorter side, of which the other sizes are shares.
        left, right, top, bottom: The edges of the area for text.
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
    landscape, tall = width / height >= 1.4, height / width >= 1.6
    margin = short * (0.115 if landscape else 0.098)
    top, bottom = margin, height - margin
    if tall:
        top, bottom = height * 0.15, height * 0.785
    small = max(11, round(short * (0.036 if landscape else 0.028)))
    return Layout(
        short=short,
        left=margin,
        right=width - margin,
        top=top,
        bottom=bottom - small * 3.4 if with_foot else bottom,
        foot=bottom,
        small=small,
        height_share=0.5 if tall else 0.46,
        ceiling=1.36 if landscape else 1.12 if height > width else 1.0,
    )


def largest_size(layout: Layout, length: int, relative_size: float) -> int:
    """Return the largest text size in pixels, for a text of *length* characters.

    Args:
        relative_size: The font's size as a share of a Latin font's.
    """
    ceiling = next((size for limit, size in _CEILINGS if length < limit), _LONG)
    largest = round(ceiling * layout.ceiling * relative_size * layout.short)
    return max(smallest_size(layout), largest)


def smallest_size(layout: Layout) -> int:
    """Return the smallest legible text size in pixels."""
    return max(10, round(_FLOOR * layout.short))
