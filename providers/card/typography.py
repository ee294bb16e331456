"""Sets the marks that typists leave out: apostrophes, quotation marks.  Pure."""

from __future__ import annotations

import re

_APOSTROPHE = re.compile(
    r"(?<=[^\W\d_])['´`](?=[^\W\d_])|(?<=[^\W\d_][sxzßSXZ])'(?=\s)"
)
_DECADE = re.compile(r"(?<!\S)['´`‘](?=\d\d(?:er|s)?\b)")
_ELISION = re.compile(r"(?<!\S)['´`](?=(?:n|tis|twas|em|til)\b)", re.IGNORECASE)
_ROCK_N_ROLL = re.compile(r"(?<!\S)['´`‘]n['´`’](?!\S)")
_SINGLE = re.compile(r"(?<![\w'])'(?=\S)([^'\n]+?)(?<=\S)'(?![\w'])")
_DOUBLE = re.compile(r'(?<![\w"])"(?=\S)([^"\n]+?)(?<=\S)"(?!["\w])')
_FEET, _INCHES = re.compile(r"(?<=\d)'(?=\d)"), re.compile(r'(?<=\d)"(?!\w)')
#: Opening and closing marks by language.
_MARKS = {
    **dict.fromkeys(("de", "cs", "sk", "sl", "bg", "da", "is"), ("„", "“")),
    **dict.fromkeys(("pl", "ro", "hu", "hr", "sr", "nl"), ("„", "”")),
    **dict.fromkeys(("fr",), ("«\N{NO-BREAK SPACE}", "\N{NO-BREAK SPACE}»")),
    **dict.fromkeys(("ru", "uk", "be", "el", "es", "it", "nb", "pt"), ("«", "»")),
    **dict.fromkeys(("sv", "fi"), ("”", "”")),
}


def set_marks(text: str, language: str) -> str:
    """Return *text* with typographic apostrophes and quotation marks.

    Args:
        language: ISO 639-1 code, which decides about the quotation marks.
    """
    text = _DECADE.sub("’", _APOSTROPHE.sub("’", text))
    text = _ELISION.sub("’", _ROCK_N_ROLL.sub("’n’", text))
    opening, closing = _MARKS.get(language, ("“", "”"))
    text = _DOUBLE.sub(rf"{opening}\1{closing}", text)
    text = _SINGLE.sub(r"‘\1’", text)
    return _FEET.sub("′", _INCHES.sub("″", text))
