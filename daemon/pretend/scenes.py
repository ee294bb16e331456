"""The images of the pretend service: landscapes, skylines and still lifes.

They are geometric shapes, not the output of a model, and differ with every seed.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence

from PIL import ImageDraw

from daemon.pretend import still_lifes, street_scenes
from daemon.pretend.canvas import Canvas, Point
from providers.card.colour import oklch_to_rgb


def render_scene(prompt: str, seed: int, width: int, height: int) -> bytes:
    """Return a PNG with the scene that the prompt names first, or with hills.

    Args:
        width: Pixels.
        height: Pixels.
    """
    canvas = Canvas(width, height, seed, prompt)
    find_scene(prompt)(canvas)
    png = io.BytesIO()
    canvas.image.save(png, "PNG", compress_level=1)
    return png.getvalue()


def find_scene(prompt: str) -> Callable[[Canvas], None]:
    """Return what renders the scene that a prompt names first, or hills."""
    named = [
        (match.start(), number)
        for number, (words, _) in enumerate(_SCENES)
        if (match := re.search(rf"\b(?:{words})", prompt, re.IGNORECASE))
    ]
    return _SCENES[min(named)[1]][1] if named else _render_hills


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
    canvas.area(0, 0.5, 1, 1, (0.48, 0.09, 235))
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


def _render_tree(canvas: Canvas) -> None:
    rng = canvas.rng
    canvas.fill_gradient((0.88, 0.06, 230), (0.95, 0.07, 85))
    canvas.add_glow((rng.uniform(0.2, 0.8), 0.42), 0.45, (0.97, 0.10, 85), 0.9)
    for layer in range(3):
        outline = canvas.ridge_outline(0.62 + 0.10 * layer, 0.03, 1.2 + layer)
        canvas.polygon(outline, (0.80 - 0.13 * layer, 0.11, 125 + 6 * layer))
    x, foot = rng.uniform(-0.14, 0.14), 0.30
    canvas.ellipse(canvas.place(x, foot), 0.30, (0.40, 0.08, 135), 0.4, flat=0.13)
    trunk = [
        (-0.075, foot),
        (-0.035, 0.12),
        (-0.03, -0.06),
        (0.03, -0.06),
        (0.035, 0.12),
        (0.085, foot),
    ]
    canvas.shape([(x + dx, y) for dx, y in trunk], (0.38, 0.06, 55))
    for angle in (-2.6, -2.1, -1.0, -0.5):
        canvas.leaf(x, 0.08, 0.26, 0.05, angle, (0.38, 0.06, 55))
    tones = sorted((rng.uniform(0.46, 0.70), rng.random()) for _ in range(70))
    for light, spread in tones:
        turn, far = rng.uniform(0, math.tau), math.sqrt(spread)
        spot = (x + 0.29 * far * math.cos(turn), -0.13 + 0.19 * far * math.sin(turn))
        canvas.disc(
            *spot, rng.uniform(0.035, 0.075), (light, 0.13, rng.uniform(118, 142))
        )
    small = x + rng.choice((-0.3, 0.3))
    canvas.leaf(small, 0.38, 0.13, 0.012, -math.pi / 2, (0.42, 0.08, 90))
    for step, angle in enumerate((-2.5, -0.6, -2.2, -0.9, -1.57)):
        canvas.leaf(small, 0.33 - 0.018 * step, 0.075, 0.035, angle, (0.66, 0.16, 132))


def _render_starry_window(canvas: Canvas) -> None:
    """Render the night, behind a kitchen window if the prompt names one."""
    _render_night(canvas)
    if not re.search(r"kitchen|window", canvas.words):
        return
    wall, wood = (0.30, 0.05, 50), (0.44, 0.07, 55)
    canvas.area(0, 0, 0.09, 1, wall)
    canvas.area(0.91, 0, 1, 1, wall)
    canvas.area(0, 0, 1, 0.07, wall)
    for x in (0.09, 0.49, 0.89):
        canvas.area(x, 0.07, x + 0.02, 0.8, wood)
    for y in (0.07, 0.4):
        canvas.area(0.09, y, 0.91, y + 0.02, wood)
    canvas.area(0, 0.78, 1, 1, (0.40, 0.07, 55))
    canvas.area(0, 0.78, 1, 0.81, (0.55, 0.08, 60))
    x = canvas.rng.choice((-0.22, 0.22))
    still_lifes.draw_bowl(canvas, x, 0.30, 0.15, (0.80, 0.04, 70), (0.93, 0.03, 85))
    canvas.add_glow(canvas.place(-x * 1.4, 0.2), 0.22, (0.88, 0.12, 75), 0.75)
    canvas.leaf(-x * 1.4, 0.30, 0.10, 0.03, -math.pi / 2, (0.95, 0.05, 95))
    canvas.leaf(-x * 1.4, 0.205, 0.06, 0.025, -math.pi / 2, (0.90, 0.14, 75))


def _render_shore(canvas: Canvas) -> None:
    """Render the sea, with a parasol on the beach if the prompt names one."""
    _render_sea(canvas)
    if not re.search(r"beach|sand|chair|towel|summer", canvas.words):
        return
    canvas.polygon(canvas.ridge_outline(0.80, 0.02, 1.4), (0.90, 0.06, 85))
    canvas.polygon(canvas.ridge_outline(0.86, 0.02, 1.8), (0.87, 0.07, 80))
    side, tint = canvas.rng.choice((-1, 1)), canvas.rng.choice((25, 60, 180, 350))
    x = 0.24 * side
    canvas.ellipse(canvas.place(x, 0.42), 0.20, (0.70, 0.06, 75), 0.5, flat=0.16)
    canvas.box(x - 0.008, 0.0, x + 0.008, 0.42, (0.50, 0.05, 60))

    def rib(number: int) -> list[Point]:
        reach = -0.26 * math.cos(math.pi * number / 6)
        turns = [math.pi * step / 16 for step in range(9)]
        return [
            (x + reach * math.sin(turn), 0.03 - 0.2 * math.cos(turn)) for turn in turns
        ]

    for part in range(6):
        tone = (0.70, 0.17, tint) if part % 2 else (0.97, 0.02, 90)
        canvas.shape([*rib(part), *reversed(rib(part + 1))], tone)
    canvas.shape(
        [(-x - 0.17, 0.36), (-x + 0.13, 0.36), (-x + 0.17, 0.43), (-x - 0.13, 0.43)],
        (0.72, 0.12, 220),
    )
    canvas.shape(
        [(-x - 0.08, 0.36), (-x - 0.03, 0.36), (-x + 0.01, 0.43), (-x - 0.04, 0.43)],
        (0.97, 0.02, 90),
    )
    canvas.disc(-x, 0.375, 0.075, (0.84, 0.09, 85), flat=0.38)
    canvas.disc(-x, 0.36, 0.04, (0.88, 0.09, 88), flat=0.7)


#: Words of a prompt, as a regular expression, and their scene.
_SCENES: Sequence[tuple[str, Callable[[Canvas], None]]] = (
    (r"bowl|plate|rice|jollof|soup|noodle|ramen|pans?\b|dish|stew|salad|curry|biryani", still_lifes.render_bowls),
    (r"bread|loaf|loaves|sourdough|baguette|brot|croissant|pastr|cake|bun|goods|fruit|vegetable", still_lifes.render_bread),
    (r"herb|rosemary|focaccia|terracotta|pots? of|seedling", still_lifes.render_herbs),
    (r"coffee|tea\b|cup|breakfast|caf[eé]|kaffee|latte|cherry blossom|sakura", still_lifes.render_cup),
    (r"market|stall|honey|cheese|mercado|markt|crates|carts?\b|trucks?\b", street_scenes.render_market),
    (r"shop|bakery|door|store|counter|opening|open\b", street_scenes.render_shop),
    (r"tree|oak|sapling|baum", _render_tree),
    (r"sea\b|ocean|beach|boat|harbou?r|wave|mar\b|meer|summer|straw hat|sand\b", _render_shore),
    (r"night|star|moon|dream|evening|nacht|winter|christmas", _render_starry_window),
    (r"city|street|town|stadt|office|event|plaza", street_scenes.render_city),
    (r"garden|flower|spring|plant|bloom|leaf|green|bouquet|tulip|peon", _render_garden),
)  # fmt: skip
