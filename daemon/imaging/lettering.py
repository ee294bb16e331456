"""Sets the words of a picture in lines, and draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageFilter

from providers.card import fonts
from providers.card.colour import WHITE
from providers.card.elements import PlacedLine, draw_elements
from providers.card.fonts import FontChoice
from providers.card.layout import SMALLEST, SMALLEST_NOTE
from providers.card.lines import typeset
from providers.card.text_block import TextBlock, line_left
from providers.outcomes import BadRequestError

#: Pairs of text length and the largest letters as a share of the shorter side.
_LARGEST = ((16, 0.125), (30, 0.105))
_LARGEST_OF_LONG = 0.088
#: A wide picture is seen smaller.
_WIDE_SHARE = 1.25


class UnsettableError(Exception):
    """The words cannot be set; the text says why, for people."""


def choose_font(text: str, own: str | None) -> FontChoice:
    """Return the font of a headline.

    Args:
        own: Path of the owner's font, which is the first choice.

    Raises:
        UnsettableError: No font has all its letters.
    """
    font = fonts.choose_base_font(text, shouted=text.isupper(), own=own)
    _check_letters(text, font)
    return font


def _check_letters(text: str, font: FontChoice) -> None:
    if font.needs_shaping and not fonts.has_raqm():
        raise UnsettableError("this script needs the system library libfribidi0")
    try:
        fonts.split_runs(text, font)
    except BadRequestError as error:
        raise UnsettableError(str(error)) from error


def typeset_headline(
    text: str, font: FontChoice, short: int, room: tuple[int, int], *, is_wide: bool
) -> TextBlock | None:
    """Return the lines of a headline, or None if it is too long.

    Args:
        short: The shorter side of the picture in pixels.
        room: Width and height of the place in pixels.
    """
    length = len(text) * (2 if font.features else 1)
    share = next((size for most, size in _LARGEST if length < most), _LARGEST_OF_LONG)
    share *= font.relative_size * (_WIDE_SHARE if is_wide else 1)
    smallest = math.ceil(short * SMALLEST)
    return typeset(
        [text],
        font,
        width=room[0],
        height=room[1],
        largest=max(smallest, round(short * share)),
        smallest=smallest,
    )


def stack_lines(
    block: TextBlock, left: int, right: int
) -> tuple[list[PlacedLine], int]:
    """Return the lines of a headline from 0 downwards, and their height in pixels.

    They are white until the colour of the letters is known.
    """
    font, size = block.font, block.size
    # Scripts with high and low marks have a larger leading.
    marks = (font.leading - 1) / 2
    lines = [
        PlacedLine(
            text=text,
            font=font,
            size=size,
            left=line_left(text, font, size, (left, right), "start"),
            baseline=(0.7 + marks + index * font.leading) * size,
            colour=WHITE,
        )
        for index, text in enumerate(block.lines)
    ]
    return lines, round(lines[-1].baseline + (0.15 + marks) * size)


def place_tag(
    tag: str, own: str | None, size: int, width: float, *, short: int
) -> PlacedLine:
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
    size = max(math.ceil(short * SMALLEST_NOTE), min(size, fitting))
    text = fonts.shorten_to_width(tag, font, size, width)
    return PlacedLine(
        text=text, font=font, size=size, left=0, baseline=-0.2 * size, colour=WHITE
    )


def draw_mask(size: tuple[int, int], lines: Sequence[PlacedLine]) -> Image.Image:
    """Return a mask of the letters of white lines and of the pixels next to them."""
    ink = Image.new("RGB", size)
    draw_elements(ink, lines)
    mask = ink.convert("L").point([255 * (level > 0) for level in range(256)])
    return mask.filter(ImageFilter.MaxFilter(3))
