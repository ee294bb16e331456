"""A picture under way: layers with soft edges."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Sequence

from PIL import Image, ImageDraw, ImageFilter

from providers.card.colour import Rgb

SHARPER = 2


Point = tuple[float, float]


class Canvas:
    """A picture under way: layers with soft edges."""

    def __init__(self, width: int, height: int, seed: int, words: str) -> None:
        digest = hashlib.sha256(f"{seed} {words}".encode("utf-8", "replace")).digest()
        self.chance = random.Random(digest)  # noqa: S311 - a picture, not a secret
        self.width, self.height = width, height
        self.hue = self.chance.uniform(0, 360)
        self.canvas = Image.new("RGB", (width, height))

    def fill_gradient(self, top: Rgb, bottom: Rgb) -> None:
        """Fill with a vertical gradient."""
        blend = Image.linear_gradient("L").resize((self.width, self.height))
        over = Image.new("RGB", self.canvas.size, bottom)
        self.canvas = Image.composite(
            over, Image.new("RGB", self.canvas.size, top), blend
        )

    def polygon(self, points: Sequence[Point], colour: Rgb, alpha: float = 1) -> None:
        """Fill a shape given in shares of width and height."""
        self._fill_mask(
            points, lambda pen, at: pen.polygon(at, fill=255), colour, alpha
        )

    def ellipse(
        self,
        centre: Point,
        radius: float,
        colour: Rgb,
        alpha: float = 1,
        *,
        flat: float = 1,
    ) -> None:
        """Fill a disc; the radius is a share of the shorter side."""
        short = min(self.width, self.height)
        wide, high = radius * short / self.width, radius * short * flat / self.height
        x, y = centre
        box = [(x - wide, y - high), (x + wide, y + high)]
        self._fill_mask(box, lambda pen, at: pen.ellipse(at, fill=255), colour, alpha)

    def add_glow(
        self, centre: Point, radius: float, colour: Rgb, strength: float
    ) -> None:
        """Lay light around a point."""
        small = Image.new("L", (96, 96))
        short = min(self.width, self.height)
        wide, high = 96 * radius * short / self.width, 96 * radius * short / self.height
        x, y = centre[0] * 96, centre[1] * 96
        pen = ImageDraw.Draw(small)
        pen.ellipse(
            (x - wide, y - high, x + wide, y + high), fill=round(255 * strength)
        )
        soft = small.filter(ImageFilter.GaussianBlur(9)).resize(self.canvas.size)
        self.canvas.paste(colour, (0, 0), soft)

    def _fill_mask(
        self,
        points: Sequence[Point],
        draw: Callable[[ImageDraw.ImageDraw, list[Point]], None],
        colour: Rgb,
        alpha: float,
    ) -> None:
        """Fill a shape with soft edges, working on no more than its surroundings."""
        left = max(0, math.floor(min(x for x, _ in points) * self.width))
        top = max(0, math.floor(min(y for _, y in points) * self.height))
        right = min(self.width, math.ceil(max(x for x, _ in points) * self.width))
        bottom = min(self.height, math.ceil(max(y for _, y in points) * self.height))
        if right <= left or bottom <= top:
            return
        size = ((right - left) * SHARPER, (bottom - top) * SHARPER)
        mask = Image.new("L", size)
        at = [
            ((x * self.width - left) * SHARPER, (y * self.height - top) * SHARPER)
            for x, y in points
        ]
        draw(ImageDraw.Draw(mask), at)
        mask = mask.reduce(SHARPER)
        if alpha < 1:
            mask = mask.point(lambda value: round(value * alpha))
        self.canvas.paste(colour, (left, top), mask)

    def ridge_outline(self, level: float, rough: float, waves: float) -> list[Point]:
        """Return the outline of a hill from edge to edge, closed below."""
        phases = [self.chance.uniform(0, math.tau) for _ in range(4)]
        points = []
        for step in range(129):
            x = step / 128
            rise = sum(
                math.sin(phase + waves * (number + 1) * x * math.pi) / (number + 1)
                for number, phase in enumerate(phases)
            )
            points.append((x, level - rough * rise))
        return [*points, (1.0, 1.0), (0.0, 1.0)]
