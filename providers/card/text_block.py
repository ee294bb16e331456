"""The lines of a text: their places, and what can be left out of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from providers.card import fonts
from providers.card.colour import Rgb
from providers.card.elements import ASCENT, DESCENT, PlacedLine
from providers.card.fonts import FontChoice
from providers.card.sentences import join_sentences, split_sentences

_OPENERS = '“„«‘"「『'
_CLAUSE_END = re.compile(r"[,;:–—、，](?=\s|\w)|\s")

#: Where lines begin: at the margin where the text starts, in the middle, at the end.
Alignment = Literal["start", "centre", "end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBlock:
    """Lines of one size in pixels, and the text that they are."""

    text: str
    lines: tuple[str, ...]
    font: FontChoice
    size: int

    @property
    def leading(self) -> float:
        """The line height in pixels."""
        return self.font.leading * self.size

    @property
    def height(self) -> float:
        """The height of all lines in pixels."""
        return (len(self.lines) - 1) * self.leading + self.size * (ASCENT + DESCENT)

    @property
    def width(self) -> float:
        """The width of the longest line in pixels."""
        widest = max(fonts.width_at_100(line, self.font) for line in self.lines)
        return widest * self.size / 100


def place_block(
    block: TextBlock,
    *,
    left: float,
    right: float,
    top: float,
    colour: Rgb,
    alignment: Alignment = "start",
    hangs: bool = True,
    spoken: str | None = None,
) -> list[PlacedLine]:
    """Return the lines of a block between two edges, from *top* downwards.

    Args:
        hangs: An opening quotation mark is before the edge, the words at it.
        spoken: What the block says, if it is not its text alone.
    """
    return [
        PlacedLine(
            text=line,
            font=block.font,
            size=block.size,
            left=line_left(
                line, block.font, block.size, (left, right), alignment, hangs=hangs
            ),
            baseline=top + block.size * ASCENT + index * block.leading,
            colour=colour,
            spoken="" if index else block.text if spoken is None else spoken,
        )
        for index, line in enumerate(block.lines)
    ]


def line_left(
    line: str,
    font: FontChoice,
    size: int,
    edges: tuple[float, float],
    alignment: Alignment,
    *,
    hangs: bool = False,
) -> float:
    """Return the left edge of a line between two edges, the left and the right one."""
    left, right = edges
    width = fonts.width_at_100(line, font) * size / 100
    if alignment == "centre":
        return (left + right - width) / 2
    if (alignment == "start") == font.is_rtl:
        return right - width
    if alignment == "end" or font.is_rtl:
        return left
    left -= fonts.left_bearing(line, font, size)
    # An opening quotation mark hangs, so that the words start at the margin.
    if hangs and line[0] in _OPENERS:
        left -= 0.8 * fonts.width_at_100(line[0], font) * size / 100
    return left


def whole_sentences(paragraphs: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield a text, and the text without its last sentence, its last two and so on."""
    rest = [split_sentences(text) for text in paragraphs]
    yield tuple(paragraphs)
    while sum(map(len, rest)) > 1:
        rest[-1].pop()
        rest = [sentences for sentences in rest if sentences]
        yield tuple(join_sentences(sentences) for sentences in rest)


def cut_versions(paragraphs: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the first sentence, cut at its last clause or word, at the one before..."""
    first = split_sentences(paragraphs[0])[0]
    ends = [match.start() for match in _CLAUSE_END.finditer(first)]
    for end in reversed(ends or range(8, len(first), 4)):
        yield (f"{first[:end].rstrip(' ,;:–—、，')}…",)
