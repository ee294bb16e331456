"""Chooses the font of each grapheme cluster, measures text and draws it."""

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

from providers.card.graphemes import is_emoji, plain_emoji, split_graphemes

_FONTS = Path(__file__).parent / "fonts"
#: The bitmaps of the emoji font have one size, in pixels.
_EMOJI_SIZE = 109
_EMOJI_EM = 1.06
_MEASURED_AT = 100
_INVISIBLE = "\u200c\u200d\ufe0e\ufe0f"

Direction = Literal["ltr", "rtl"]


@dataclass(frozen=True, slots=True)
class FontChoice:
    """A font and its typographic settings.

    Attributes:
        path: Path of the font file.
        leading: Line height in ems.
        relative_size: Size as a share of a Latin font's, so that texts look equal.
        needs_shaping: The script joins, reorders or stacks letters, which needs Raqm.
        is_rtl: The script runs from right to left.
        features: OpenType features.
    """

    path: str
    leading: float = 1.17
    relative_size: float = 1.0
    needs_shaping: bool = False
    is_rtl: bool = False
    features: tuple[str, ...] = ()


SERIF = FontChoice(f"{_FONTS}/SourceSerif4-SemiBold.ttf")
SANS = FontChoice(f"{_FONTS}/Inter-SemiBold.ttf", leading=1.2, relative_size=0.9)
EMOJI = FontChoice(f"{_FONTS}/NotoColorEmoji-subset.ttf")
_SCRIPTS = {
    "ARABIC": FontChoice(
        f"{_FONTS}/NotoNaskhArabic-Bold.ttf",
        leading=1.6,
        needs_shaping=True,
        is_rtl=True,
    ),
    "HEBREW": FontChoice(
        f"{_FONTS}/NotoSansHebrew-Bold.ttf",
        leading=1.32,
        needs_shaping=True,
        is_rtl=True,
    ),
    "DEVANAGARI": FontChoice(
        f"{_FONTS}/NotoSansDevanagari-Bold.ttf", leading=1.45, needs_shaping=True
    ),
    "THAI": FontChoice(
        f"{_FONTS}/NotoSansThai-Bold.ttf", leading=1.45, needs_shaping=True
    ),
    "JAPANESE": FontChoice(
        f"{_FONTS}/NotoSansJP-Bold-subset.ttf", 1.42, 0.82, features=("palt",)
    ),
    "CHINESE": FontChoice(f"{_FONTS}/NotoSansSC-Bold-subset.ttf", 1.42, 0.82),
    "HANGUL": FontChoice(f"{_FONTS}/NotoSansKR-Bold-subset.ttf", 1.42, 0.86),
}
_WIDE = ("JAPANESE", "CHINESE", "HANGUL")


def has_raqm() -> bool:
    """Return True if scripts that need shaping can be drawn (libfribidi exists)."""
    return bool(features.check("raqm"))


@cache
def covered_characters(path: str) -> frozenset[int]:
    """Return the code points of a font; none if the file cannot be read."""
    try:
        with TTFont(path, lazy=True, fontNumber=0) as font:
            return frozenset(font.getBestCmap() or ())
    except (OSError, TTLibError, ValueError, KeyError, AssertionError):
        return frozenset()


@lru_cache(maxsize=64)
def load_font(path: str, size: int) -> ImageFont.FreeTypeFont:
    """Return a font at a size in pixels.

    Raises:
        OSError: The file cannot be read.
    """
    return ImageFont.truetype(path, size)


def script_of(char: str) -> str:
    """Return a letter's script in this module's names; "" if it is not a letter."""
    if not char.isalpha():
        return ""
    match first := unicodedata.name(char, "").split(" ", maxsplit=1)[0]:
        case "HIRAGANA" | "KATAKANA" | "KATAKANA-HIRAGANA":
            return "JAPANESE"
        case "CJK":
            return "HAN"
        case "FULLWIDTH" | "LATIN" | "GREEK" | "CYRILLIC":
            return "LATIN"
        case _:
            return first


def choose_base_font(text: str, *, shouted: bool, own: str | None) -> FontChoice:
    """Return the font of most of *text*; ideographs count three times.

    Args:
        shouted: The text is in capitals, so a Latin text gets a sans-serif font.
        own: Path of the owner's font, used for Latin text if it can be read.
    """
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
    if own is not None and covered_characters(own):
        return FontChoice(own, leading=1.2)
    return SANS if shouted else SERIF


@dataclass(frozen=True, slots=True)
class TextRun:
    """Consecutive grapheme clusters of one font."""

    text: str
    choice: FontChoice


