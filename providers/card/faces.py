"""Faces: which font letters which cluster, and how wide text is in them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

from fontTools.ttLib import TTFont, TTLibError
from PIL import Image, ImageDraw, ImageFont, features

from providers.card.clusters import clusters, is_emoji, plain_emoji

_FONTS = Path(__file__).parent / "fonts"
#: CBDT emoji come in one size only.
_EMOJI_SIZE = 109
_EMOJI_EM = 1.06
_MEASURED_AT = 100
_INVISIBLE = "\u200c\u200d\ufe0e\ufe0f"

Direction = Literal["ltr", "rtl"]


@dataclass(frozen=True, slots=True)
class Face:
    """A font and how it wants to be set.

    Attributes:
        leading: Line height in ems.
        share: Of the size of a Latin face, so that texts look equally large.
        shaped: Wrong without Raqm: joined, reordered or stacked letters.
    """

    path: str
    leading: float = 1.17
    share: float = 1.0
    shaped: bool = False
    rtl: bool = False
    features: tuple[str, ...] = ()


def _bundled(name: str) -> str:
    return str(_FONTS / name)


SERIF = Face(_bundled("SourceSerif4-SemiBold.ttf"))
SANS = Face(_bundled("Inter-SemiBold.ttf"), leading=1.2, share=0.9)
EMOJI = Face(_bundled("NotoColorEmoji-subset.ttf"))
_SCRIPTS = {
    "ARABIC": Face(
        _bundled("NotoNaskhArabic-Bold.ttf"), leading=1.6, shaped=True, rtl=True
    ),
    "HEBREW": Face(
        _bundled("NotoSansHebrew-Bold.ttf"), leading=1.32, shaped=True, rtl=True
    ),
    "DEVANAGARI": Face(
        _bundled("NotoSansDevanagari-Bold.ttf"), leading=1.45, shaped=True
    ),
    "THAI": Face(_bundled("NotoSansThai-Bold.ttf"), leading=1.45, shaped=True),
    "JAPANESE": Face(
        _bundled("NotoSansJP-Bold-subset.ttf"), 1.42, 0.82, features=("palt",)
    ),
    "CHINESE": Face(_bundled("NotoSansSC-Bold-subset.ttf"), 1.42, 0.82),
    "HANGUL": Face(_bundled("NotoSansKR-Bold-subset.ttf"), 1.42, 0.86),
}
_WIDE = ("JAPANESE", "CHINESE", "HANGUL")


def has_raqm() -> bool:
    """Say whether scripts that need shaping can be lettered (libfribidi is there)."""
    return bool(features.check("raqm"))


@cache
def covered(path: str) -> frozenset[int]:
    """Return the characters a font has; empty for one that cannot be read."""
    try:
        with TTFont(path, lazy=True, fontNumber=0) as font:
            return frozenset(font.getBestCmap() or ())
    except (OSError, TTLibError, ValueError, KeyError, AssertionError):
        return frozenset()


@lru_cache(maxsize=64)
def loaded(path: str, size: int) -> ImageFont.FreeTypeFont:
    """Return a font at a size in pixels."""
    return ImageFont.truetype(path, size)


def script_of(char: str) -> str:
    """Return the script of a letter as this module names it; "" for no letter."""
    if not char.isalpha():
        return ""
    name = unicodedata.name(char, "")
    first = name.split(" ", maxsplit=1)[0]
    match first:
        case "HIRAGANA" | "KATAKANA" | "KATAKANA-HIRAGANA":
            return "JAPANESE"
        case "CJK":
            return "HAN"
        case "FULLWIDTH" | "LATIN" | "GREEK" | "CYRILLIC":
            return "LATIN"
        case _:
            return first


def base_face(text: str, *, shouted: bool, own: str | None) -> Face:
    """Return the face most of *text* is set in; ideographs count three times."""
    scripts: Counter[str] = Counter()
    for char in text:
        if script := script_of(char):
            scripts[script] += 3 if script in {"HAN", *_WIDE} else 1
    if scripts["JAPANESE"]:
        scripts["JAPANESE"] += scripts.pop("HAN", 0)
    scripts["CHINESE"] += scripts.pop("HAN", 0)
    most = max(scripts, key=lambda name: scripts[name]) if scripts else "LATIN"
    if most in _SCRIPTS and scripts[most]:
        return _SCRIPTS[most]
    if own is not None and covered(own):
        return Face(own, leading=1.2)
    return SANS if shouted else SERIF


def _fallbacks(base: Face) -> list[Face]:
    return [base, SERIF, SANS, *_SCRIPTS.values()]


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive clusters of one face."""

    text: str
    face: Face
    emoji: bool = False


