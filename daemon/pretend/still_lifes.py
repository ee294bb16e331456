"""The still lifes of the pretend service: a table with a cup, bowls, bread or herbs."""

from __future__ import annotations

import math
import re

from daemon.pretend.canvas import Canvas, Colour

#: y of the table's edge, from the centre, in shares of the shorter side.
_TABLE = 0.18
_CRUST, _CRUMB = (0.50, 0.11, 55), (0.90, 0.06, 85)
_BOARD = (0.66, 0.08, 65)


def _set_table(canvas: Canvas) -> float:
    """Fill the canvas with a wall in daylight and a wooden table; return the hue."""
    hue, rng = canvas.rng.uniform(20, 110), canvas.rng
    canvas.fill_gradient((0.90, 0.05, hue), (0.80, 0.08, hue + 20))
    canvas.add_glow((rng.choice((0.2, 0.75)), 0.15), 0.5, (0.98, 0.04, 90), 0.9)
    _, edge = canvas.place(0, _TABLE)
    canvas.area(0, edge, 1, 1, (0.52, 0.08, 55))
    for line in range(5):
        level = edge + (1 - edge) * (0.1 + 0.19 * line)
        grain = canvas.ridge_outline(level, 0.004, 3)
        canvas.polygon(grain, (0.50 - 0.028 * line, 0.08, 52), 0.6)
    return hue


def render_cup(canvas: Canvas) -> None:
    """Render a cup on a saucer, with what the prompt puts beside it."""
    hue, rng = _set_table(canvas), canvas.rng
    is_spring = bool(re.search(r"blossom|sakura", canvas.words))
    x, tint = rng.uniform(-0.10, 0.10), hue + rng.choice((120, 180, 200, 250))
    if "bread" in canvas.words:
        side = -1 if x > 0 else 1
        _draw_loaf(canvas, x + 0.36 * side, 0.22, 0.17)
    ware, inside = (0.62, 0.11, tint), (0.36, 0.06, 50)
    if is_spring:
        ware, inside = (0.93, 0.02, 350), (0.87, 0.07, 5)
    if "white cup" in canvas.words:
        ware = (0.94, 0.01, hue)
    canvas.ellipse(canvas.place(x, 0.29), 0.31, (0.30, 0.05, 50), 0.35, flat=0.17)
    canvas.disc(x, 0.275, 0.27, (0.95, 0.02, hue), flat=0.2)
    canvas.disc(x, 0.268, 0.20, (0.86, 0.03, hue), flat=0.18)
    light, chroma, ware_hue = ware
    side = rng.choice((-1, 1))
    canvas.disc(x + 0.185 * side, 0.10, 0.075, (light - 0.03, chroma, ware_hue))
    canvas.disc(x + 0.185 * side, 0.10, 0.045, (0.84, 0.06, hue + 8))
    canvas.disc(x, 0.255, 0.12, (light - 0.04, chroma, ware_hue), flat=0.2)
    canvas.trapezoid(x, (0.01, 0.255), (0.17, 0.12), ware)
    shine = [(x - 0.17, 0.01), (x - 0.08, 0.01), (x - 0.06, 0.262), (x - 0.12, 0.255)]
    canvas.shape(shine, (min(0.98, light + 0.07), chroma, ware_hue))
    canvas.disc(x, 0.01, 0.17, (min(0.97, light + 0.12), chroma, ware_hue), flat=0.22)
    canvas.disc(x, 0.013, 0.15, inside, flat=0.2)
    if is_spring or "latte" in canvas.words or "cappuccino" in canvas.words:
        _draw_foam(canvas, x)
    for number in range(3):
        _draw_steam(canvas, x - 0.06 + 0.06 * number, -0.03)
    if is_spring:
        _draw_branch(canvas, -side)


def _draw_foam(canvas: Canvas, x: float) -> None:
    canvas.disc(x, 0.013, 0.12, (0.93, 0.03, 60), flat=0.2)
    for turn in (-2.5, -0.6):
        canvas.leaf(x, 0.028, 0.05, 0.02, turn, (0.78, 0.08, 60))


