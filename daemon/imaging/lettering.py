"""Sets the words of a picture in lines, and draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageFilter

from providers.card import fonts
from providers.card.colour import Rgb
from providers.card.fonts import FontChoice
from providers.card.lines import TypeSetting, typeset
from providers.outcomes import BadRequestError

#: Shares of the shorter side: the smallest letters of a headline and of a tag.
_SMALLEST, _SMALLEST_TAG = 0.06, 0.03
#: Pairs of text length and the largest letters as a share of the shorter side.
_LARGEST = ((16, 0.125), (30, 0.105))
_LARGEST_OF_LONG = 0.088
#: A wide picture is seen smaller.
_WIDE_SHARE = 1.25


class UnsettableError(Exception):
    """The words cannot be set; the text says why, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line at its place; *left* and *baseline* are in pixels."""

    text: str
    font: FontChoice
    size: int
    left: float
    baseline: float

    @property
    def right(self) -> float:
        """The right edge in pixels."""
        return self.left + fonts.width_at_100(self.text, self.font) * self.size / 100


def choose_font(text: str, own: str | None) -> FontChoice:
    """Return the font of a headline.

    Args:
        own: Path of the owner's font, which is the first choice.

    Raises:
        UnsettableError: No font has all its letters.
    """
    font = fonts.choose_base_font(text, shouted=text.isupper(), own=own)
    if font.needs_shaping and not fonts.has_raqm():
        raise UnsettableError("this script needs the system library libfribidi0")
    _check_letters(text, font)
    return font


def _check_letters(text: str, font: FontChoice) -> None:
    try:
        fonts.split_runs(text, font)
    except BadRequestError as error:
        raise UnsettableError(str(error)) from error


def typeset_headline(
    text: str, font: FontChoice, short: int, room: tuple[int, int], *, is_wide: bool
) -> TypeSetting | None:
    """Return the lines of a headline and their size, or None if it is too long.

    Args:
        short: The shorter side of the picture in pixels.
        room: Width and height of the place in pixels.
    """
    length = len(text) * (2 if font.features else 1)
    share = next((size for most, size in _LARGEST if length < most), _LARGEST_OF_LONG)
    share *= font.relative_size * (_WIDE_SHARE if is_wide else 1)
    smallest = math.ceil(short * _SMALLEST)
    return typeset(
        [text],
        font,
        width=room[0],
        height=room[1],
        largest=max(smallest, round(short * share)),
        smallest=smallest,
    )


def stack_lines(
    setting: TypeSetting, font: FontChoice, left: int, right: int
) -> tuple[list[Line], int]:
    """Return the lines of a headline from 0 downwards, and their height in pixels."""
    size = setting.size
    # Scripts with high and low marks have a larger leading.
    marks = (font.leading - 1) / 2
    lines = [
        Line(
            text=text,
            font=font,
            size=size,
            left=_line_left(text, font, size, left, right),
            baseline=(0.7 + marks + index * font.leading) * size,
        )
        for index, text in enumerate(setting.lines)
    ]
    return lines, round(lines[-1].baseline + (0.15 + marks) * size)


def _line_left(
    text: str, font: FontChoice, size: int, left: float, right: float
) -> float:
    """Return the left edge of a line whose ink begins at the margin."""
    if font.is_rtl:
        return right - fonts.width_at_100(text, font) * size / 100
    return left - fonts.left_bearing(text, font, size)


def place_tag(
    tag: str, own: str | None, size: int, width: float, *, short: int
) -> Line:
    """Return the brand's line at 0, first smaller and then shortened to *width* pixels.

    Args:
        own: Path of the owner's font.
        size: Its size in pixels.
        short: The shorter side of the picture in pixels.

    Raises:
        UnsettableError: No font has all its letters.
    """
    font = fonts.choose_base_font(tag, shouted=True, own=own)
    _check_letters(tag, font)
    fitting = int(width * 100 / max(1, fonts.width_at_100(tag, font)))
    size = max(math.ceil(short * _SMALLEST_TAG), min(size, fitting))
    text = fonts.shorten_to_width(tag, font, size, width)
    return Line(text=text, font=font, size=size, left=0, baseline=-0.2 * size)


def draw_mask(size: tuple[int, int], lines: Sequence[Line]) -> Image.Image:
    """Return a mask of the letters and of the pixels next to them."""
    ink = Image.new("RGB", size)
    draw_lines(ink, lines, (255, 255, 255))
    mask = ink.convert("L").point([255 * (level > 0) for level in range(256)])
    return mask.filter(ImageFilter.MaxFilter(3))


def draw_lines(canvas: Image.Image, lines: Sequence[Line], colour: Rgb) -> None:
    """Draw the lines at their places."""
    for line in lines:
        fonts.draw_line(
            canvas,
            line.text,
            line.font,
            size=line.size,
            left=line.left,
            baseline=line.baseline,
            colour=colour,
        )