def runs_of(text: str, base: Face) -> tuple[list[Run], int]:
    """Split *text* by the face that has its glyphs.

    Returns:
        The runs, and how many clusters no face has (they are left out).
    """
    found: list[Run] = []
    missing = 0
    for part in clusters(text):
        if is_emoji(part):
            emoji = plain_emoji(part)
            if _can_show_emoji(emoji):
                found.append(Run(emoji, EMOJI, emoji=True))
            continue
        shown = "".join(char for char in part if char not in "\ufe0e\ufe0f")
        face = _face_for(shown, base)
        # Marks no font has are left out, rather than their letter with them.
        if face is None and len(shown) > 1:
            shown = shown[0]
            face = _face_for(shown, base)
        if face is None:
            missing += 1
            continue
        if found and found[-1].face == face and not found[-1].emoji:
            found[-1] = Run(found[-1].text + shown, face)
        else:
            found.append(Run(shown, face))
    return found, missing


def _can_show_emoji(part: str) -> bool:
    wanted = {ord(char) for char in part} - {0xFE0F}
    joined = len(wanted) > 1 and "\u20e3" not in part
    return wanted <= covered(EMOJI.path) and (has_raqm() or not joined)


def _face_for(part: str, base: Face) -> Face | None:
    wanted = {ord(char) for char in part if char not in _INVISIBLE}
    for face in _fallbacks(base):
        if wanted <= covered(face.path) and (has_raqm() or not face.shaped):
            return face
    return None


@lru_cache(maxsize=4096)
def width_at_100(text: str, base: Face) -> float:
    """Return how wide *text* is at 100 pixels; widths scale with the size."""
    found, _ = runs_of(text, base)
    return sum(_run_width(run) for run in found)


def _run_width(run: Run) -> float:
    if run.emoji:
        return _EMOJI_EM * _MEASURED_AT
    font = loaded(run.face.path, _MEASURED_AT)
    return font.getlength(run.text, features=_features(run.face))


def _features(face: Face) -> list[str] | None:
    """OpenType features; naming any without Raqm is an error."""
    return list(face.features) if face.features and has_raqm() else None


def draw_line(
    canvas: Image.Image,
    text: str,
    base: Face,
    *,
    size: int,
    left: float,
    baseline: float,
    colour: tuple[int, int, int],
) -> None:
    """Letter one line; *left* is where its ink begins."""
    found, _ = runs_of(text, base)
    if base.rtl:
        found = _in_visual_order(found)
    pen = ImageDraw.Draw(canvas)
    place = left
    for run in found:
        if run.emoji:
            tile = emoji_tile(run.text, round(size * _EMOJI_EM))
            if tile is not None:
                top = round(baseline - size * 0.88)
                canvas.paste(tile, (round(place), top), tile)
            place += size * _EMOJI_EM
            continue
        font = loaded(run.face.path, size)
        tags = _features(run.face)
        direction = "rtl" if base.rtl and has_raqm() else None
        pen.text(
            (place, baseline),
            run.text,
            colour,
            font,
            anchor="ls",
            direction=direction,
            features=tags,
        )
        place += font.getlength(run.text, direction=direction, features=tags)


def _in_visual_order(found: Sequence[Run]) -> list[Run]:
    """Right to left by whole runs; neighbours of another direction keep their order."""
    groups: list[list[Run]] = []
    for run in found:
        foreign = not run.face.rtl
        if groups and foreign and not groups[-1][0].face.rtl:
            groups[-1].append(run)
        else:
            groups.append([run])
    return [run for group in reversed(groups) for run in group]


@lru_cache(maxsize=64)
def emoji_tile(emoji: str, size: int) -> Image.Image | None:
    """Return a picture of an emoji, *size* pixels wide, or None if there is none."""
    if not _can_show_emoji(emoji):
        return None
    font = loaded(EMOJI.path, _EMOJI_SIZE)
    tile = Image.new("RGBA", (136, 136))
    pen = ImageDraw.Draw(tile)
    pen.text((0, 4), emoji, font=font, embedded_color=True)
    if tile.getbbox() is None:
        return None
    return tile.resize((size, size), Image.Resampling.LANCZOS)


def left_bearing(text: str, base: Face, size: int) -> float:
    """Return how far the first letter's ink stands from its origin."""
    found, _ = runs_of(text[:1], base)
    if not found or found[0].emoji:
        return 0.0
    return float(
        loaded(found[0].face.path, size).getbbox(found[0].text, anchor="ls")[0]
    )
