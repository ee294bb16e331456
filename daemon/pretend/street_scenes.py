"""The streets of the pretend service: a skyline, a market and a shop at dusk."""

from __future__ import annotations

import math

from daemon.pretend.canvas import Canvas


def render_city(canvas: Canvas) -> None:
    """Render a skyline at dusk."""
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
    size, light = 0.009, (0.92, 0.11, 85)
    y = top + 0.025
    while y < 0.99:
        place = x + 0.012
        while place < x + wide - size - 0.006:
            if canvas.rng.random() < 0.45:
                canvas.area(place, y, place + size, y + 0.016, light)
            place += 0.021
        y += 0.034


def render_market(canvas: Canvas) -> None:
    """Render a market stall under a striped awning, others behind it."""
    rng = canvas.rng
    tint = rng.choice((25, 60, 150, 230, 350))
    canvas.fill_gradient((0.86, 0.07, 235), (0.96, 0.05, 85))
    canvas.add_glow((rng.choice((0.15, 0.85)), 0.25), 0.35, (0.98, 0.06, 90), 0.9)
    for number in range(6):
        left, top = number * 0.18 - 0.04, 0.36 - rng.uniform(0, 0.10)
        tone = (rng.uniform(0.80, 0.88), 0.05, rng.uniform(40, 90))
        canvas.polygon(
            [
                (left, top),
                (left + 0.09, top - 0.05),
                (left + 0.18, top),
                (left + 0.18, 1),
                (left, 1),
            ],
            tone,
        )
    _, ground = canvas.place(0, 0.2)
    canvas.area(0, ground, 1, 1, (0.72, 0.03, 70))
    for row in range(7):
        for stone in range(14):
            y = 0.24 + 0.045 * row
            x = -0.68 + 0.105 * stone + 0.05 * (row % 2)
            canvas.disc(x, y, 0.045, (rng.uniform(0.66, 0.76), 0.03, 65), flat=0.36)
    for x in (-0.47, 0.47):
        _draw_stall(canvas, x, 0.19, 0.42, tint + 120)
    _draw_stall(canvas, rng.uniform(-0.05, 0.05), 0.36, 0.82, tint)


def _draw_stall(canvas: Canvas, x: float, y: float, wide: float, tint: float) -> None:
    """Draw a stall; (x, y) is the middle of its foot, given as in `Canvas.place`."""
    half, tall = wide / 2, wide * 0.78
    wood, dark = (0.52, 0.07, 58), (0.42, 0.07, 55)
    canvas.ellipse(canvas.place(x, y), half * 1.08, (0.25, 0.03, 60), 0.3, flat=0.16)
    for side in (-0.92, 0.92):
        post = x + half * side
        canvas.box(post - 0.012 * wide, y - tall, post + 0.012 * wide, y, dark)
    table = y - tall * 0.40
    _draw_goods(canvas, x, table, wide)
    canvas.trapezoid(x, (table, y), (half, half * 0.95), wood)
    for board in range(1, 5):
        level, side = table + (y - table) * board / 5, half * (1 - 0.05 * board / 5)
        canvas.box(x - side, level, x + side, level + 0.006, dark)
    canvas.box(
        x - half * 1.03, table - 0.012, x + half * 1.03, table + 0.014, (0.62, 0.08, 62)
    )
    stripes, top, edge = 8, y - tall * 1.16, y - tall * 0.92
    for stripe in range(stripes):
        left, right = stripe / stripes * 2 - 1, (stripe + 1) / stripes * 2 - 1
        tone = (0.66, 0.16, tint) if stripe % 2 else (0.97, 0.02, 90)
        canvas.shape(
            [
                (x + half * 0.86 * left, top),
                (x + half * 0.86 * right, top),
                (x + half * 1.12 * right, edge),
                (x + half * 1.12 * left, edge),
            ],
            tone,
        )
        middle = x + half * 1.12 * (left + right) / 2
        canvas.disc(middle, edge, half * 1.12 / stripes, tone, flat=0.8)


def _draw_goods(canvas: Canvas, x: float, table: float, wide: float) -> None:
    """Draw jars of honey, wheels of cheese and a basket of fruit in a row."""
    rng, kinds = canvas.rng, ["jars", "cheese", "fruit", "jars", "cheese"]
    rng.shuffle(kinds)
    for number, kind in enumerate(kinds):
        at, unit = x + wide * (-0.36 + 0.18 * number), wide * 0.075
        match kind:
            case "jars":
                for jar in (-0.6, 0.6):
                    left = at + jar * unit
                    canvas.box(
                        left - 0.42 * unit,
                        table - 1.1 * unit,
                        left + 0.42 * unit,
                        table,
                        (0.76, 0.15, 75),
                    )
                    canvas.box(
                        left - 0.36 * unit,
                        table - 1.35 * unit,
                        left + 0.36 * unit,
                        table - 1.1 * unit,
                        (0.93, 0.03, 85),
                    )
            case "cheese":
                for layer in range(2):
                    base = table - 0.55 * unit * layer
                    canvas.disc(
                        at, base - 0.1 * unit, 1.05 * unit, (0.74, 0.12, 82), flat=0.5
                    )
                    canvas.disc(
                        at, base - 0.4 * unit, 1.05 * unit, (0.88, 0.11, 92), flat=0.5
                    )
            case _:
                tint = rng.choice((28, 50, 85, 130))
                for fruit in range(7):
                    spot = at + (fruit % 4 - 1.5 + 0.5 * (fruit > 3)) * 0.5 * unit
                    canvas.disc(
                        spot,
                        table - (0.7 + 0.5 * (fruit > 3)) * unit,
                        0.32 * unit,
                        (0.68, 0.18, tint),
                    )
                basket = (1.2 * unit, 0.95 * unit)
                canvas.trapezoid(
                    at, (table - 0.6 * unit, table), basket, (0.62, 0.09, 65)
                )


