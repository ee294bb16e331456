"""What all layouts share: the place for the text, the head of a card, small lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from providers.base import CardSettings
from providers.card import fonts
from providers.card.card_text import CardText
from providers.card.colour import Palette, Rgb
from providers.card.elements import Element, EmojiTile, PlacedLine, Shape
from providers.card.fonts import FontChoice
from providers.card.layout import SMALLEST_NOTE, Composition, Layout, largest_size
from providers.card.lines import fit_fewest, typeset
from providers.card.text_block import Alignment, TextBlock, line_left, place_block


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where and in what a card is set.

    Attributes:
        font: The font of most of the text, which also gives the direction.
    """

    layout: Layout
    composition: Composition
    palette: Palette
    font: FontChoice
    look: CardSettings

    @property
    def alignment(self) -> Alignment:
        """Where the lines of the text begin."""
        return "centre" if self.composition.is_centred else "start"

    def top_of(self, height: float) -> float:
        """Return the top of a block of *height* pixels."""
        free = max(0.0, self.layout.height - height)
        return self.layout.top + free * self.composition.height_share

    def left_of(self, width: float) -> float:
        """Return the left edge of an element of *width* pixels."""
        layout = self.layout
        if self.composition.is_centred:
            return (layout.left + layout.right - width) / 2
        return layout.right - width if self.font.is_rtl else layout.left

    def fit(
        self,
        paragraphs: Sequence[str],
        *,
        height: float,
        width: float | None = None,
        smallest: int | None = None,
        largest: int | None = None,
    ) -> TextBlock | None:
        """Return the lines of a text in the card's font, or None if it is too long.

        The defaults are the card's width, its smallest size, and the largest size for
        a text of that length.
        """
        length = sum(map(len, paragraphs)) * (2 if self.font.features else 1)
        return typeset(
            paragraphs,
            self.font,
            width=width or self.layout.width,
            height=height,
            largest=largest
            or largest_size(self.layout, length, self.font.relative_size),
            smallest=smallest or self.layout.smallest,
        )

    def fit_lines(
        self, paragraphs: Sequence[str], size: int, width: float, most: int
    ) -> TextBlock | None:
        """Return a text of *size* on as few lines as possible, at most *most*."""
        return fit_fewest(tuple(paragraphs), self.font, size, width, most)

    def place(self, block: TextBlock, top: float, colour: Rgb) -> list[PlacedLine]:
        """Return the lines of a block across the card, from *top* downwards."""
        return place_block(
            block,
            left=self.layout.left,
            right=self.layout.right,
            top=top,
            colour=colour,
            alignment=self.alignment,
        )

    def note(
        self, text: str, baseline: float, size: float, edges: tuple[float, float]
    ) -> PlacedLine:
        """Return a small line between two edges; first smaller, then shortened."""
        left, right = edges
        font = fonts.choose_base_font(text, shouted=True, own=self.look.font)
        width = fonts.width_at_100(text, font) / 100
        smallest = SMALLEST_NOTE * self.layout.short
        side = math.ceil(max(smallest, min(size, (right - left) // max(width, 1))))
        shown = fonts.shorten_to_width(text, font, side, right - left)
        start = line_left(shown, font, side, (left, right), self.note_alignment(font))
        return PlacedLine(
            text=shown,
            font=font,
            size=side,
            left=start,
            baseline=baseline,
            colour=self.palette.text,
            is_note=True,
            spoken=shown,
        )

    def note_alignment(self, font: FontChoice) -> Alignment:
        """Return where a small line begins: where the text begins."""
        if self.composition.is_centred:
            return "centre"
        return "start" if font.is_rtl == self.font.is_rtl else "end"


def head_height(words: CardText, scene: Scene) -> float:
    """Return the height of the one element at the head, with the space below it."""
    short = scene.layout.short
    if words.is_quotation:
        return short * 0.15
    if words.emblem:
        return short * 0.165
    if words.kicker:
        return short * 0.05 + scene.layout.small * 2.8
    return short * 0.075


def arrange_head(words: CardText, scene: Scene, top: float) -> list[Element]:
    """Return one element: a quotation mark, an emblem, a kicker, or a short bar."""
    short = scene.layout.short
    if words.is_quotation:
        return [_quotation_mark(scene, top)]
    if words.emblem:
        return _emblem(words, scene, top)
    if words.kicker:
        small = scene.layout.small * 1.1
        baseline = top + short * 0.012 + small * 1.6
        layout = scene.layout
        edges = (layout.left, layout.right)
        return [bar(scene, top, 0.05), scene.note(words.kicker, baseline, small, edges)]
    return [bar(scene, top, 0.085)]


def bar(scene: Scene, top: float, share: float) -> Shape:
    """Return a bar in the accent colour; *share* is its length in short sides."""
    length, thick = scene.layout.short * share, max(3.0, scene.layout.short * 0.0095)
    left = scene.left_of(length)
    return Shape(
        box=(left, top, left + length, top + thick),
        colour=scene.palette.accent,
        radius=thick / 2,
    )


def _quotation_mark(scene: Scene, top: float) -> PlacedLine:
    size, font = round(scene.layout.short * 0.24), fonts.SERIF
    bearing = fonts.left_bearing("“", font, size)
    width = fonts.width_at_100("“", font) * size / 100
    return PlacedLine(
        text="“",
        font=font,
        size=size,
        left=scene.left_of(width) - (0 if scene.composition.is_centred else bearing),
        baseline=top + size * 0.70,
        colour=scene.palette.accent,
    )


def _emblem(words: CardText, scene: Scene, top: float) -> list[Element]:
    size = round(scene.layout.short * 0.098)
    shown = [emoji for emoji in words.emblem if fonts.render_emoji(emoji, size)]
    if not shown:
        return [bar(scene, top, 0.085)]
    step = round(size * 1.16)
    left = scene.left_of(size + step * (len(shown) - 1))
    return [
        EmojiTile(emoji=emoji, size=size, left=left + step * index, top=top)
        for index, emoji in enumerate(shown)
    ]
