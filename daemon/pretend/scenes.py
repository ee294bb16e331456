"""The images of the pretend service: landscapes, skylines and still lifes.

They are geometric shapes, not the output of a model, and differ with every seed.
"""

from __future__ import annotations

import io
import math
import random
import re
from collections.abc import Callable

from PIL import ImageDraw

from daemon.pretend.canvas import Canvas
from providers.card.colour import oklch_to_rgb

#: Words of a prompt, as a regular expression, by scene.
_SCENES = {
    "sea": r"sea|ocean|beach|boat|harbou?r|fish|wave|mar\b|meer|summer",
    "city": r"city|street|town|market|stadt|shop|office|opening|event|plaza",
    "night": r"night|star|moon|dream|evening|nacht|winter|christmas",
    "cup": r"coffee|tea|cup|breakfast|caf[eé]|kaffee|bakery|bread|cake|rice|food|pan",
    "garden": r"garden|flower|spring|plant|tree|bloom|leaf|green|桜|honey",
}


def render_scene(prompt: str, seed: int, width: int, height: int) -> bytes:
    """Return a PNG with the scene whose words the prompt contains, or with hills.

    Args:
        width: Pixels.
        height: Pixels.
    """
    canvas = Canvas(width, height, seed, prompt)
    scene = next(
        (
            name
            for name, words in _SCENES.items()
            if re.search(rf"\b(?:{words})", prompt, re.IGNORECASE)
        ),
        "hills",
    )
    _RENDERERS[scene](canvas)
    png = io.BytesIO()
    canvas.image.save(png, "PNG", compress_level=1)
    return png.getvalue()


def _render_hills(canvas: Canvas) -> None:
    hue, rng = canvas.hue, canvas.rng
    canvas.fill_gradient((0.82, 0.09, hue + 30), (0.95, 0.05, hue + 80))
    sun = (rng.uniform(0.2, 0.8), rng.uniform(0.22, 0.42))
    canvas.add_glow(sun, 0.34, (0.97, 0.06, hue + 90), 0.9)
    canvas.ellipse(sun, rng.uniform(0.07, 0.12), (0.97, 0.08, hue + 85))
    for layer in range(6):
        depth = layer / 5
        outline = canvas.ridge_outline(
            0.48 + 0.10 * layer, 0.055 + 0.02 * depth, 1.2 + 0.5 * layer
        )
        canvas.polygon(
            outline, (0.78 - 0.52 * depth, 0.05 + 0.05 * depth, hue + 190 - 40 * depth)
        )


def _render_sea(canvas: Canvas) -> None:
    hue, rng = canvas.rng.uniform(30, 70), canvas.rng
    canvas.fill_gradient((0.70, 0.10, 250), (0.93, 0.07, hue))
    sun = (rng.uniform(0.25, 0.75), 0.46)
    canvas.add_glow(sun, 0.4, (0.95, 0.10, hue + 20), 0.95)
    canvas.ellipse(sun, 0.10, (0.96, 0.10, hue + 25))
    canvas.polygon([(0, 0.5), (1, 0.5), (1, 1), (0, 1)], (0.48, 0.09, 235))
    for line in range(9):
        level = 0.53 + line * 0.052
        tint = (0.58 - 0.035 * line, 0.09, 228 - 2 * line)
        canvas.polygon(
            canvas.ridge_outline(level, 0.006 + 0.0016 * line, 5 - 0.3 * line),
            tint,
            0.8,
        )
    for _ in range(10):
        y = rng.uniform(0.51, 0.72)
        wide = 0.16 * (y - 0.44)
        canvas.ellipse(
            (sun[0] + rng.uniform(-0.03, 0.03), y),
            wide,
            (0.95, 0.08, hue + 30),
            0.5,
            flat=0.06,
        )
    x, y = rng.uniform(0.15, 0.85), 0.575
    canvas.polygon(
        [(x - 0.06, y), (x + 0.06, y), (x + 0.04, y + 0.022), (x - 0.04, y + 0.022)],
        (0.30, 0.05, 30),
    )
    canvas.polygon(
        [(x, y - 0.13), (x + 0.055, y - 0.012), (x, y - 0.012)], (0.97, 0.02, 80)
    )
    canvas.polygon(
        [(x - 0.006, y - 0.11), (x - 0.04, y - 0.012), (x - 0.006, y - 0.012)],
        (0.90, 0.05, 60),
    )


