"""Chooses size, columns and heading for lines that belong together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from providers.card.content import Content
from providers.card.scene import Scene, head_height
from providers.card.text_block import TextBlock

_LARGEST = 0.088
#: With a head or without, and how much larger than the rows the heading is.
_HEADINGS = ((True, 1.24), (False, 1.24), (False, 1.0))
#: Space between rows and between the two halves of a wide card, in ems.
_GAP, GUTTER = 0.36, 1.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a list or a table: what begins it, and what it says.

    Attributes:
        mark: Mark of an item, or label of a table's row.
        value: Value of a table's row, at the other edge.
    """

    text: TextBlock
    mark: str = ""
    value: TextBlock | None = None

    @property
    def spoken(self) -> str:
        """What the row says."""
        if self.value:
            return f"{self.text.text}: {self.value.text}"
        return (
            f"{self.mark} {self.text.text}"
            if self.mark[:1].isdigit()
            else self.text.text
        )

    @property
    def height(self) -> float:
        """The height in pixels."""
        return max(self.text.height, self.value.height if self.value else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Heading and rows at one size in pixels.

    Attributes:
        columns: The rows of each column; a wide card may have two.
        indent: Width of the marks of a list, or of the times of a programme.
    """

    size: int
    heading: TextBlock | None
    columns: tuple[tuple[Row, ...], ...]
    width: float
    indent: float
    has_head: bool

    def column_height(self, rows: Sequence[Row]) -> float:
        """Return the height in pixels of rows below each other."""
        return sum(row.height for row in rows) + self.gap * (len(rows) - 1)

    @property
    def gap(self) -> float:
        """The space between two rows in pixels."""
        return _GAP * self.size

    @property
    def heading_height(self) -> float:
        """The height in pixels of the heading and the space below it."""
        return self.heading.height + self.size * 0.7 if self.heading else 0.0

    @property
    def height(self) -> float:
        """The height in pixels of heading and longest column."""
        return self.heading_height + max(map(self.column_height, self.columns))


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows at one size, and the width of their marks in pixels."""

    rows: list[Row]
    indent: float


@dataclass(frozen=True, slots=True)
class _Style:
    """A way to set rows: columns, a head or none, heading and lines of a row."""

    columns: int
    has_head: bool
    heading_ratio: float
    most: int

    @property
    def worth(self) -> float:
        """The factor of the size from which on another style is better."""
        return (
            {1: 1.25, 2: 1.1}.get(self.most, 1.0)
            * (1.1 if self.has_head else 1.0)
            * (1.08 if self.columns == 1 else 1.0)
            * (1.05 if self.heading_ratio > 1 else 1.0)
        )


#: Sets the rows at a size and a width in pixels, each on at most so many lines.
SetRows: TypeAlias = Callable[[int, float, int], Rows | None]


def best_setting(
    content: Content, scene: Scene, set_rows: SetRows, *, line_limits: Sequence[int]
) -> Setting | None:
    """Return the setting with the largest letters.

    Few broken lines, a head, a large heading and one column are worth some size.
    """
    count = max(len(content.items), len(content.rows))
    columns = (1, 2) if scene.layout.is_wide and count > 3 else (1,)
    settings = [
        (setting.size * style.worth, setting)
        for most in line_limits
        for number in columns
        for has_head, ratio in _HEADINGS
        for style in [_Style(number, has_head, ratio, most)]
        if (setting := _largest_setting(content, scene, set_rows, style))
    ]
    best = max(settings, key=lambda found: found[0], default=None)
    return best[1] if best else None


def _largest_setting(
    content: Content, scene: Scene, set_rows: SetRows, style: _Style
) -> Setting | None:
    layout = scene.layout
    head = head_height(content.words, scene) if style.has_head else 0.0
    best = None
    low, high = layout.smallest, round(_LARGEST * layout.ceiling * layout.short)
    while low <= high:
        size = (low + high) // 2
        setting = _set_size(content, scene, set_rows, style, size)
        if setting is not None and head + setting.height <= layout.height:
            best, low = setting, size + 1
        else:
            high = size - 1
    return best


def _set_size(
    content: Content, scene: Scene, set_rows: SetRows, style: _Style, size: int
) -> Setting | None:
    gutters = (style.columns - 1) * GUTTER * size
    width = (scene.layout.width - gutters) / style.columns
    found = set_rows(size, width, style.most)
    heading = _fit_heading(content, scene, size, style.heading_ratio)
    if found is None or heading is None:
        return None
    half = -(-len(found.rows) // style.columns)
    starts = range(0, len(found.rows), half)
    return Setting(
        size=size,
        heading=heading if heading.lines else None,
        columns=tuple(tuple(found.rows[start : start + half]) for start in starts),
        width=width,
        indent=found.indent,
        has_head=style.has_head,
    )


def _fit_heading(
    content: Content, scene: Scene, size: int, ratio: float
) -> TextBlock | None:
    if not content.words.paragraphs:
        return TextBlock(text="", lines=(), font=scene.font, size=size)
    if ratio == 1:
        return scene.fit_lines(content.words.paragraphs, size, scene.layout.width, 6)
    return scene.fit(
        content.words.paragraphs,
        height=scene.layout.height * 0.5,
        largest=round(size * ratio),
        smallest=size,
    )
