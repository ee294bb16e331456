"""The layouts of lines that belong together: list and table, always complete."""

from __future__ import annotations

from collections.abc import Sequence

from providers.card import fonts
from providers.card.content import Content
from providers.card.elements import ASCENT, Element, EmojiTile, PlacedLine, Shape
from providers.card.row_setting import GUTTER, Row, Rows, Setting, best_setting
from providers.card.scene import Scene, arrange_head, head_height
from providers.card.text_block import Alignment, TextBlock, place_block


def arrange_list(content: Content, scene: Scene) -> list[Element] | None:
    """Return the elements of a list with all its items, or None if they do not fit."""
    marks = [item.mark for item in content.items]
    numbers = [mark for mark in marks if mark[:1].isdigit()]
    widest = max((fonts.width_at_100(mark, scene.font) for mark in numbers), default=0)

    def set_rows(size: int, width: float, most: int) -> Rows | None:
        indent = max(widest * size / 100, size * 0.62) + size * 0.42
        rows = [
            Row(text=block, mark=item.mark)
            for item in content.items
            if (block := _fit_line(scene, item.text, size, width - indent, most))
        ]
        return Rows(rows, indent) if len(rows) == len(marks) else None

    setting = best_setting(content, scene, set_rows, line_limits=(1, 2, 4))
    return None if setting is None else _arrange_rows(content, scene, setting)


def arrange_table(content: Content, scene: Scene) -> list[Element] | None:
    """Return the elements of a table with all its rows, or None if they do not fit."""
    # A programme begins with the times.
    times_first = all(label[:1].isdigit() for label, _ in content.rows)
    widest = max(fonts.width_at_100(label, scene.font) for label, _ in content.rows)

    def set_rows(size: int, width: float, most: int) -> Rows | None:
        indent = widest * size / 100 + size * 0.8 if times_first else 0.0
        rows: list[Row] = []
        for label, value in content.rows:
            if times_first:
                text = _fit_line(scene, value, size, width - indent, most)
                row = Row(text=text, mark=label) if text else None
            else:
                row = _set_pair(scene, (label, value), size, width, most)
            if row is None:
                return None
            rows.append(row)
        return Rows(rows, indent)

    # A table with broken lines is hard to read, whatever their size.
    setting = best_setting(content, scene, set_rows, line_limits=(1,))
    setting = setting or best_setting(content, scene, set_rows, line_limits=(2,))
    return None if setting is None else _arrange_rows(content, scene, setting)


def _set_pair(
    scene: Scene, row: tuple[str, str], size: int, width: float, most: int
) -> Row | None:
    """Return label and value, each on at most so many lines."""
    label, value = row
    for share in (0.75, 0.5):
        right = _fit_line(scene, value, size, width * share, most)
        if right is None:
            continue
        room = width - right.width - size * 0.7
        left = _fit_line(scene, label, size, room, most)
        if left is not None:
            return Row(text=left, value=right)
    return None


def _fit_line(
    scene: Scene, text: str, size: int, width: float, most: int
) -> TextBlock | None:
    """Return a text on as few lines as possible, or None if there are too many."""
    return scene.fit_lines([text], size, width, most) if width >= size * 4 else None


def _arrange_rows(content: Content, scene: Scene, setting: Setting) -> list[Element]:
    layout = scene.layout
    head = head_height(content.words, scene) if setting.has_head else 0.0
    top = scene.top_of(head + setting.height)
    elements = arrange_head(content.words, scene, top) if setting.has_head else []
    if setting.heading:
        elements += scene.place(setting.heading, top + head, scene.palette.emphasis)
    top += head + setting.heading_height
    shift = _shift_to_centre(scene, setting)
    for index, rows in enumerate(setting.columns):
        offset = index * (setting.width + GUTTER * setting.size) + shift
        left = layout.left + offset
        if scene.font.is_rtl:
            left = layout.right - offset - setting.width
        elements += _arrange_column(scene, setting, rows, left, top)
    return elements


def _shift_to_centre(scene: Scene, setting: Setting) -> float:
    """Return how far a centred list begins from the margin."""
    rows = [row for column in setting.columns for row in column]
    is_table = any(row.value for row in rows)
    if scene.alignment != "centre" or is_table or len(setting.columns) > 1:
        return 0.0
    return (setting.width - setting.indent - max(row.text.width for row in rows)) / 2


def _arrange_column(
    scene: Scene, setting: Setting, rows: Sequence[Row], left: float, top: float
) -> list[Element]:
    elements: list[Element] = []
    right = left + setting.width
    for index, row in enumerate(rows):
        if row.value and index:
            middle = top - setting.gap / 2
            thick = max(1.0, scene.layout.short * 0.0025)
            elements.append(
                Shape(
                    box=(left, middle - thick, right, middle),
                    colour=scene.palette.faint,
                )
            )
        start, end = left + setting.indent, right
        if scene.font.is_rtl:
            start, end = left, right - setting.indent
        if setting.indent:
            elements.append(_arrange_mark(scene, row.mark, setting, left, top))
        places: list[tuple[TextBlock | None, Alignment, str]] = [
            (row.text, "start", row.spoken),
            (row.value, "end", ""),
        ]
        for block, alignment, spoken in places:
            if block is not None:
                elements += place_block(
                    block,
                    left=start,
                    right=end,
                    top=top,
                    colour=scene.palette.text,
                    alignment=alignment,
                    hangs=False,
                    spoken=spoken,
                )
        top += row.height + setting.gap
    return elements


def _arrange_mark(
    scene: Scene, mark: str, setting: Setting, left: float, top: float
) -> Element:
    """Return a number or a time, a check mark, an emoji, or a dot."""
    size, colour = setting.size, scene.palette.emphasis
    right = left + setting.width
    baseline = top + size * ASCENT
    if mark[:1].isdigit():
        width = fonts.width_at_100(mark, scene.font) * size / 100
        return PlacedLine(
            text=mark,
            font=scene.font,
            size=size,
            left=right - width if scene.font.is_rtl else left,
            baseline=baseline,
            colour=colour,
        )
    side = size * (0.66 if mark == "✓" else 0.9 if mark else 0.26)
    middle = baseline - size * 0.33
    start = right - side if scene.font.is_rtl else left
    if mark and mark != "✓" and fonts.render_emoji(mark, round(side)):
        return EmojiTile(
            emoji=mark, size=round(side), left=start, top=middle - side / 2
        )
    side = side if mark == "✓" else size * 0.26
    start = right - side if scene.font.is_rtl else left
    return Shape(
        box=(start, middle - side / 2, start + side, middle + side / 2),
        colour=colour,
        kind="check" if mark == "✓" else "rectangle",
        radius=side / 2,
    )
