"""The layout of an event: a block with the date, the title, time and place."""

from __future__ import annotations

from dataclasses import replace

from providers.card import fonts
from providers.card.colour import readable_on
from providers.card.content import Content
from providers.card.elements import ASCENT, Element, PlacedLine, Shape
from providers.card.scene import Scene
from providers.card.text_block import TextBlock, place_block

_BLOCK = 0.25
_MONTH_FIRST = frozenset("月월")
_DETAIL_LARGEST = 0.075


def arrange_event(content: Content, scene: Scene) -> list[Element] | None:
    """Return the elements of an event, or None if they do not fit."""
    layout = scene.layout
    width, height = _block_size(content, scene)
    gap = layout.short * 0.05
    # A landscape has the date beside the words, other cards above them.
    beside = layout.is_wide
    free = layout.width - width - gap if beside else layout.width
    room = layout.height - (0 if beside else height + gap)
    details = _fit_details(content, scene, free)
    if details is None:
        return None
    details_height = sum(block.leading * len(block.lines) for block in details)
    space = layout.short * 0.035
    title = scene.fit(
        content.words.paragraphs,
        width=free,
        height=room - details_height - space,
        largest=round(0.15 * layout.short * layout.ceiling),
    )
    if title is None:
        return None
    words_height = title.height + space + details_height
    total = max(height, words_height) if beside else height + gap + words_height
    top = scene.top_of(total)
    left, right = layout.left, layout.right
    if beside and scene.font.is_rtl:
        block_left, right = right - width, right - width - gap
    elif beside:
        block_left, left = left, left + width + gap
    else:
        block_left = scene.left_of(width)
    elements = _arrange_date(content, scene, (block_left, top, width, height))
    top += max(0.0, (total - words_height) / 2) if beside else height + gap
    alignment = "start" if beside else scene.alignment
    for block, colour in (
        (title, scene.palette.text),
        *((block, scene.palette.emphasis) for block in details),
    ):
        elements += place_block(
            block, left=left, right=right, top=top, colour=colour, alignment=alignment
        )
        is_title = block is title
        top += title.height + space if is_title else block.leading * len(block.lines)
    return elements


def _fit_details(
    content: Content, scene: Scene, width: float
) -> list[TextBlock] | None:
    blocks = [
        scene.fit(
            [text],
            width=width,
            height=scene.layout.height * 0.3,
            largest=round(_DETAIL_LARGEST * scene.layout.short),
        )
        for text in content.details
    ]
    fitting = [block for block in blocks if block is not None]
    return fitting if len(fitting) == len(blocks) else None


def _block_size(content: Content, scene: Scene) -> tuple[float, float]:
    """Return width and height of the date's block in pixels."""
    layout = scene.layout
    day, month = _date_lines(content, scene)
    padding = layout.short * 0.03
    widest = max(line.box[2] - line.box[0] for line in (day, month) if line.text)
    height = day.size * 0.74 + padding * 2
    if month.text:
        height += month.size * 0.88 + layout.short * 0.022
    return max(layout.short * _BLOCK * 0.8, widest + padding * 2), height


def _date_lines(content: Content, scene: Scene) -> tuple[PlacedLine, PlacedLine]:
    short = scene.layout.short
    day, month = content.date
    # A span of days is not as large as a day.
    day_size = round(short * (0.16 if len(day) < 3 else 0.11))
    month_size = max(scene.layout.smallest, round(short * 0.064))
    first, second = (
        PlacedLine(
            text=text,
            font=fonts.choose_base_font(text, shouted=True, own=scene.look.font),
            size=size,
            left=0,
            baseline=0,
            colour=readable_on(scene.palette.accent),
        )
        for text, size in ((day, day_size), (month, month_size))
    )
    return first, second


def _arrange_date(
    content: Content, scene: Scene, place: tuple[float, float, float, float]
) -> list[Element]:
    left, top, width, height = place
    short = scene.layout.short
    elements: list[Element] = [
        Shape(
            box=(left, top, left + width, top + height),
            colour=scene.palette.accent,
            radius=short * 0.025,
        )
    ]
    baseline = top + short * 0.03
    day, month = _date_lines(content, scene)
    # Chinese, Japanese and Korean name the month first.
    order = (month, day) if month.text[-1:] in _MONTH_FIRST else (day, month)
    for index, line in enumerate(line for line in order if line.text):
        # Digits have no descenders, so the lines can be close.
        baseline += line.size * (ASCENT if line is month else 0.74)
        baseline += short * 0.022 * index
        wide = line.box[2] - line.box[0]
        elements.append(
            replace(
                line,
                left=left + (width - wide) / 2,
                baseline=baseline,
                spoken="" if index else " ".join(text for text in content.date if text),
            )
        )
        baseline += line.size * 0.1 if line is month else 0
    return elements
