"""The background of a card: a soft gradient, and a motif in one corner."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import TypeAlias

from PIL import Image, ImageDraw

from providers.card.colour import Palette
from providers.card.layout import Ground

_Pen: TypeAlias = ImageDraw.ImageDraw

#: The motif is drawn at this scale and reduced, which smooths its edges.
_SUPERSAMPLING = 2


def render_background(
    palette: Palette,
    width: int,
    height: int,
    seed: int,
    *,
    ground: Ground = "motif",
    mirrored: bool,
) -> Image.Image:
    """Return the background, *width* by *height* pixels.

    Args:
        seed: Selects the motif and its variation.
        ground: What is drawn on the gradient.
        mirrored: The text starts on the right, so the motif is on the left.
    """
    canvas = _render_gradient(palette, width, height)
    rng = Random(seed)  # noqa: S311 - an ornament, not a secret
    mask = Image.new("L", (width * _SUPERSAMPLING, height * _SUPERSAMPLING))
    motifs = _MOTIFS[ground]
    motif = motifs[rng.randrange(len(motifs))]
    motif(ImageDraw.Draw(mask), mask.width, mask.height, rng)
    mask = mask.reduce(_SUPERSAMPLING)
    if mirrored:
        mask = mask.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    colour = palette.accent if ground in {"band", "frame"} else palette.motif
    # Paste only the area of the motif, since pasting reads every pixel.
    if box := mask.getbbox():
        canvas.paste(colour, box, mask.crop(box))
    return canvas


def _render_gradient(palette: Palette, width: int, height: int) -> Image.Image:
    canvas = Image.new("RGB", (width, height), palette.first)
    corners = Image.new("L", (2, 2))
    corners.putdata([0, 110, 145, 255])
    blend = corners.resize((width, height), Image.Resampling.BICUBIC)
    canvas.paste(palette.second, (0, 0), blend)
    return canvas


def _draw_arcs(pen: _Pen, width: int, height: int, rng: Random) -> None:
    """Draw rings around a centre outside a right corner."""
    short = min(width, height)
    top = rng.random() < 0.5
    centre = (width * 1.02, height * (-0.02 if top else 1.02))
    band = short * 0.055
    for ring in range(2 + rng.randrange(3), 8):
        _draw_ring(pen, centre, band * (2 * ring), round(band))


def _draw_ring(
    pen: _Pen, centre: tuple[float, float], radius: float, band: int
) -> None:
    x, y = centre
    pen.ellipse(
        (x - radius, y - radius, x + radius, y + radius), outline=255, width=band
    )


def _draw_disc(pen: _Pen, width: int, height: int, rng: Random) -> None:
    """Draw a disc and a ring at the right edge."""
    short = min(width, height)
    radius = short * (0.30 + 0.10 * rng.random())
    x, y = width - radius * 0.35, height * (0.10 if rng.random() < 0.5 else 0.96)
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    _draw_ring(pen, (x, y), radius * 1.28, max(2, round(short * 0.012)))


def _draw_dots(pen: _Pen, width: int, height: int, rng: Random) -> None:
    """Draw a grid of dots that shrink away from a right corner."""
    short = min(width, height)
    step = short * 0.052
    rows = 9 + rng.randrange(4)
    top = rng.random() < 0.5
    for row in range(rows):
        for column in range(rows - row):
            size = short * 0.0115 * (1 - (row + column) / (rows * 1.25))
            x = width - step * (column + 0.4)
            y = step * (row + 0.4) if top else height - step * (row + 0.4)
            pen.ellipse((x - size, y - size, x + size, y + size), fill=255)


def _draw_waves(pen: _Pen, width: int, height: int, rng: Random) -> None:
    """Draw a hill along the foot, with a line above it."""
    short = min(width, height)
    phase = rng.random() * math.tau
    rise = short * (0.05 + 0.03 * rng.random())

    def edge(level: float) -> list[tuple[float, float]]:
        return [
            (
                x,
                height * level
                - (x / width) ** 2 * short * 0.16
                - rise * math.sin(phase + 2.2 * math.pi * x / width),
            )
            for x in range(0, width + 9, 8)
        ]

    pen.polygon([*edge(0.98), (width + 9, height), (0, height)], fill=255)
    pen.line(edge(0.93), fill=255, width=max(3, round(short * 0.007)), joint="curve")


def _draw_band(pen: _Pen, width: int, height: int, rng: Random) -> None:
    """Draw a band along the edge where the lines begin."""
    del rng
    pen.rectangle((0, 0, min(width, height) * 0.032, height), fill=255)


def _draw_frame(pen: _Pen, width: int, height: int, rng: Random) -> None:
    """Draw a thin frame, with or without round corners."""
    short = min(width, height)
    inset, radius = short * 0.03, short * (0.035 if rng.random() < 0.5 else 0)
    pen.rounded_rectangle(
        (inset, inset, width - inset, height - inset),
        radius,
        outline=255,
        width=max(3, round(short * 0.0055)),
    )


def _draw_panel(pen: _Pen, width: int, height: int, rng: Random) -> None:
    """Draw a border that leaves a panel for the text."""
    del rng
    short = min(width, height)
    inset = short * 0.032
    pen.rectangle((0, 0, width, height), fill=255)
    pen.rounded_rectangle(
        (inset, inset, width - inset, height - inset), short * 0.04, fill=0
    )


def _draw_halo(pen: _Pen, width: int, height: int, rng: Random) -> None:
    """Draw a large disc in the middle, behind the text."""
    radius = min(width, height) * (0.52 + 0.05 * rng.random())
    x, y = width / 2, height / 2
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)


_Motif: TypeAlias = Callable[[_Pen, int, int, Random], None]
_MOTIFS: dict[Ground, tuple[_Motif, ...]] = {
    "motif": (_draw_arcs, _draw_disc, _draw_dots),
    "foot": (_draw_waves,),
    "band": (_draw_band,),
    "frame": (_draw_frame,),
    "panel": (_draw_panel,),
    "halo": (_draw_halo,),
}
