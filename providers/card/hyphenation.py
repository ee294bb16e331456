"""Divides long words, by the patterns of their language.

Source of the patterns: the dictionaries of LibreOffice in Pyphen.  Pyphen keeps the
patterns of a language in memory (German: 17 MB), so they are dropped after each text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

import pyphen

_SHORTEST, _EDGE = 10, 4
#: The longest word that is not divided inside a compound.
_WORD = 21
#: Before a consonant and a vowel: right in Finnish, and nearly so in most languages.
_SYLLABLE = re.compile(
    r"(?<=\w)(?=[^\W\d_aeiouyäöüåéèàáíóúаеиоуыэюяαειου][aeiouyäöüåéèà])"
)
#: Endings of German words inside compounds: a better place than others.
_JOINT = re.compile(r"(?:-|heits|keits|ungs|schafts|ions|täts|lings|tums|ments)$")
#: Endings of words that are not parted from them.
_BOUND = re.compile(r"\w{0,3}(?:keit|heit|schaft|lich|isch)", re.IGNORECASE)


def is_long_word(word: str) -> bool:
    """Return True for words that may be divided."""
    return len(word.strip(".,:;!?…»«“”„()")) >= _SHORTEST and "@" not in word


@lru_cache(maxsize=16)
def divide_words(words: tuple[str, ...], language: str) -> dict[str, tuple[str, ...]]:
    """Return the parts of each word, at least four letters at its edges.

    Args:
        language: ISO 639-1 code.
    """
    known = pyphen.language_fallback(language)
    divider = pyphen.Pyphen(lang=known) if known else None
    try:
        return {word: tuple(_divide(word, divider)) for word in words}
    finally:
        pyphen.hdcache.clear()


def _divide(word: str, divider: pyphen.Pyphen | None) -> Iterable[str]:
    syllables = (
        divider.positions(word)
        if divider
        else [match.start() for match in _SYLLABLE.finditer(word.lower())]
    )
    hyphens = [match.end() for match in re.finditer("-", word)]
    positions = sorted({*syllables, *hyphens})
    # Between the words of a compound, if its words are short enough.
    joints = [position for position in positions if is_joint(word[:position])]
    edges = [0, *joints, len(word)]
    if all(after - before <= _WORD for before, after in pairwise(edges)):
        positions = joints
    start = 0
    for position in positions:
        # The letters around, up to a hyphen or a digit.
        before = re.split(r"[\W\d_]", word[:position].rstrip("-"))[-1]
        after = re.split(r"[\W\d_]", word[position:])[0]
        is_wide = len(before) >= _EDGE and len(after) >= _EDGE and position - start > 1
        if is_wide and not _BOUND.match(after):
            yield word[start:position]
            start = position
    yield word[start:]


def is_joint(part: str) -> bool:
    """Return True if *part* ends where the words of a compound meet."""
    return _JOINT.search(part.lower()) is not None
