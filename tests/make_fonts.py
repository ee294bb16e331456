"""Makes the subsets in `providers/card/fonts` from the whole fonts.

    python -m tests.make_fonts emoji NotoColorEmoji.ttf NotoColorEmoji-subset.ttf
    python -m tests.make_fonts japanese NotoSansJP_700Bold.ttf japanese.ttf

`providers/card/fonts/README.md` says where the whole fonts are from.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable

from fontTools import subset
from fontTools.ttLib import TTFont
from PIL import Image

_ZWJ, _ARROW = 0x200D, 0x27A1
_SKIN_TONES = range(0x1F3FB, 0x1F400)
#: Codec, first bytes of its rows, and characters of names and dishes that it lacks.
_CHARACTERS = {
    "japanese": ("euc_jp", (*range(1, 9), *range(16, 85)), "髙﨑濵德栁桒瀨凜"),
    "korean": ("euc_kr", (*range(1, 5), *range(16, 41)), "똠햏뷁펲찦쌰꾿똭"),
}


def main(kind: str, source: str, target: str) -> None:
    """Write the subset of a kind: emoji, japanese, traditional or korean."""
    options = subset.Options()
    options.hinting = False
    options.drop_tables += ["vhea", "vmtx", "VORG"]
    font = subset.load_font(source, options)
    if kind == "emoji":
        # Every emoji and sequence, but those with skin tones and directions.
        options.layout_closure = False
        options.layout_features = ["*"]
        subsetter = subset.Subsetter(options)
        subsetter.populate(glyphs=_emoji_glyphs(font), unicodes=_plain_emoji(font))
    else:
        subsetter = subset.Subsetter(options)
        subsetter.populate(text="".join(_characters(kind)))
    subsetter.subset(font)
    if kind == "emoji":
        _reduce_colours(font)
    subset.save_font(font, target, options)


def _characters(kind: str) -> Iterable[str]:
    yield from map(chr, range(0x20, 0x7F))
    yield from "°²³½×·–—‘’“”„•…€™→←↑↓★☆✓✗※№℃"
    if kind == "traditional":
        # Big5: marks, and its level 1, the 5,401 everyday characters.
        for row in (*range(0xA1, 0xA4), *range(0xA4, 0xC7)):
            for cell in (*range(0x40, 0x7F), *range(0xA1, 0xFF)):
                yield bytes((row, cell)).decode("big5", "ignore")
        return
    codec, rows, more = _CHARACTERS[kind]
    for row in rows:
        for cell in range(1, 95):
            yield bytes((row + 0xA0, cell + 0xA0)).decode(codec, "ignore")
    yield from more


def _reduce_colours(font: TTFont) -> None:
    """Give each emoji 64 colours, which nobody sees and saves a quarter."""
    for glyph in font["CBDT"].strikeData[0].values():
        if hasattr(glyph, "imageData"):
            image = Image.open(io.BytesIO(glyph.imageData)).convert("RGBA")
            smaller = io.BytesIO()
            reduced = image.quantize(64, Image.Quantize.FASTOCTREE)
            reduced.save(smaller, "PNG", optimize=True)
            glyph.imageData = min(glyph.imageData, smaller.getvalue(), key=len)


def _plain_emoji(font: TTFont) -> list[int]:
    return [code for code in font.getBestCmap() if code not in _SKIN_TONES]


def _emoji_glyphs(font: TTFont) -> list[str]:
    """Return the glyphs of joined emoji, flags and keycaps."""
    codes = {glyph: code for code, glyph in font.getBestCmap().items()}
    glyphs: list[str] = []
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            subtable = getattr(table, "ExtSubTable", table)
            for first, ligatures in getattr(subtable, "ligatures", {}).items():
                for ligature in ligatures:
                    parts = {
                        codes.get(name, 0) for name in (first, *ligature.Component)
                    }
                    if not parts & {*_SKIN_TONES, _ARROW if _ZWJ in parts else -1}:
                        glyphs.append(ligature.LigGlyph)
    return glyphs


if __name__ == "__main__":
    main(*sys.argv[1:])