def _render_city(canvas: Canvas) -> None:
    hue, rng = canvas.hue, canvas.rng
    canvas.fill_gradient((0.60, 0.12, hue), (0.90, 0.08, hue + 60))
    canvas.add_glow((0.5, 0.8), 0.6, (0.96, 0.07, hue + 70), 0.8)
    canvas.ellipse((rng.uniform(0.2, 0.8), 0.28), 0.09, (0.97, 0.06, hue + 70))
    for layer in range(3):
        tone = (0.66 - 0.19 * layer, 0.08, hue + 20 - 15 * layer)
        x = -0.02
        while x < 1:
            wide = rng.uniform(0.05, 0.11)
            top = 0.62 + 0.09 * layer - rng.uniform(0.02, 0.24 - 0.03 * layer)
            roof = [(x, top), (x + wide, top)]
            if rng.random() < 0.35:
                roof = [(x, top), (x + wide / 2, top - 0.05), (x + wide, top)]
            canvas.polygon([*roof, (x + wide, 1), (x, 1)], tone)
            if layer == 2:
                _render_windows(canvas, x, top, wide)
            x += wide + rng.uniform(-0.005, 0.01)


def _render_windows(canvas: Canvas, x: float, top: float, wide: float) -> None:
    size, light = 0.009, oklch_to_rgb(0.92, 0.11, 85)
    y = top + 0.025
    while y < 0.99:
        place = x + 0.012
        while place < x + wide - size - 0.006:
            if canvas.rng.random() < 0.45:
                box = [
                    (place, y),
                    (place + size, y),
                    (place + size, y + 0.016),
                    (place, y + 0.016),
                ]
                scaled = [(px * canvas.width, py * canvas.height) for px, py in box]
                ImageDraw.Draw(canvas.image).polygon(scaled, fill=light)
            place += 0.021
        y += 0.034


def _render_night(canvas: Canvas) -> None:
    hue, rng = canvas.rng.uniform(230, 320), canvas.rng
    canvas.fill_gradient((0.18, 0.06, hue), (0.42, 0.11, hue + 40))
    pen = ImageDraw.Draw(canvas.image)
    for _ in range(170):
        x, y = (rng.random() * canvas.width, rng.random() ** 1.4 * 0.75 * canvas.height)
        size = rng.uniform(0.6, 2.2) * canvas.width / 1080
        pen.ellipse(
            (x - size, y - size, x + size, y + size), fill=oklch_to_rgb(0.96, 0.03, 90)
        )
    moon = (rng.uniform(0.25, 0.75), rng.uniform(0.2, 0.35))
    canvas.add_glow(moon, 0.22, (0.85, 0.06, 90), 0.5)
    canvas.ellipse(moon, 0.09, (0.96, 0.04, 95))
    for layer in range(3):
        tone = (0.30 - 0.09 * layer, 0.06, hue + 20)
        outline = canvas.ridge_outline(0.72 + 0.09 * layer, 0.03, 2 + layer)
        canvas.polygon(outline, tone)
    for _ in range(26):
        x = rng.random()
        base, tall = rng.uniform(0.86, 1.0), rng.uniform(0.08, 0.17)
        for part in range(3):
            lift, half = tall * part * 0.28, tall * (0.30 - 0.06 * part)
            canvas.polygon(
                [
                    (x - half, base - lift),
                    (x + half, base - lift),
                    (x, base - lift - tall * 0.5),
                ],
                (0.14, 0.03, hue + 10),
            )


