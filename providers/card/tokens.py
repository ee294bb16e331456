"""A text in pieces that may not be broken: words, and ideographs in phrases.

Rules for Japanese line breaks: JIS X 4051 (kinsoku), as far as a card needs them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from providers.card.fonts import FontChoice, script_of, width_at_100
from providers.card.graphemes import split_graphemes
from providers.card.lines import LineItem

_NO_START = frozenset(
    "、。，．・：；？！゛゜ヽヾゝゞ々ー）〕］｝〉》」』】ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ…‥%％ๆฯ,.!?;:)]}”’»\u0e46"
)
_NO_END = frozenset("（〔［｛〈《「『【([{“‘„«เแโใไ$€£¥#")
_CHUNK = 13
_UNSPACED = frozenset({"JAPANESE", "HAN", "THAI", "LAO", "KHMER", "MYANMAR"})


def split_line_items(
    paragraphs: Sequence[str], base: FontChoice, *, chopped: bool = False
) -> list[LineItem]:
    """Return the pieces of a text, measured.

    Args:
        chopped: Break long words too: nothing else fits.
    """
    found: list[LineItem] = []
    for paragraph in paragraphs:
        begins = bool(found)
        for word in _split_words(paragraph):
            for place, (part, awkward) in enumerate(_split_word(word, chopped=chopped)):
                found.append(
                    LineItem(
                        text=part,
                        width=width_at_100(part, base),
                        space=0.0 if place else width_at_100(" ", base),
                        begins=begins,
                        awkward=awkward,
                    )
                )
                begins = False
    return found


def _split_words(paragraph: str) -> Iterator[str]:
    """Yield words; a dash stays with the word before it, a bullet with the next."""
    held = ""
    for word in paragraph.split():
        if word == "•":
            held = f"{word}\N{NO-BREAK SPACE}"
        elif word in {"\N{EN DASH}", "\N{EM DASH}", "-", "|", "·"} and held:
            held = f"{held}\N{NO-BREAK SPACE}{word}"
        elif held.endswith("\N{NO-BREAK SPACE}"):
            held += word
        else:
            if held:
                yield held
            held = word
    if held:
        yield held


def _split_word(word: str, *, chopped: bool) -> Iterator[tuple[str, float]]:
    """Yield what a word is broken into, and how awkward a break before each is."""
    if any(script_of(char) in _UNSPACED for char in word):
        yield from _split_phrases(word)
    elif chopped and len(word) > _CHUNK:
        parts = split_graphemes(word)
        for start in range(0, len(parts), _CHUNK):
            yield "".join(parts[start : start + _CHUNK]), float(start > 0)
    else:
        yield word, 0.0


def _split_phrases(text: str) -> Iterator[tuple[str, float]]:
    held, awkward = "", 0.0
    for part in split_graphemes(text):
        if not held:
            held, awkward = part, 0.0
        elif part[0] in _NO_START or held[-1] in _NO_END or _are_both_latin(held, part):
            held += part
        else:
            yield held, awkward
            held, awkward = part, _break_penalty(held[-1], part[0])
    yield held, awkward


def _are_both_latin(held: str, part: str) -> bool:
    """Words and numbers of another script are not broken."""

    def western(char: str) -> bool:
        return script_of(char) == "LATIN" or char.isdecimal()

    return western(held[-1]) and western(part[0])


def _break_penalty(before: str, after: str) -> float:
    """Say how bad a break is, without a dictionary: phrases end in kana."""
    if unicodedata.category(before).startswith("P"):
        return 0.0
    kinds = (_script_kind(before), _script_kind(after))
    match kinds:
        # A particle has ended, and something new begins.
        case ("hiragana", "han" | "katakana" | "other"):
            return 0.0
        case ("han", "han"):
            return 0.6
        case ("katakana", "katakana"):
            return 1.0
        case ("han", "hiragana") | ("katakana", "hiragana"):
            return 0.9
        case ("hiragana", "hiragana"):
            return 0.7
        case _:
            return 0.4


def _script_kind(char: str) -> str:
    code = ord(char)
    if 0x3041 <= code <= 0x309F:
        return "hiragana"
    if 0x30A0 <= code <= 0x30FF:
        return "katakana"
    return "han" if script_of(char) == "HAN" else "other"
