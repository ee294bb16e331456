"""What a card consists of: lines of text, shapes, emoji, a logo, each at its place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from PIL import Image, ImageDraw

from providers.card import fonts
from providers.card.colour import Rgb
from providers.card.font_files import EMOJI
from providers.card.fonts import EMOJI_EM, FontChoice, TextRun

#: Left, top, right and bottom, in pixels.
Box: TypeAlias = tuple[float, float, float, float]
#: The ascent and the descent of a line, in ems.
ASCENT, DESCENT = 0.78, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLine:
    """A line of text; positions and size in pixels.

    Attributes:
        is_note: It is the tag or the name of an author, which may be small.
        spoken: What the alternative text says for it: a text is said as a whole with
            its first line, a label with its value.
    """

    text: str
    font: FontChoice
    size: int
    left: float
    baseline: float
    colour: Rgb
    is_note: bool = False
    spoken: str = ""

    @property
    def box(self) -> Box:
        """The area of the line."""
        width = fonts.width_at_100(self.text, self.font) * self.size / 100
        top, bottom = self.baseline - ASCENT * self.size, DESCENT * self.size
        return (self.left, top, self.left + width, self.baseline + bottom)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A rectangle with round corners, a star or a check mark within a box.

    Attributes:
        radius: Radius of the corners in pixels.
    """

    box: Box
    colour: Rgb
    kind: Literal["rectangle", "star", "check"] = "rectangle"
    radius: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EmojiTile:
    """An emoji, *size* pixels wide and high."""

    emoji: str
    size: int
    left: float
    top: float

    @property
    def box(self) -> Box:
        """The area of the emoji."""
        return (self.left, self.top, self.left + self.size, self.top + self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoImage:
    """The owner's logo, at its final size."""

    image: Image.Image
    left: float
    top: float

    @property
    def box(self) -> Box:
        """The area of the logo."""
        width, height = self.image.size
        return (self.left, self.top, self.left + width, self.top + height)


Element: TypeAlias = PlacedLine | Shape | EmojiTile | LogoImage


def draw_elements(canvas: Image.Image, elements: Iterable[Element]) -> None:
    """Draw the elements of a card, in their order."""
    for element in elements:
        match element:
            case PlacedLine():
                _draw_line(canvas, element)
            case Shape():
                _draw_shape(canvas, element)
            case EmojiTile():
                tile = fonts.render_emoji(element.emoji, element.size)
                if tile is not None:
                    canvas.paste(tile, (round(element.left), round(element.top)), tile)
            case LogoImage():
                place = (round(element.left), round(element.top))
                canvas.paste(element.image, place, element.image)


def _draw_line(canvas: Image.Image, line: PlacedLine) -> None:
    runs: Sequence[TextRun] = fonts.split_runs(line.text, line.font)
    if line.font.is_rtl:
        runs = _in_visual_order(runs)
    direction = "rtl" if line.font.is_rtl and fonts.has_raqm() else None
    pen = ImageDraw.Draw(canvas)
    left = line.left
    for run in runs:
        if run.choice is EMOJI:
            width = line.size * EMOJI_EM
            tile = fonts.render_emoji(run.text, round(width))
            if tile is not None:
                top = round(line.baseline - line.size * 0.88)
                canvas.paste(tile, (round(left), top), tile)
            left += width
            continue
        font = fonts.load_font(run.choice.path, line.size, run.choice.index)
        tags = fonts.font_features(run.choice)
        where = (left, line.baseline)
        pen.text(
            where, run.text, line.colour, font, "ls", direction=direction, features=tags
        )
        left += font.getlength(run.text, direction=direction, features=tags)


def _in_visual_order(runs: Sequence[TextRun]) -> list[TextRun]:
    """Return runs from right to left; adjacent left-to-right runs keep their order."""
    groups: list[list[TextRun]] = []
    for run in runs:
        if groups and not run.choice.is_rtl and not groups[-1][0].choice.is_rtl:
            groups[-1].append(run)
        else:
            groups.append([run])
    return [run for group in reversed(groups) for run in group]


def _draw_shape(canvas: Image.Image, shape: Shape) -> None:
    if shape.kind == "rectangle":
        ImageDraw.Draw(canvas).rounded_rectangle(
            shape.box, shape.radius, fill=shape.colour
        )
        return
    # Pillow does not smooth polygons: draw the mask at four times the size.
    left, top, right, bottom = (round(edge) for edge in shape.box)
    mask = Image.new("L", ((right - left) * 4, (bottom - top) * 4))
    pen, side = ImageDraw.Draw(mask), mask.width
    if shape.kind == "star":
        pen.polygon(_star_points(side), fill=255)
    else:
        points = [
            (side * x, side * y) for x, y in ((0.06, 0.55), (0.37, 0.86), (0.94, 0.2))
        ]
        pen.line(points, fill=255, width=round(side * 0.17), joint="curve")
    canvas.paste(shape.colour, (left, top), mask.reduce(4))


def _star_points(side: float) -> list[tuple[float, float]]:
    return [
        (
            side * (0.5 + reach * math.sin(turn)),
            side * (0.53 - reach * math.cos(turn)),
        )
        for point in range(10)
        for turn in [math.pi * point / 5]
        for reach in [0.5 if point % 2 == 0 else 0.21]
    ]
