"""Lays a headline, and the brand, over a picture.

The words go to the calmest edge of the picture, on a gradient or a panel.  Type and
safe areas are the card's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from PIL import Image, ImageDraw, ImageOps, ImageStat

from daemon.imaging import scrim
from daemon.imaging.lettering import (
    UnsettableError,
    choose_font,
    draw_mask,
    place_tag,
    stack_lines,
    typeset_headline,
)
from daemon.imaging.scrim import Box, Edge
from providers.base import CardSettings
from providers.card.colour import WHITE, Rgb, readable_on
from providers.card.elements import PlacedLine, draw_elements
from providers.card.fonts import FontChoice
from providers.card.logo import open_logo

Style: TypeAlias = Literal["gradient", "panel"]
PlacedLogo: TypeAlias = tuple[Image.Image, tuple[int, int]]

#: Shares of the shorter side: the margin, the space around the words on their ground,
#: the letters of the brand's line.
_MARGIN, _PADDING, _TAG = 0.07, 0.05, 0.036
#: Facebook covers the upper and the lower part of a story (Meta's advertising guide).
_STORY_TOP, _STORY_BOTTOM, _STORY_SIDE = 0.15, 0.785, 0.1
#: Shares of the picture that the words may cover: in height, beside its subject.
_MOST_HEIGHT, _MOST_WIDTH = 0.36, 0.42
#: Of the tag's size: height of the logo, space above the brand's line.
_LOGO_EMS, _GAP_EMS = 2.2, 1.1
#: Share of the width that a logo may have, so that the tag has room.
_LOGO_WIDTH = 0.3
#: Height by width of a story, width by height of a landscape.
_TALL, _WIDE = 1.6, 1.4
#: The least contrast of a logo to its ground (WCAG 2.2, 1.4.11).
_LOGO_CONTRAST = 3.0
#: The most detail behind a logo without a plate: hills have less, stripes more.
_LOGO_DETAIL = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is laid over a picture.

    Attributes:
        headline: Empty for the brand alone.
        look: The colours and the font; with `with_brand` also the tag and the logo.
    """

    headline: str
    style: Style
    look: CardSettings
    with_brand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Brand:
    """The brand's line: a tag, a logo or both; sizes are in pixels."""

    tag: PlacedLine | None = None
    logos: Sequence[Image.Image] = ()
    height: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The words at one edge of the picture.

    Attributes:
        box: What the words and the space around them may cover.
        ink: What they cover.
        logos: The logo and that for dark grounds, at their final sizes, each with its
            top left corner.
    """

    edge: Edge
    box: Box
    ink: Box
    lines: Sequence[PlacedLine]
    logos: Sequence[PlacedLogo]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """Words at their place on a picture.

    Attributes:
        ground: The picture with the gradient or panel.
        letters: A mask of the letters and of the pixels next to them.
        colour: The colour of the letters.
    """

    ground: Image.Image
    letters: Image.Image
    colour: Rgb
    block: Block

    def draw(self) -> Image.Image:
        """Return the picture with the words."""
        canvas = self.ground.copy()
        lines = self.block.lines
        draw_elements(canvas, [replace(line, colour=self.colour) for line in lines])
        if self.logo is not None:
            _paste_logo(canvas, self.logo)
        return canvas

    @property
    def logo(self) -> PlacedLogo | None:
        """The logo that stands out from the ground, else the one that does most."""
        seen = {
            index: min(_LOGO_CONTRAST, _measure_logo(self.ground, placed))
            for index, placed in enumerate(self.block.logos)
        }
        best = max(seen, key=lambda index: seen[index], default=None)
        return None if best is None else self.block.logos[best]


def lay_out_words(picture: Image.Image, words: Words) -> Overlay:
    """Return the place of the words on an RGB picture, and their ground.

    FreeType's fonts are not thread-safe: hold `card_provider.FONT_LOCK`, here and when
    drawing.

    Raises:
        UnsettableError: No font has the letters, or the words are too long.
    """
    font = choose_font(words.headline or words.look.tag, words.look.font)
    edges: list[Edge] = ["bottom", "top"]
    # A wide picture has room beside its subject.
    if picture.width >= _WIDE * picture.height:
        edges += ["left", "right"]
    blocks = [
        block
        for edge in edges
        if (block := _place_block(picture.size, words, font, edge)) is not None
    ]
    if not blocks:
        raise UnsettableError("the headline is too long")
    block = min(blocks, key=lambda block: _unrest_behind(picture, block))
    mask = draw_mask(picture.size, block.lines)
    # A logo alone has its plate.
    laid = None if block.lines else (picture.copy(), WHITE)
    if words.style == "gradient" and laid is None:
        laid = scrim.lay_gradient(picture, block.edge, block.box, mask, words.look)
    ground, colour = laid or scrim.lay_panel(picture, block.edge, block.box, words.look)
    return Overlay(ground=ground, letters=mask, colour=colour, block=block)


def _unrest_behind(picture: Image.Image, block: Block) -> float:
    """Return how restless the picture is behind the words, and beside them."""
    strip = scrim.area_at(block.edge, block.box, picture.size)
    behind = scrim.unrest(picture.crop(_pad(block.ink, picture.size)))
    unrest = 0.7 * behind + 0.3 * scrim.unrest(picture.crop(strip))
    # Readers expect the words at the foot, unless another edge is clearly calmer.
    return unrest if block.edge == "bottom" else 1.15 * unrest + 1


def _place_block(
    size: tuple[int, int], words: Words, font: FontChoice, edge: Edge
) -> Block | None:
    """Return the words at *edge*, or None if they do not fit there."""
    left, top, right, bottom = _area_at(size, edge)
    brand = _size_brand(words, min(size), right - left)
    lines: list[PlacedLine] = []
    height = 0
    if words.headline:
        headline = typeset_headline(
            words.headline,
            font,
            min(size),
            (right - left, bottom - top - brand.height),
            is_wide=size[0] >= _WIDE * size[1],
        )
        if headline is None:
            return None
        lines, height = stack_lines(headline, left, right)
    height += brand.height
    start = {"bottom": bottom - height, "top": top}.get(
        edge, (top + bottom - height) // 2
    )
    placed = [replace(line, baseline=line.baseline + start) for line in lines]
    end = start + height
    if (tag := brand.tag) is not None:
        tag_left = right - tag.box[2] if font.is_rtl else left
        placed.append(replace(tag, left=tag_left, baseline=tag.baseline + end))
    logos = [
        (logo, (left if font.is_rtl else right - logo.width, end - logo.height))
        for logo in brand.logos
    ]
    edges = [*(line.left for line in placed), *(line.box[2] for line in placed)]
    ink = (
        round(min(edges, default=left)),
        start,
        round(max(edges, default=right)),
        end,
    )
    box = _pad((left, start, right, end), size)
    return Block(edge=edge, box=box, ink=ink, lines=placed, logos=logos)


def _area_at(size: tuple[int, int], edge: Edge) -> Box:
    """Return the part of the safe area in which words at *edge* may be."""
    width, height = size
    margin = round(min(size) * _MARGIN)
    left, top, right, bottom = margin, margin, width - margin, height - margin
    if height >= _TALL * width:
        left = round(width * _STORY_SIDE)
        right = width - left
        top, bottom = round(height * _STORY_TOP), round(height * _STORY_BOTTOM)
    match edge:
        case "top":
            return left, top, right, min(bottom, top + round(height * _MOST_HEIGHT))
        case "bottom":
            return left, max(top, bottom - round(height * _MOST_HEIGHT)), right, bottom
        case "left":
            return left, top, left + round(width * _MOST_WIDTH), bottom
        case "right":
            return right - round(width * _MOST_WIDTH), top, right, bottom


def _pad(box: Box, size: tuple[int, int]) -> Box:
    pad = round(min(size) * _PADDING)
    left, top, right, bottom = box
    return (
        max(0, left - pad),
        max(0, top - pad),
        min(size[0], right + pad),
        min(size[1], bottom + pad),
    )


def _size_brand(words: Words, short: int, width: int) -> _Brand:
    """Return the brand's line for a place of *width* pixels, with the space above."""
    if not words.with_brand:
        return _Brand()
    size = math.ceil(short * _TAG)
    limit = (round(width * _LOGO_WIDTH), round(size * _LOGO_EMS))
    paths = (words.look.logo, words.look.logo_dark)
    logos = [logo for path in paths if path and (logo := _load_logo(path, limit))]
    room = width - max((logo.width + size for logo in logos), default=0)
    text, own = words.look.tag, words.look.font
    tag = place_tag(text, own, size, room, short=short) if text else None
    height = max(size if tag else 0, *(logo.height for logo in logos), 0)
    gap = round(size * _GAP_EMS) if height and words.headline else 0
    return _Brand(tag=tag, logos=logos, height=height + gap)


