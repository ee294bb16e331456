"""Computes the positions on a card: margins, safe areas, sizes, compositions.  Pure.

Sources: Meta's advertising guide for the safe areas of stories; measurements on
cards for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

#: Pairs of text length and the largest text size as a share of the short side.
_CEILINGS = ((18, 0.16), (45, 0.128), (90, 0.108))
_LONG = 0.09
#: The smallest letters as a share of the short side: of the text, of tag and author.
SMALLEST, SMALLEST_NOTE = 0.06, 0.03

Ground: TypeAlias = Literal["motif", "band", "frame", "panel", "halo", "foot"]


#: What is behind the text, whether it is centred, and how far down it is.
_ARRANGEMENTS: tuple[tuple[Ground, bool, float], ...] = (
    ("motif", False, 0.46),
    ("frame", True, 0.5),
    ("band", False, 0.92),
    ("halo", True, 0.5),
    ("panel", False, 0.5),
    ("foot", False, 0.08),
)


@dataclass(frozen=True, slots=True)
class Composition:
    """An arrangement of a card: what a regeneration changes besides the colours.

    Attributes:
        ground: What is drawn behind the text.
        is_centred: Lines are centred, instead of beginning at the margin.
        height_share: Share of the free height that is above the text.
        is_swapped: The two panels of a versus exchange their colours.
    """

    ground: Ground
    is_centred: bool
    height_share: float
    is_swapped: bool


COMPOSITIONS = tuple(
    Composition(ground, is_centred, height_share, number % 2 == 1)
    for number, (ground, is_centred, height_share) in enumerate(_ARRANGEMENTS)
)


def choose_composition(seed: int) -> Composition:
    """Return the composition of a seed; neighbouring seeds have different ones."""
    return COMPOSITIONS[seed % len(COMPOSITIONS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The positions on a card, in pixels from the top left.

    Attributes:
        short: The shorter side, of which the other sizes are shares.
        left, right, top, bottom: The edges of the area for text.
        foot: Baseline of the small line at the foot.
        small: Size of the small line.
        ceiling: Factor of the largest text size for this shape.
        is_wide: The card is a landscape, which has room beside a column.
    """

    short: int
    left: float
    right: float
    top: float
    bottom: float
    foot: float
    small: int
    ceiling: float
    is_wide: bool

    @property
    def width(self) -> float:
        """The width of the area for text."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """The height of the area for text."""
        return self.bottom - self.top

    @property
    def smallest(self) -> int:
        """The smallest legible text size in pixels."""
        return max(10, -int(-SMALLEST * self.short // 1))


def compute_layout(
    width: int, height: int, *, with_foot: bool, is_dense: bool = False
) -> Layout:
    """Return the layout of a card of *width* by *height* pixels.

    Args:
        with_foot: Reserve space for a small line or a logo at the foot.
        is_dense: Lines that belong together get narrower margins than a text.
    """
    short = min(width, height)
    landscape, tall = width / height >= 1.4, height / width >= 1.6
    margin = short * (0.07 if is_dense else 0.115 if landscape else 0.098)
    top, bottom = margin, height - margin
    if tall:
        top, bottom = height * 0.15, height * 0.785
    small = max(11, round(short * (0.04 if landscape else 0.034)))
    return Layout(
        short=short,
        left=margin,
        right=width - margin,
        top=top,
        bottom=bottom - small * (2.6 if is_dense else 3.0) if with_foot else bottom,
        foot=bottom,
        small=small,
        ceiling=1.36 if landscape else 1.12 if height > width else 1.0,
        is_wide=landscape,
    )


def largest_size(layout: Layout, length: int, relative_size: float) -> int:
    """Return the largest text size in pixels, for a text of *length* characters.

    Args:
        relative_size: The font's size as a share of a Latin font's.
    """
    ceiling = next((size for limit, size in _CEILINGS if length < limit), _LONG)
    largest = round(ceiling * layout.ceiling * relative_size * layout.short)
    return max(layout.smallest, largest)