def _render_cup(canvas: Canvas) -> None:
    hue, rng = canvas.rng.uniform(20, 110), canvas.rng
    canvas.fill_gradient((0.90, 0.05, hue), (0.80, 0.08, hue + 20))
    canvas.add_glow((0.75, 0.15), 0.5, (0.98, 0.04, 90), 0.9)
    table = 0.70
    canvas.polygon([(0, table), (1, table), (1, 1), (0, 1)], (0.52, 0.08, 55))
    for line in range(5):
        level = table + 0.03 + 0.058 * line
        canvas.polygon(
            canvas.ridge_outline(level, 0.004, 3), (0.50 - 0.028 * line, 0.08, 52), 0.6
        )
    x, tint = rng.uniform(0.4, 0.6), hue + rng.choice((120, 180, 200))
    canvas.ellipse((x, 0.79), 0.31, (0.30, 0.05, 50), 0.35, flat=0.17)
    canvas.ellipse((x, 0.775), 0.27, (0.95, 0.02, hue), flat=0.2)
    canvas.ellipse((x, 0.768), 0.20, (0.86, 0.03, hue), flat=0.18)
    canvas.ellipse((x + 0.185, 0.60), 0.075, (0.60, 0.10, tint))
    canvas.ellipse((x + 0.185, 0.60), 0.045, (0.84, 0.06, hue + 8))
    body = [(x - 0.17, 0.51), (x + 0.17, 0.51), (x + 0.12, 0.755), (x - 0.12, 0.755)]
    canvas.polygon(body, (0.62, 0.11, tint))
    canvas.polygon(
        [(x - 0.17, 0.51), (x - 0.08, 0.51), (x - 0.06, 0.755), (x - 0.12, 0.755)],
        (0.70, 0.10, tint),
    )
    canvas.ellipse((x, 0.755), 0.12, (0.58, 0.11, tint), flat=0.2)
    canvas.ellipse((x, 0.51), 0.17, (0.74, 0.08, tint), flat=0.22)
    canvas.ellipse((x, 0.513), 0.15, (0.36, 0.06, 50), flat=0.2)
    for number in range(3):
        _render_steam(canvas, x - 0.06 + 0.06 * number, 0.47, rng)


def _render_steam(canvas: Canvas, x: float, y: float, rng: random.Random) -> None:
    phase = rng.uniform(0, math.tau)
    for step in range(14):
        rise = step / 14
        place = (x + 0.018 * math.sin(phase + rise * 6), y - 0.26 * rise)
        canvas.ellipse(place, 0.014 + 0.012 * rise, (1, 0, 0), 0.28 * (1 - rise))


def _render_garden(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.fill_gradient((0.88, 0.06, 220), (0.95, 0.05, 110))
    canvas.add_glow((0.2, 0.15), 0.35, (0.98, 0.06, 95), 0.9)
    for layer in range(3):
        canvas.polygon(
            canvas.ridge_outline(0.56 + 0.12 * layer, 0.04, 1.5 + layer),
            (0.76 - 0.13 * layer, 0.13, 138 - 6 * layer),
        )
    blooms = sorted(rng.uniform(0.62, 0.96) for _ in range(16))
    for y in blooms:
        x, size = rng.uniform(0.04, 0.96), 0.018 + 0.10 * (y - 0.58)
        tint = (0.72, 0.19, rng.choice((10, 30, 60, 340, 300, 90)))
        stem = [(x - 0.003, y), (x + 0.003, y), (x + 0.004, 1), (x - 0.004, 1)]
        canvas.polygon(stem, (0.42, 0.11, 140))
        petals = rng.choice((5, 6, 8))
        for petal in range(petals):
            angle = math.tau * petal / petals
            spot = (
                x + size * 0.95 * math.cos(angle),
                y + size * 0.95 * math.sin(angle) * canvas.width / canvas.height,
            )
            canvas.ellipse(spot, size * 0.72, tint, 0.95)
        canvas.ellipse((x, y), size * 0.55, (0.90, 0.15, 95))


_RENDERERS: dict[str, Callable[[Canvas], None]] = {
    "hills": _render_hills,
    "sea": _render_sea,
    "city": _render_city,
    "night": _render_night,
    "cup": _render_cup,
    "garden": _render_garden,
}