def _draw_branch(canvas: Canvas, side: int) -> None:
    """Draw a branch with blossoms from an upper corner."""
    rng = canvas.rng
    bark = (0.36, 0.04, 40)
    canvas.leaf(side * 0.62, -0.52, 0.75, 0.035, math.pi / 2 + side * 1.05, bark)
    for _ in range(18):
        far = rng.uniform(0.05, 0.95)
        spot = (
            side * (0.60 - 0.56 * far) + rng.uniform(-0.07, 0.07),
            -0.50 + 0.30 * far + rng.uniform(-0.07, 0.09),
        )
        _draw_flower(canvas, *spot, rng.uniform(0.026, 0.042), (0.87, 0.08, 358))
    for _ in range(7):
        petal = (rng.uniform(-0.45, 0.45), rng.uniform(0.27, 0.45))
        canvas.leaf(*petal, 0.03, 0.018, rng.uniform(0, math.tau), (0.88, 0.07, 0))


def _draw_flower(
    canvas: Canvas, x: float, y: float, radius: float, colour: Colour
) -> None:
    """Draw a flower with five petals."""
    start = canvas.rng.uniform(0, math.tau)
    for petal in range(5):
        angle = start + math.tau * petal / 5
        canvas.leaf(x, y, radius * 1.25, radius * 0.95, angle, colour)
    canvas.disc(x, y, radius * 0.28, (0.80, 0.13, 60))


def _draw_steam(canvas: Canvas, x: float, y: float) -> None:
    """Draw steam that rises from a point given as in `Canvas.place`."""
    phase = canvas.rng.uniform(0, math.tau)
    for step in range(14):
        rise = step / 14
        at = canvas.place(x + 0.018 * math.sin(phase + rise * 6), y - 0.26 * rise)
        canvas.ellipse(at, 0.014 + 0.012 * rise, (1, 0, 0), 0.28 * (1 - rise))


def draw_bowl(
    canvas: Canvas, x: float, y: float, radius: float, ware: Colour, food: Colour
) -> None:
    """Draw a filled bowl; (x, y) is its foot, given as in `Canvas.place`."""
    light, chroma, hue = ware
    rim = y - 0.62 * radius
    canvas.ellipse(canvas.place(x, y), radius, (0.25, 0.04, 50), 0.35, flat=0.2)
    arc = [math.pi * step / 24 for step in range(25)]
    body = [
        (x + radius * math.cos(turn), rim + 0.66 * radius * math.sin(turn) ** 0.8)
        for turn in arc
    ]
    canvas.shape(body, ware)
    canvas.shape([(x, rim), *body[13:]], (min(0.97, light + 0.06), chroma, hue))
    canvas.disc(x, rim, radius, (min(0.98, light + 0.12), chroma, hue), flat=0.3)
    canvas.disc(x, rim + 0.01 * radius, radius * 0.9, food, flat=0.29)


def _draw_rice(canvas: Canvas, x: float, y: float, radius: float, food: Colour) -> None:
    """Heap grains into a bowl whose rim is at *y*, with something green on top."""
    rng, (light, chroma, hue) = canvas.rng, food
    canvas.disc(x, y - 0.12 * radius, radius * 0.72, food, flat=0.45)
    for _ in range(170):
        turn, far = rng.uniform(0, math.tau), math.sqrt(rng.random())
        spot = (
            x + 0.78 * radius * far * math.cos(turn),
            y - 0.13 * radius + 0.30 * radius * far * math.sin(turn),
        )
        tone = (light + rng.uniform(-0.07, 0.12), chroma, hue + rng.uniform(-12, 12))
        angle = rng.uniform(0, math.pi)
        canvas.leaf(*spot, radius * 0.13, radius * 0.045, angle, tone)
    extra = (0.62, 0.17, 138) if chroma < 0.16 else (0.85, 0.14, 90)
    for _ in range(9):
        spot = (
            x + rng.uniform(-0.5, 0.5) * radius,
            y + rng.uniform(-0.4, 0.05) * radius,
        )
        canvas.disc(*spot, radius * 0.05, extra, flat=0.8)
    for angle in (-2.4, -1.5, -0.7):
        canvas.leaf(
            x, y - 0.3 * radius, radius * 0.3, radius * 0.14, angle, (0.55, 0.15, 140)
        )


