"""Splits a text into unbreakable items: words, and ideographs in phrases.

Source for Japanese line breaks: JIS X 4051 (kinsoku), as far as a card needs it.
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
    """Return the items of a text with their widths.

    Args:
        base: The font of the text.
        chopped: Break words of more than 13 characters as well.
    """
    items: list[LineItem] = []
    for paragraph in paragraphs:
        begins = bool(items)
        for word in _split_words(paragraph):
            for index, (part, awkward) in enumerate(_split_word(word, chopped=chopped)):
                items.append(
                    LineItem(
                        text=part,
                        width=width_at_100(part, base),
                        space=0.0 if index else width_at_100(" ", base),
                        begins=begins,
                        awkward=awkward,
                    )
                )
                begins = False
    return items


def _split_words(paragraph: str) -> Iterator[str]:
    """Yield words; a dash joins the word before it, a bullet the word after it."""
    pending = ""
    for word in paragraph.split():
        if word == "•":
            pending = f"{word}\N{NO-BREAK SPACE}"
        elif word in {"\N{EN DASH}", "\N{EM DASH}", "-", "|", "·"} and pending:
            pending = f"{pending}\N{NO-BREAK SPACE}{word}"
        elif pending.endswith("\N{NO-BREAK SPACE}"):
            pending += word
        else:
            if pending:
                yield pending
            pending = word
    if pending:
        yield pending


def _split_word(word: str, *, chopped: bool) -> Iterator[tuple[str, float]]:
    """Yield the parts of a word, each with the penalty of a break before it."""
    if any(script_of(char) in _UNSPACED for char in word):
        yield from _split_phrases(word)
    elif chopped and len(word) > _CHUNK:
        parts = split_graphemes(word)
        for start in range(0, len(parts), _CHUNK):
            yield "".join(parts[start : start + _CHUNK]), float(start > 0)
    else:
        yield word, 0.0


def _split_phrases(text: str) -> Iterator[tuple[str, float]]:
    pending, awkward = "", 0.0
    for part in split_graphemes(text):
        if not pending:
            pending, awkward = part, 0.0
        elif (
            part[0] in _NO_START
            or pending[-1] in _NO_END
            or _are_both_latin(pending, part)
        ):
            pending += part
        else:
            yield pending, awkward
            pending, awkward = part, _break_penalty(pending[-1], part[0])
    yield pending, awkward


def _are_both_latin(pending: str, part: str) -> bool:
    """Return True inside a Latin word or a number, which are not broken."""
    return all(
        script_of(char) == "LATIN" or char.isdecimal()
        for char in (pending[-1], part[0])
    )


def _break_penalty(before: str, after: str) -> float:
    """Return the penalty of a break, 0 to 1, by script, since phrases end in kana."""
    if unicodedata.category(before).startswith("P"):
        return 0.0
    kinds = (_script_kind(before), _script_kind(after))
    match kinds:
        # A particle ends, and the next phrase begins.
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
