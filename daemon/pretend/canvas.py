"""A canvas for shapes with soft edges, and random numbers for their layout."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw, ImageFilter

from providers.card.colour import oklch_to_rgb

#: Factor at which masks are drawn before they are reduced, for soft edges.
_OVERSAMPLING = 2

#: x and y as shares of width and height, from the top left corner.
Point = tuple[float, float]
#: Lightness from 0 to 1, chroma and hue in degrees of OKLCH.
Colour = tuple[float, float, float]


class Canvas:
    """A picture being drawn.

    Args:
        width: Pixels.
        height: Pixels.
        seed: With *words*, the seed of `rng`.
        words: The prompt.

    Attributes:
        rng: Random numbers for the layout.
        hue: A random hue, in degrees.
        words: The prompt in lower case.
        image: The picture so far.
    """

    def __init__(self, width: int, height: int, seed: int, words: str) -> None:
        digest = hashlib.sha256(f"{seed} {words}".encode("utf-8", "replace")).digest()
        self.rng = random.Random(digest)  # noqa: S311 - a picture, not a secret
        self.width, self.height = width, height
        self.words = words.lower()
        self.hue = self.rng.uniform(0, 360)
        self.image = Image.new("RGB", (width, height))

    def fill_gradient(self, top: Colour, bottom: Colour) -> None:
        """Fill the canvas with a vertical gradient."""
        size = self.image.size
        self.image = Image.composite(
            Image.new("RGB", size, oklch_to_rgb(*bottom)),
            Image.new("RGB", size, oklch_to_rgb(*top)),
            Image.linear_gradient("L").resize(size),
        )

    def polygon(
        self, points: Sequence[Point], colour: Colour, alpha: float = 1
    ) -> None:
        """Fill a polygon; `alpha` is its opacity from 0 to 1."""
        self._fill_mask(
            points, lambda pen, at: pen.polygon(at, fill=255), colour, alpha
        )

    def area(
        self, left: float, top: float, right: float, bottom: float, colour: Colour
    ) -> None:
        """Fill a rectangle; its edges are shares of width and height."""
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        self.polygon(corners, colour)

    def place(self, x: float, y: float) -> Point:
        """Return a point given from the centre, in shares of the shorter side."""
        short = min(self.width, self.height)
        return (0.5 + x * short / self.width, 0.5 + y * short / self.height)

    def shape(self, points: Sequence[Point], colour: Colour, alpha: float = 1) -> None:
        """Fill a polygon given as in `place`: the same in every format."""
        self.polygon([self.place(x, y) for x, y in points], colour, alpha)

    def box(
        self, left: float, top: float, right: float, bottom: float, colour: Colour
    ) -> None:
        """Fill a rectangle given as in `place`."""
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        self.shape(corners, colour)

    def trapezoid(
        self,
        x: float,
        edges: tuple[float, float],
        halves: tuple[float, float],
        colour: Colour,
        alpha: float = 1,
    ) -> None:
        """Fill a symmetrical trapezoid given as in `place`; *x* is its middle.

        Args:
            edges: y of its upper and its lower edge.
            halves: Half the width of each.
        """
        (top, bottom), (upper, lower) = edges, halves
        ends = [(x - upper, top), (x + upper, top), (x + lower, bottom)]
        self.shape([*ends, (x - lower, bottom)], colour, alpha)

    def disc(
        self, x: float, y: float, radius: float, colour: Colour, *, flat: float = 1
    ) -> None:
        """Fill an ellipse around a point given as in `place`."""
        self.ellipse(self.place(x, y), radius, colour, flat=flat)

    def leaf(
        self, x: float, y: float, long: float, wide: float, angle: float, colour: Colour
    ) -> None:
        """Fill a leaf that grows from a point given as in `place`.

        Args:
            angle: Radians, clockwise from the right.
        """
        along = (math.cos(angle), math.sin(angle))
        points = []
        for step in range(17):
            turn = math.tau * step / 16
            forth = long * (1 - math.cos(turn)) / 2
            aside = wide * math.sin(turn) / 2
            points.append(
                (
                    x + forth * along[0] - aside * along[1],
                    y + forth * along[1] + aside * along[0],
                )
            )
        self.shape(points, colour)

    def ellipse(
        self,
        centre: Point,
        radius: float,
        colour: Colour,
        alpha: float = 1,
        *,
        flat: float = 1,
    ) -> None:
        """Fill an ellipse.

        Args:
            radius: Share of the shorter side.
            alpha: Opacity from 0 to 1.
            flat: Height divided by width.
        """
        short = min(self.width, self.height)
        rx, ry = radius * short / self.width, radius * short * flat / self.height
        x, y = centre
        box = [(x - rx, y - ry), (x + rx, y + ry)]
        self._fill_mask(box, lambda pen, at: pen.ellipse(at, fill=255), colour, alpha)

    def add_glow(
        self, centre: Point, radius: float, colour: Colour, strength: float
    ) -> None:
        """Blend a blurred disc around a point.

        Args:
            radius: Share of the shorter side.
            strength: Opacity of the centre from 0 to 1.
        """
        mask = Image.new("L", (96, 96))
        short = min(self.width, self.height)
        rx, ry = 96 * radius * short / self.width, 96 * radius * short / self.height
        x, y = centre[0] * 96, centre[1] * 96
        pen = ImageDraw.Draw(mask)
        pen.ellipse((x - rx, y - ry, x + rx, y + ry), fill=round(255 * strength))
        blurred = mask.filter(ImageFilter.GaussianBlur(9)).resize(self.image.size)
        self.image.paste(oklch_to_rgb(*colour), (0, 0), blurred)

    def _fill_mask(
        self,
        points: Sequence[Point],
        draw: Callable[[ImageDraw.ImageDraw, list[Point]], None],
        colour: Colour,
        alpha: float,
    ) -> None:
        """Fill a shape with soft edges, on a mask as large as its bounding box."""
        left = max(0, math.floor(min(x for x, _ in points) * self.width))
        top = max(0, math.floor(min(y for _, y in points) * self.height))
        right = min(self.width, math.ceil(max(x for x, _ in points) * self.width))
        bottom = min(self.height, math.ceil(max(y for _, y in points) * self.height))
        if right <= left or bottom <= top:
            return
        size = ((right - left) * _OVERSAMPLING, (bottom - top) * _OVERSAMPLING)
        mask = Image.new("L", size)
        at = [
            (
                (x * self.width - left) * _OVERSAMPLING,
                (y * self.height - top) * _OVERSAMPLING,
            )
            for x, y in points
        ]
        draw(ImageDraw.Draw(mask), at)
        mask = mask.reduce(_OVERSAMPLING)
        if alpha < 1:
            mask = mask.point(lambda value: round(value * alpha))
        self.image.paste(oklch_to_rgb(*colour), (left, top), mask)

    def ridge_outline(self, level: float, rough: float, waves: float) -> list[Point]:
        """Return the outline of a random range of hills, from edge to edge, down to 1.

        Args:
            level: Mean y of the ridge.
            rough: Height of its waves.
            waves: Their frequency, in half periods over the width.
        """
        phases = [self.rng.uniform(0, math.tau) for _ in range(4)]
        points = []
        for step in range(129):
            x = step / 128
            rise = sum(
                math.sin(phase + waves * (number + 1) * x * math.pi) / (number + 1)
                for number, phase in enumerate(phases)
            )
            points.append((x, level - rough * rise))
        return [*points, (1.0, 1.0), (0.0, 1.0)]
