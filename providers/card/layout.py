"""Where things stand on a card: margins, safe areas, sizes.  Pure.

Safe areas of stories: Meta's advertising guide; the rest is measured on cards.
"""

from __future__ import annotations

from dataclasses import dataclass

_LANDSCAPE, _TALL = 1.4, 1.6
#: Largest size of letters as a share of the short side, by length of the text.
_CEILINGS = ((18, 0.16), (45, 0.128), (90, 0.108))
_LONG = 0.09
_FLOOR = 0.036


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Pixels.

    Attributes:
        short: The shorter side, by which everything is measured.
        left: Of the words; `right` likewise.
        top: Of what may hold words; `bottom` likewise.
        foot: Baseline of the small line.
        height_share: Where in the free height the words stand.
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
        return self.right - self.left


def compute_layout(width: int, height: int, *, with_foot: bool) -> Layout:
    """Return the frame of a card of any shape."""
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
    """Return how large letters may be, by how much there is to say."""
    ceiling = next((size for limit, size in _CEILINGS if length < limit), _LONG)
    return max(
        smallest_size(place), round(ceiling * place.ceiling * share * place.short)
    )


def smallest_size(place: Layout) -> int:
    """Return the size below which nobody reads."""
    return max(10, round(_FLOOR * place.short))