def _load_logo(path: str, limit: tuple[int, int]) -> Image.Image | None:
    """Return the owner's logo without its margins; None if nothing of it is seen."""
    if (logo := open_logo(path)) is None:
        return None
    small = ImageOps.contain(logo.crop(logo.getchannel("A").getbbox()), limit)
    # A line may have vanished.
    return small if small.getchannel("A").getbbox() else None


def _measure_logo(ground: Image.Image, placed: PlacedLogo) -> float:
    """Return the least contrast of the logo's colour to the ground behind it."""
    logo, (left, top) = placed
    behind = ground.crop((left, top, left + logo.width, top + logo.height))
    return scrim.measure_contrast(behind, logo.getchannel("A"), _tone_of(logo))


def _tone_of(logo: Image.Image) -> Rgb:
    red, green, blue = ImageStat.Stat(logo.convert("RGB"), logo.getchannel("A")).mean
    return round(red), round(green), round(blue)


def _paste_logo(canvas: Image.Image, placed: PlacedLogo) -> None:
    """Paste the logo, on a plate where it does not stand out."""
    logo, (left, top) = placed
    right, bottom, pad = left + logo.width, top + logo.height, max(4, logo.height // 6)
    plate = (left - pad, top - pad, right + pad, bottom + pad)
    detail = scrim.measure_detail(canvas.crop(plate))
    if detail > _LOGO_DETAIL or _measure_logo(canvas, placed) < _LOGO_CONTRAST:
        pen = ImageDraw.Draw(canvas)
        colour = readable_on(_tone_of(logo), _LOGO_CONTRAST)
        pen.rounded_rectangle(plate, pad, colour)
    canvas.paste(logo, (left, top), logo.getchannel("A"))
