"""Writes contact sheets of the cards of the corpus: make sheets.

`python -m tests.sheets --docs` takes the pictures of the docs anew, one of each layout.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from daemon.config.parsing import parse_format
from providers.base import CardSettings, ImageRequest
from providers.card.compose import render_card
from providers.card.layout import COMPOSITIONS
from tests.corpus import load_corpus

ROOT = Path(__file__).resolve().parents[1]
#: Width of a card, and cards beside each other.
_SHAPES = {
    "square": (320, 6),
    "portrait": (300, 6),
    "landscape": (440, 4),
    "story": (240, 8),
}
_PER_SHEET = 30
_GAP = 8
#: One of each layout for the docs: post, format and seed.
_PICTURES = {
    "statement": ("apfelkuchen", "square", 0),
    "quote": ("yoga_quote", "square", 1),
    "list": ("veterinaria", "square", 2),
    "table": ("salon_prices", "square", 4),
    "event": ("food_trucks", "square", 5),
    "review": ("otzyv", "square", 3),
    "versus": ("jollof", "square", 4),
    "landscape": ("winter_hours", "landscape", 1),
}


def write_sheets(folder: Path) -> None:
    """Write a sheet of every format and half of the corpus, and one of compositions."""
    folder.mkdir(exist_ok=True)
    names = list(load_corpus())
    for form in _SHAPES:
        for start in range(0, len(names), _PER_SHEET):
            chosen = names[start : start + _PER_SHEET]
            cards = [_render(name, form, sum(map(ord, name))) for name in chosen]
            _join(cards, form).save(folder / f"{form}-{start // _PER_SHEET + 1}.png")
    again = [
        _render(name, "square", seed)
        for name, _, _ in _PICTURES.values()
        for seed in range(len(COMPOSITIONS))
    ]
    _join(again, "square").save(folder / "compositions.png")


def write_pictures(folder: Path) -> None:
    """Write the pictures of the docs."""
    folder.mkdir(exist_ok=True)
    for layout, (name, form, seed) in _PICTURES.items():
        card = _render(name, form, seed)
        card.thumbnail((480, 480), Image.Resampling.LANCZOS)
        card.save(folder / f"card-{layout}.webp", quality=82, method=6)


def _render(name: str, form: str, seed: int) -> Image.Image:
    post, size = load_corpus()[name], parse_format(form)
    request = ImageRequest(
        prompt="", words=post.post, width=size.width, height=size.height, seed=seed
    )
    return Image.open(io.BytesIO(render_card(request, CardSettings(tag=post.tag))))


def _join(cards: Sequence[Image.Image], form: str) -> Image.Image:
    width, across = _SHAPES[form]
    height = round(width * cards[0].height / cards[0].width)
    rows = -(-len(cards) // across)
    sheet = Image.new(
        "RGB", (across * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP), "#777"
    )
    for index, card in enumerate(cards):
        row, column = divmod(index, across)
        place = (_GAP + column * (width + _GAP), _GAP + row * (height + _GAP))
        sheet.paste(card.resize((width, height), Image.Resampling.LANCZOS), place)
    return sheet


if __name__ == "__main__":
    if "--docs" in sys.argv:
        write_pictures(ROOT / "docs" / "pictures")
    else:
        write_sheets(ROOT / ".sheets")