def render_shop(canvas: Canvas) -> None:
    """Render a shop front at dusk, with warm light in its window and open door."""
    rng = canvas.rng
    hue, tint = rng.uniform(220, 300), rng.choice((25, 150, 200, 260))
    canvas.fill_gradient((0.42, 0.07, hue), (0.62, 0.07, hue + 60))
    wall, glow = (0.50, 0.05, 45), (0.92, 0.11, 82)
    canvas.area(0, 0, 1, 0.8, wall)
    for row in range(16):
        for brick in range(12):
            left, top = brick / 11 - 0.05 - 0.045 * (row % 2), row * 0.05
            tone = (0.50 + rng.uniform(-0.03, 0.03), 0.05, 42)
            canvas.area(left, top, left + 0.086, top + 0.045, tone)
    canvas.area(0, 0.8, 1, 1, (0.40, 0.03, hue))
    side = rng.choice((-1, 1))
    window, door = -0.16 * side, 0.30 * side
    frame = (0.36, 0.07, tint)
    canvas.box(window - 0.28, -0.16, window + 0.28, 0.31, frame)
    canvas.box(window - 0.25, -0.13, window + 0.25, 0.22, glow)
    for shelf in (0.04, 0.20):
        canvas.box(window - 0.25, shelf, window + 0.25, shelf + 0.014, (0.50, 0.08, 58))
        for loaf in range(5):
            x = window - 0.19 + 0.095 * loaf
            canvas.disc(
                x,
                shelf - 0.022,
                rng.uniform(0.032, 0.044),
                (rng.uniform(0.52, 0.66), 0.12, 58),
                flat=0.7,
            )
    canvas.box(door - 0.12, -0.16, door + 0.12, 0.31, frame)
    canvas.box(door - 0.10, -0.14, door + 0.10, 0.31, (0.94, 0.10, 85))
    leaf = door + side * 0.10
    canvas.shape(
        [
            (leaf, -0.14),
            (leaf - side * 0.07, -0.11),
            (leaf - side * 0.07, 0.34),
            (leaf, 0.31),
        ],
        (0.46, 0.09, tint),
    )
    canvas.shape(
        [
            (leaf - side * 0.015, -0.10),
            (leaf - side * 0.055, -0.08),
            (leaf - side * 0.055, 0.10),
            (leaf - side * 0.015, 0.09),
        ],
        (0.88, 0.09, 82),
    )
    stripes = 10
    for stripe in range(stripes):
        left = -0.48 + 0.96 * stripe / stripes
        tone = (0.62, 0.14, tint) if stripe % 2 else (0.95, 0.02, 85)
        canvas.shape(
            [
                (left, -0.26),
                (left + 0.096, -0.26),
                (left * 1.06 + 0.102, -0.17),
                (left * 1.06, -0.17),
            ],
            tone,
        )
        canvas.disc(left * 1.06 + 0.051, -0.17, 0.051, tone, flat=0.7)
    pavement = [
        (door - 0.10, 0.31),
        (door + 0.10, 0.31),
        (door + 0.22, 0.52),
        (door - 0.20, 0.52),
    ]
    canvas.shape(pavement, (0.86, 0.10, 80), 0.5)
    canvas.trapezoid(window, (0.33, 0.46), (0.25, 0.30), (0.82, 0.09, 78), 0.28)
    canvas.add_glow(canvas.place(window, 0.05), 0.34, (0.92, 0.10, 80), 0.22)
    lamp = -0.46 * side
    canvas.add_glow(canvas.place(lamp, -0.08), 0.14, (0.95, 0.10, 85), 0.8)
    canvas.disc(lamp, -0.08, 0.022, (0.98, 0.05, 90))
    tub = door - side * 0.17
    for number in range(7):
        angle = -math.pi / 2 + (number - 3) * 0.3
        canvas.leaf(tub, 0.25, 0.13, 0.035, angle, (0.50, 0.12, 138))
    canvas.trapezoid(tub, (0.24, 0.33), (0.04, 0.03), (0.52, 0.10, 45))
