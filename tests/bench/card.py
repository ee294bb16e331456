"""The card, against the least that puts the same words on a picture."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageDraw

from daemon.config.parsing import parse_format
from providers.base import CardSettings, ImageRequest
from providers.card import compose, fonts
from providers.card.elements import PlacedLine
from tests.bench.rounds import in_turns
from tests.bench.table import Figure

#: A plain fill has no gradient, no ornament and no line breaks to weigh: see README.
_MOST = 2.5
#: Lines are weighed at every ideograph: the most there is to weigh.
_MOST_WEIGHED = 3.5
_MOST_KB = 250
_FORMATS = ("square", "portrait", "landscape", "story")
#: One for each composition.
_SEEDS = (0, 1, 2, 3, 4, 5)
_ROUNDS = 3
_LOOK = CardSettings(tag="Oven & Oak")
_POST = (
    "Our little bakery turned ten this week, and we still get up at three. "
    "Thank you for every early morning! 🥐 #bakery"
)
_LONG = "新鲜面包每天早上七点开门" * 15


@dataclass(frozen=True, slots=True)
class _Plain:
    """The lines of a card, and what a plain script sets them in."""

    size: tuple[int, int]
    text: str
    face: str
    pixels: int
    at: tuple[float, float]
    ground: tuple[int, int, int]
    ink: tuple[int, int, int]

    def __call__(self) -> bytes:
        canvas = Image.new("RGB", self.size, self.ground)
        font = fonts.load_font(self.face, self.pixels)
        pen = ImageDraw.Draw(canvas)
        pen.multiline_text(self.at, self.text, self.ink, font)
        out = io.BytesIO()
        canvas.save(out, "PNG", compress_level=1)
        return out.getvalue()


def measure() -> list[Figure]:
    found = [
        one
        for name in _FORMATS
        for one in _figures(f"card, {name}", name, _POST, _MOST)
    ]
    found += _figures("card, 170 ideographs", "square", _LONG, _MOST_WEIGHED)[:1]
    return found


def _figures(what: str, named: str, words: str, most: float) -> list[Figure]:
    size = parse_format(named)
    orders = [
        ImageRequest(
            prompt="", words=words, width=size.width, height=size.height, seed=seed
        )
        for seed in _SEEDS
    ]
    plain = _plain(orders[0])

    def ours() -> float:
        # A post is lettered once: what was measured for one card serves no other.
        fonts.width_at_100.cache_clear()
        return _seconds(lambda: [compose.render_card(order, _LOOK) for order in orders])

    def reference() -> float:
        return _seconds(lambda: [plain() for _ in orders])

    mine, theirs = in_turns(ours, reference, _ROUNDS)
    heavy = (
        statistics.median(len(compose.render_card(one, _LOOK)) for one in orders) / 1000
    )
    return [
        Figure(
            what=what,
            figure=1000 * mine / len(orders),
            unit="ms",
            reference=1000 * theirs / len(orders),
            against="its words once on one colour",
            most=most,
        ),
        Figure(what=f"{what}: PNG", figure=heavy, unit="kB", most=_MOST_KB),
    ]


def _plain(order: ImageRequest) -> _Plain:
    plan = compose.plan_card(order, _LOOK)
    lines = [
        line
        for line in plan.elements
        if isinstance(line, PlacedLine) and not line.is_note
    ]
    return _Plain(
        size=(order.width, order.height),
        text="\n".join(line.text for line in lines),
        face=plan.scene.font.path,
        pixels=lines[0].size,
        at=(plan.scene.layout.left, plan.scene.layout.top),
        ground=plan.scene.palette.first,
        ink=plan.scene.palette.text,
    )


def _seconds(drawing: Callable[[], object]) -> float:
    """Of this process alone: a card waits for nothing, and others share the machine."""
    started = time.process_time()
    drawing()
    return time.process_time() - started