def split_runs(text: str, base: FontChoice) -> tuple[list[TextRun], int]:
    """Split *text* by the font that has its glyphs.

    Returns:
        The runs, and the number of clusters that no font has, which are omitted.
    """
    runs: list[TextRun] = []
    missing = 0
    for part in split_graphemes(text):
        if is_emoji(part):
            emoji = plain_emoji(part)
            if _can_show_emoji(emoji):
                runs.append(TextRun(emoji, EMOJI))
            continue
        shown = "".join(char for char in part if char not in "\ufe0e\ufe0f")
        choice = _choice_for(shown, base)
        # Omit marks that no font has, but keep their letter.
        if choice is None and len(shown) > 1:
            shown = shown[0]
            choice = _choice_for(shown, base)
        if choice is None:
            missing += 1
        elif runs and runs[-1].choice == choice:
            runs[-1] = TextRun(runs[-1].text + shown, choice)
        else:
            runs.append(TextRun(shown, choice))
    return runs, missing


def _can_show_emoji(part: str) -> bool:
    wanted = {ord(char) for char in part} - {0xFE0F}
    joined = len(wanted) > 1 and "\u20e3" not in part
    return wanted <= covered_characters(EMOJI.path) and (has_raqm() or not joined)


def _choice_for(part: str, base: FontChoice) -> FontChoice | None:
    wanted = {ord(char) for char in part if char not in _INVISIBLE}
    for choice in (base, SERIF, SANS, *_SCRIPTS.values()):
        is_usable = has_raqm() or not choice.needs_shaping
        if wanted <= covered_characters(choice.path) and is_usable:
            return choice
    return None


@lru_cache(maxsize=4096)
def width_at_100(text: str, base: FontChoice) -> float:
    """Return the width of *text* in pixels at a size of 100; widths scale with it."""
    runs, _ = split_runs(text, base)
    return sum(_run_width(run) for run in runs)


def shorten_to_width(text: str, base: FontChoice, size: float, width: float) -> str:
    """Return *text*, cut with an ellipsis to *width* pixels at *size* pixels."""
    clusters = split_graphemes(text)
    for count in range(len(clusters), 0, -1):
        shown = "".join(clusters[:count]) + ("…" if count < len(clusters) else "")
        if width_at_100(shown, base) * size / 100 <= width:
            return shown
    return ""


def _run_width(run: TextRun) -> float:
    if run.choice is EMOJI:
        return _EMOJI_EM * _MEASURED_AT
    font = load_font(run.choice.path, _MEASURED_AT)
    return font.getlength(run.text, features=_font_features(run.choice))


def _font_features(choice: FontChoice) -> list[str] | None:
    """Return the OpenType features, or None without Raqm, which rejects them."""
    return list(choice.features) if choice.features and has_raqm() else None


def draw_line(
    canvas: Image.Image,
    text: str,
    base: FontChoice,
    *,
    size: int,
    left: float,
    baseline: float,
    colour: tuple[int, int, int],
) -> None:
    """Draw one line; *size*, *left* and *baseline* are in pixels."""
    runs, _ = split_runs(text, base)
    if base.is_rtl:
        runs = _in_visual_order(runs)
    direction = "rtl" if base.is_rtl and has_raqm() else None
    pen = ImageDraw.Draw(canvas)
    for run in runs:
        if run.choice is EMOJI:
            tile = render_emoji(run.text, round(size * _EMOJI_EM))
            if tile is not None:
                top = round(baseline - size * 0.88)
                canvas.paste(tile, (round(left), top), tile)
            left += size * _EMOJI_EM
            continue
        font = load_font(run.choice.path, size)
        tags = _font_features(run.choice)
        where = (left, baseline)
        pen.text(
            where, run.text, colour, font, "ls", direction=direction, features=tags
        )
        left += font.getlength(run.text, direction=direction, features=tags)


def _in_visual_order(runs: Sequence[TextRun]) -> list[TextRun]:
    """Return runs from right to left; adjacent left-to-right runs keep their order."""
    groups: list[list[TextRun]] = []
    for run in runs:
        if groups and not run.choice.is_rtl and not groups[-1][0].choice.is_rtl:
            groups[-1].append(run)
        else:
            groups.append([run])
    return [run for group in reversed(groups) for run in group]


@lru_cache(maxsize=64)
def render_emoji(emoji: str, size: int) -> Image.Image | None:
    """Return an image of an emoji, *size* pixels wide, or None if the font has none."""
    if not _can_show_emoji(emoji):
        return None
    font = load_font(EMOJI.path, _EMOJI_SIZE)
    tile = Image.new("RGBA", (136, 136))
    pen = ImageDraw.Draw(tile)
    pen.text((0, 4), emoji, font=font, embedded_color=True)
    if tile.getbbox() is None:
        return None
    return tile.resize((size, size), Image.Resampling.LANCZOS)


def left_bearing(text: str, base: FontChoice, size: int) -> float:
    """Return the distance in pixels from the first letter's origin to its ink."""
    runs, _ = split_runs(text[:1], base)
    if not runs or runs[0].choice is EMOJI:
        return 0.0
    font = load_font(runs[0].choice.path, size)
    return float(font.getbbox(runs[0].text, anchor="ls")[0])