#: The colour of a food, by the words of a prompt.
_FOODS = {
    r"jollof|tomato|red rice|curry": (0.62, 0.18, 42),
    r"fried rice|biryani|risotto|paella|pasta|noodle|ramen": (0.85, 0.12, 85),
    r"salad|pesto|matcha": (0.72, 0.15, 135),
    r"soup|stew|porridge": (0.78, 0.13, 65),
    r"rice|bowl|plate|dish|pan": (0.94, 0.03, 95),
}


def render_bowls(canvas: Canvas) -> None:
    """Render bowls of what the prompt names: two if it names two foods."""
    hue, rng = _set_table(canvas), canvas.rng
    foods = [food for words, food in _FOODS.items() if re.search(words, canvas.words)]
    tint = hue + rng.choice((150, 190, 230))
    ware = rng.choice([(0.45, 0.05, 40), (0.58, 0.09, tint), (0.90, 0.02, hue)])
    places = [(rng.uniform(-0.08, 0.08), 0.32, 0.31)]
    if len(foods) > 1 and "rice" in canvas.words:
        places = [(-0.24, 0.26, 0.22), (0.24, 0.33, 0.25)]
        rng.shuffle(places)
    for (x, y, radius), food in zip(
        sorted(places, key=lambda at: at[1]), foods, strict=False
    ):
        draw_bowl(canvas, x, y, radius, ware, food)
        rim = y - 0.62 * radius
        if "soup" not in canvas.words:
            _draw_rice(canvas, x, rim, radius, food)
        for number in range(3):
            _draw_steam(canvas, x + radius * 0.4 * (number - 1), rim - 0.4 * radius)


def render_bread(canvas: Canvas) -> None:
    """Render loaves on a board, with a cloth at its edge."""
    hue, rng = _set_table(canvas), canvas.rng
    side = rng.choice((-1, 1))
    cloth = [(0.62, 0.24), (0.18, 0.27), (0.26, 0.47), (0.66, 0.52)]
    canvas.shape([(side * x, y) for x, y in cloth], (0.94, 0.02, hue))
    for stripe in range(3):
        x = side * (0.30 + 0.07 * stripe)
        canvas.shape(
            [
                (x, 0.265),
                (x + side * 0.018, 0.264),
                (x + side * 0.05, 0.48),
                (x + side * 0.03, 0.48),
            ],
            (0.66, 0.11, hue + 180),
        )
    canvas.ellipse(canvas.place(0, 0.335), 0.47, (0.25, 0.04, 50), 0.3, flat=0.24)
    canvas.disc(0, 0.315, 0.45, _BOARD, flat=0.24)
    canvas.disc(0, 0.305, 0.45, (0.72, 0.08, 68), flat=0.24)
    two = [(-0.19, 0.22, 0.22), (0.18, 0.30, 0.24)]
    three = [(-0.20, 0.20, 0.21), (0.20, 0.23, 0.18), (-0.04, 0.33, 0.19)]
    four = [
        (-0.22, 0.20, 0.16),
        (0.12, 0.19, 0.17),
        (-0.12, 0.32, 0.17),
        (0.24, 0.31, 0.15),
    ]
    loaves = three if "three" in canvas.words else rng.choice((two, three, four))
    for x, y, radius in loaves:
        _draw_loaf(canvas, side * x, y, radius * rng.uniform(0.95, 1.05))
    for _ in range(60):
        canvas.disc(
            rng.uniform(-0.42, 0.42),
            rng.uniform(0.30, 0.45),
            rng.uniform(0.001, 0.004),
            _CRUMB,
        )


