"""Writes contact sheets of the cards of the corpus: make sheets.

`python -m tests.sheets --docs` writes the pictures of the docs: one of each layout, and
pictures with words on them.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from PIL import Image, ImageDraw

from daemon.config.parsing import parse_format
from daemon.imaging.overlay import Words, lay_out_words
from daemon.pretend.scenes import render_scene
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
#: Words on pictures for the docs: scene, seed, headline and style.
_HEADLINES: tuple[tuple[str, int, str, Literal["gradient", "panel"]], ...] = (
    ("a cup of coffee", 1, "New: coffee from Colombia", "gradient"),
    ("a tree on a meadow", 1, "Plant trees with us", "gradient"),
    ("a market stall", 1, "Market day is back", "panel"),
)


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
    _write_headlines(folder / "headline.webp")


def _write_headlines(path: Path) -> None:
    """Write three pictures beside each other, with a headline, a tag and a logo."""
    side, gap = 720, 24
    row = Image.new("RGB", (3 * side + 2 * gap, side), "white")
    with tempfile.TemporaryDirectory() as folder:
        look = CardSettings(tag="Oven & Oak", logo=_draw_logo(Path(folder)))
        for index, (scene, seed, headline, style) in enumerate(_HEADLINES):
            picture = Image.open(io.BytesIO(render_scene(scene, seed, side, side)))
            words = Words(headline=headline, style=style, look=look, with_brand=True)
            lettered = lay_out_words(picture.convert("RGB"), words).draw()
            row.paste(lettered, (index * (side + gap), 0))
    row.resize((1104, 360), Image.Resampling.LANCZOS).save(path, quality=82, method=6)


def _draw_logo(folder: Path) -> str:
    """Return the file of a logo: a loaf in a circle, and two bars for a name."""
    logo = Image.new("RGBA", (520, 200))
    pen = ImageDraw.Draw(logo)
    pen.ellipse((0, 0, 199, 199), "#8c2f1b")
    pen.arc((50, 60, 150, 160), 180, 360, "#f4d9b0", 16)
    pen.line((100, 70, 100, 150), "#f4d9b0", 16)
    pen.rounded_rectangle((240, 50, 515, 85), 17, "#8c2f1b")
    pen.rounded_rectangle((240, 115, 430, 150), 17, "#8c2f1b")
    path = folder / "logo.png"
    logo.save(path)
    return str(path)


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
