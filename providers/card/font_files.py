"""The fonts a card can use: the bundled ones, the owner's, and installed ones."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError
from PIL import ImageFont, features

from providers.outcomes import BadRequestError

_FONTS = Path(__file__).parent / "fonts"
_FONT_FOLDERS = ("/usr/local/share/fonts", "/usr/share/fonts")


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
        index: Number of the font in a collection (.ttc).
    """

    path: str
    leading: float = 1.17
    relative_size: float = 1.0
    needs_shaping: bool = False
    is_rtl: bool = False
    features: tuple[str, ...] = ()
    index: int = 0


SERIF = FontChoice(f"{_FONTS}/SourceSerif4-SemiBold.ttf")
SANS = FontChoice(f"{_FONTS}/Inter-SemiBold.ttf", leading=1.2, relative_size=0.9)
EMOJI = FontChoice(f"{_FONTS}/NotoColorEmoji-subset.ttf")
#: The bundled font of each script; Chinese is simplified or traditional.
SCRIPTS = {
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
    "TRADITIONAL": FontChoice(f"{_FONTS}/NotoSansTC-Bold-subset.ttf", 1.42, 0.82),
    "HANGUL": FontChoice(f"{_FONTS}/NotoSansKR-Bold-subset.ttf", 1.42, 0.86),
}
WIDE = ("JAPANESE", "CHINESE", "TRADITIONAL", "HANGUL")
#: The numbers of Noto Sans CJK's fonts in its collection.
_COLLECTED = {"JAPANESE": 0, "HANGUL": 1, "CHINESE": 2, "TRADITIONAL": 3}
_CJK_FILES = ("NotoSansCJK-Bold.ttc", "NotoSansCJK-Regular.ttc", "wqy-zenhei.ttc")
_URDU = "NotoNastaliqUrdu"
_SYMBOL_FILES = (
    "NotoSansSymbols-",
    "NotoSansSymbols2-",
    "NotoSansMath-",
    "DejaVuSans-",
)
_SIMPLE = frozenset({"", "LATIN", "GEORGIAN", "ARMENIAN", "CHEROKEE", "ETHIOPIC"})
_RTL = frozenset({"ARABIC", "HEBREW", "SYRIAC", "THAANA", "NKO"})


def has_raqm() -> bool:
    """Return True if scripts that need shaping can be drawn (libfribidi exists)."""
    return bool(features.check("raqm"))


@cache
def covered_characters(path: str, index: int = 0) -> frozenset[int]:
    """Return the code points of a font; none if the file cannot be read."""
    try:
        with TTFont(path, lazy=True, fontNumber=index) as font:
            return frozenset(font.getBestCmap() or ())
    except (OSError, TTLibError, ValueError, KeyError, AssertionError):
        return frozenset()


@lru_cache(maxsize=64)
def load_font(path: str, size: int, index: int = 0) -> ImageFont.FreeTypeFont:
    """Return a font at a size in pixels.

    Raises:
        OSError: The file cannot be read.
    """
    return ImageFont.truetype(path, size, index)


def script_of(char: str) -> str:
    """Return a letter's script in this module's names; "" if it is not a letter."""
    if not char.isalpha():
        return ""
    match first := unicodedata.name(char, "").split(" ", maxsplit=1)[0]:
        case "HIRAGANA" | "KATAKANA" | "KATAKANA-HIRAGANA" | "HALFWIDTH":
            return "JAPANESE"
        case "CJK" | "BOPOMOFO":
            return "HAN"
        case "FULLWIDTH" | "LATIN" | "GREEK" | "CYRILLIC" | "MODIFIER":
            return "LATIN"
        case _:
            return first


def missing_letter(part: str) -> BadRequestError:
    """Return the error that no font has a letter, with the package that has it."""
    letter = unicodedata.normalize("NFC", part)[0]
    name = unicodedata.name(letter, "no name")
    return BadRequestError(
        f"no font has the letter {part} (U+{ord(letter):04X}, {name}); "
        f"the Debian package {_package_of(letter)} may have it"
    )


def _package_of(char: str) -> str:
    """Return the Debian package that has a font for *char*."""
    is_wide = script_of(char) in {"HAN", *WIDE}
    return "fonts-noto-cjk" if is_wide else "fonts-noto-core"


def with_metrics(choice: FontChoice, script: str) -> FontChoice:
    """Return a font of the owner's with the typographic settings of a script."""
    settings = SCRIPTS.get(script) or _metrics_of(script)
    return replace(settings, path=choice.path, index=choice.index, features=())


def nastaliq() -> FontChoice | None:
    """Return the installed font for Urdu, if there is one."""
    naskh = SCRIPTS["ARABIC"]
    found = _find_files(_URDU)
    if not found:
        return None
    return replace(naskh, path=found[0], leading=2.3, relative_size=0.8)


def installed_fonts(char: str, script: str) -> Iterator[FontChoice]:
    """Yield installed fonts that may have *char*, the most fitting first.

    Args:
        script: The script of the text around it, which decides among the forms of
            ideographs.
    """
    if script_of(char) in {"HAN", *WIDE}:
        wide = script if script in WIDE else "CHINESE"
        for name in _CJK_FILES:
            for path in _find_files(name):
                is_collection = name.startswith("Noto")
                number = _COLLECTED[wide] if is_collection else 0
                yield replace(SCRIPTS[wide], path=path, index=number)
        return
    name = script_of(char)
    families = ("NotoSans", "NotoSerif") if name not in {"", "LATIN"} else ()
    prefixes = [f"{family}{name.capitalize()}" for family in families]
    if name == "LATIN":
        prefixes.append("NotoSans-")
    for prefix in (*prefixes, *_SYMBOL_FILES):
        for path in _find_files(prefix):
            yield replace(_metrics_of(name), path=path)


def _metrics_of(script: str) -> FontChoice:
    simple = script in _SIMPLE
    return FontChoice(
        "",
        leading=1.2 if simple else 1.5,
        relative_size=0.9,
        needs_shaping=not simple,
        is_rtl=script in _RTL,
    )


def _find_files(prefix: str) -> list[str]:
    """Return installed font files whose names begin so, bold ones first."""
    found = [path for name, path in _installed_files() if name.startswith(prefix)]
    return sorted(found, key=lambda path: ("Bold." not in path, "Italic" in path, path))


@cache
def _installed_files() -> tuple[tuple[str, str], ...]:
    """Return names and paths of the installed fonts."""
    return tuple(
        (name, f"{folder}/{name}")
        for top in _FONT_FOLDERS
        for folder, _, names in os.walk(top)
        for name in sorted(names)
        if name.endswith((".ttf", ".otf", ".ttc"))
    )
