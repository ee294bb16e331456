"""The layout of a choice: two panels, and the word between them."""

from __future__ import annotations

from providers.card import fonts
from providers.card.colour import contrast_ratio, readable_on
from providers.card.content import Content
from providers.card.elements import ASCENT, DESCENT, Box, Element, PlacedLine, Shape
from providers.card.layout import largest_size
from providers.card.scene import Scene
from providers.card.text_block import TextBlock, place_block

_DISTINCT = 1.4


def arrange_versus(content: Content, scene: Scene) -> list[Element] | None:
    """Return the elements of two sides, or None if they do not fit."""
    layout, palette = scene.layout, scene.palette
    heading = None
    top = layout.top
    if content.words.paragraphs:
        heading = scene.fit(
            content.words.paragraphs,
            height=layout.height * 0.3,
            largest=round(0.085 * layout.short),
        )
        if heading is None:
            return None
        top += heading.height + layout.short * 0.045
    # Beside each other on a landscape, and in some compositions of a square.
    gap = layout.short * 0.025
    first, second = _split_box(
        (layout.left, top, layout.right, layout.bottom), gap, scene
    )
    sides = (content.sides[0], content.sides[2])
    width, height = first[2] - first[0], first[3] - first[1]
    # The word between them covers a part of both.
    disc = layout.smallest * 1.75
    is_stacked = first[0] == second[0]
    blocks = _fit_sides(
        sides,
        scene,
        width * 0.88 if is_stacked else width - disc * 1.3,
        height - disc * 1.2 if is_stacked else height * 0.8,
    )
    if blocks is None:
        return None
    elements: list[Element] = []
    if heading:
        elements += scene.place(heading, layout.top, palette.text)
    other = palette.accent
    # An accent that is nearly the colour of the letters does not tell the sides apart.
    if contrast_ratio(palette.text, other) < _DISTINCT:
        other = readable_on(palette.text)
    grounds = (palette.text, other)
    grounds = grounds[::-1] if scene.composition.is_swapped else grounds
    colours = [(ground, readable_on(ground)) for ground in grounds]
    panels = (
        (second, first) if scene.font.is_rtl and layout.is_wide else (first, second)
    )
    spoken = (" ".join(content.sides), "")
    for box, block, (ground, ink), said in zip(
        panels, blocks, colours, spoken, strict=True
    ):
        elements.append(Shape(box=box, colour=ground, radius=layout.short * 0.03))
        elements += place_block(
            block,
            left=box[0],
            right=box[2],
            top=(box[1] + box[3] - block.height) / 2,
            colour=ink,
            alignment="centre",
            spoken=said,
        )
    return [*elements, *_arrange_joint(scene, content.sides[1], first, second)]


def _split_box(box: Box, gap: float, scene: Scene) -> tuple[Box, Box]:
    left, top, right, bottom = box
    is_square = right - left > 0.8 * (bottom - top)
    if scene.layout.is_wide or (is_square and scene.composition.is_centred):
        end, start = (left + right) / 2 - gap / 2, (left + right) / 2 + gap / 2
        return (left, top, end, bottom), (start, top, right, bottom)
    end, start = (top + bottom) / 2 - gap / 2, (top + bottom) / 2 + gap / 2
    return (left, top, right, end), (left, start, right, bottom)


def _fit_sides(
    sides: tuple[str, str], scene: Scene, width: float, height: float
) -> tuple[TextBlock, TextBlock] | None:
    """Return both sides at one size."""
    length = max(map(len, sides))
    largest = largest_size(scene.layout, length, scene.font.relative_size)
    blocks: list[TextBlock] = []
    # Twice, as the second side may be smaller than the first.
    for side in (*sides, *sides):
        block = scene.fit([side], width=width, height=height, largest=largest)
        if block is None:
            return None
        largest = block.size
        blocks.append(block)
    return blocks[2], blocks[3]


def _arrange_joint(scene: Scene, joint: str, first: Box, second: Box) -> list[Element]:
    """Return the word between the sides, on a disc over their edges."""
    palette = scene.palette
    font = fonts.choose_base_font(joint, shouted=True, own=scene.look.font)
    size = scene.layout.smallest
    width = fonts.width_at_100(joint, font) * size / 100
    x, y = (first[0] + second[2]) / 2, (first[1] + second[3]) / 2
    tall = size * 1.75
    wide = max(tall, width + size * 0.9)
    return [
        Shape(
            box=(x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2),
            colour=palette.first,
            radius=tall / 2,
        ),
        PlacedLine(
            text=joint,
            font=font,
            size=size,
            left=x - width / 2,
            baseline=y + size * (ASCENT - DESCENT) / 2 - size * 0.03,
            colour=palette.text,
        ),
    ]
