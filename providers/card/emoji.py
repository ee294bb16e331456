"""Draws emoji from the bundled font."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image, ImageDraw

from providers.card.font_files import EMOJI, covered_characters, has_raqm, load_font
from providers.card.graphemes import plain_emoji, without_tone

#: The bitmaps of the emoji font have one size, in pixels.
_SIZE = 109
#: A flag without what is on it is another flag.
_FLAGS = "🏳🏴"


@lru_cache(maxsize=256)
def shown_emoji(cluster: str) -> str:
    """Return an emoji as the font has it: neutral, or the first of a sequence.

    "" if the font has none.
    """
    first = plain_emoji(cluster)
    candidates = [without_tone(cluster)]
    if first[:1] not in _FLAGS:
        candidates.append(first)
    return next(filter(_has_glyph, candidates), "")


def _has_glyph(emoji: str) -> bool:
    codes = {ord(char) for char in emoji} - {0xFE0F}
    if not codes or not codes <= covered_characters(EMOJI.path):
        return False
    if len(codes) == 1:
        return True
    # A sequence is one glyph, which only Raqm finds.
    font = load_font(EMOJI.path, _SIZE)
    return has_raqm() and font.getlength(emoji) < 1.5 * font.getlength("😀")


@lru_cache(maxsize=64)
def render_emoji(cluster: str, size: int) -> Image.Image | None:
    """Return an image of an emoji, *size* pixels wide, or None if the font has none."""
    emoji = shown_emoji(cluster)
    if not emoji:
        return None
    font = load_font(EMOJI.path, _SIZE)
    tile = Image.new("RGBA", (136, 136))
    pen = ImageDraw.Draw(tile)
    pen.text((0, 4), emoji, font=font, embedded_color=True)
    if tile.getbbox() is None:
        return None
    return tile.resize((size, size), Image.Resampling.LANCZOS)