def _draw_loaf(canvas: Canvas, x: float, y: float, radius: float) -> None:
    """Draw a round loaf; (x, y) is the middle of its underside."""
    rng = canvas.rng
    top = y - 0.42 * radius
    canvas.ellipse(canvas.place(x, y), radius, (0.22, 0.04, 50), 0.35, flat=0.3)
    canvas.disc(x, top, radius, (0.42, 0.10, 50), flat=0.66)
    canvas.disc(x, top - 0.03 * radius, radius * 0.96, _CRUST, flat=0.64)
    canvas.disc(
        x - 0.06 * radius,
        top - 0.12 * radius,
        radius * 0.76,
        (0.60, 0.12, 60),
        flat=0.58,
    )
    canvas.disc(
        x - 0.1 * radius, top - 0.2 * radius, radius * 0.48, (0.68, 0.12, 65), flat=0.5
    )
    angle = rng.choice((-1.0, -2.1))
    ahead = (0.33 * math.cos(angle), 0.33 * math.sin(angle))
    for cut in range(-1, 2):
        start = (x + (0.36 * cut - ahead[0]) * radius, top - (0.1 + ahead[1]) * radius)
        canvas.leaf(*start, radius * 0.66, radius * 0.12, angle, _CRUMB)
    for _ in range(45):
        turn, far = rng.uniform(0, math.tau), math.sqrt(rng.random())
        spot = (
            x + 0.85 * radius * far * math.cos(turn),
            top + 0.5 * radius * far * math.sin(turn),
        )
        canvas.disc(*spot, radius * rng.uniform(0.008, 0.02), (0.93, 0.02, 85))


def render_herbs(canvas: Canvas) -> None:
    """Render pots of herbs, and a focaccia if the prompt names one."""
    _set_table(canvas)
    rng = canvas.rng
    for x in (-0.32, 0.0, 0.32):
        place, size = x + rng.uniform(-0.03, 0.03), rng.uniform(0.10, 0.12)
        _draw_plant(canvas, place, 0.05, size)
        canvas.ellipse(
            canvas.place(place, 0.25), size * 1.1, (0.25, 0.04, 50), 0.35, flat=0.2
        )
        canvas.trapezoid(place, (0.03, 0.245), (size, size * 0.72), (0.58, 0.12, 45))
        edge = size * 1.08
        canvas.box(place - edge, 0.01, place + edge, 0.06, (0.64, 0.12, 47))
    if re.search(r"focaccia|bread", canvas.words):
        canvas.ellipse(canvas.place(0, 0.385), 0.33, (0.25, 0.04, 50), 0.35, flat=0.25)
        canvas.disc(0, 0.375, 0.33, _BOARD, flat=0.24)
        canvas.disc(0, 0.365, 0.26, (0.60, 0.12, 60), flat=0.25)
        canvas.disc(0, 0.35, 0.26, (0.82, 0.11, 80), flat=0.24)
        for _ in range(26):
            spot = (rng.uniform(-0.19, 0.19), 0.35 + rng.uniform(-0.035, 0.035))
            canvas.leaf(
                *spot, 0.035, 0.008, rng.uniform(0, math.tau), (0.45, 0.11, 140)
            )


def _draw_plant(canvas: Canvas, x: float, y: float, size: float) -> None:
    rng = canvas.rng
    tone, shape = rng.uniform(122, 150), rng.uniform(0.25, 0.6)
    for stem in range(11):
        lean = -math.pi / 2 + (stem - 5) * 0.17
        length = size * rng.uniform(1.9, 2.7)
        canvas.leaf(x, y, length, 0.01, lean, (0.42, 0.09, 130))
        for step in range(2, 8):
            at = step / 7.5
            spot = (x + length * at * math.cos(lean), y + length * at * math.sin(lean))
            light = (rng.uniform(0.48, 0.68), 0.14, tone)
            for turn in (-0.9, 0.9):
                canvas.leaf(*spot, size * 0.42, size * 0.42 * shape, lean + turn, light)
