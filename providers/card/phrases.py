"""Divides text without spaces into phrases.  Pure.

Sources: the models of BudouX for Japanese, Chinese and Thai; JIS X 4051 (kinsoku) for
the marks that no line begins or ends with.
"""

from __future__ import annotations

from functools import cache
from unicodedata import category

import budoux

from providers.card.graphemes import split_graphemes

_NO_START = frozenset(
    "、。，．・：；？！゛゜ヽヾゝゞ々ー）〕］｝〉》」』】〟’”ぁぃぅぇぉっゃゅょゎァィゥェォッ"
    "ャュョヮ…‥%％℃円ๆฯ,.!?;:)]}»～〜–—"
)
#: Chinese particles end a word.
_PARTICLES = frozenset("的了们們吗嗎呢吧嘛着著过過地得")
_NUMERALS = frozenset("一二三四五六七八九十百千两兩几幾每半")
_NO_END = frozenset("（〔［｛〈《「『【〝([{“‘„«เแโใไ$€£¥￥#№")
#: A longer phrase may be broken.
_LONGEST = 10
#: The penalty of a line that ends at a phrase's end, as good as the model is.
_PENALTIES = {"ja": 0.1, "zh-hans": 0.35, "zh-hant": 0.35, "th": 0.5}


@cache
def _parser(model: str) -> budoux.Parser:
    return {
        "ja": budoux.load_default_japanese_parser,
        "zh-hans": budoux.load_default_simplified_chinese_parser,
        "zh-hant": budoux.load_default_traditional_chinese_parser,
        "th": budoux.load_default_thai_parser,
    }[model]()


def split_phrases(text: str) -> list[tuple[str, float]]:
    """Return the phrases of *text*, and the penalty of a line end before each.

    Penalties are from 0 to 1; a long phrase has several parts.
    """
    model = _model_of(text)
    phrases: list[str] = []
    for part in _parser(model).parse(text):
        if phrases and (
            _are_held(phrases[-1], part) or _are_one_word(phrases[-1], part, model)
        ):
            phrases[-1] += part
        else:
            phrases.append(part)
    parts: list[tuple[str, float]] = []
    for phrase in phrases:
        # Thai words end with marks of vowels and tones, too.
        is_clause = not parts or category(parts[-1][0][-1])[0] not in "LMN"
        penalty = 0.0 if is_clause else _PENALTIES[model]
        for inner in split_phrase(phrase) if len(phrase) > _LONGEST else [phrase]:
            parts.append((inner, penalty))
            penalty = 1.0
    return parts


def split_phrase(phrase: str) -> list[str]:
    """Return the shortest parts of a phrase that a line may end between."""
    parts: list[str] = []
    for part in split_graphemes(phrase):
        if parts and _are_held(parts[-1], part):
            parts[-1] += part
        else:
            parts.append(part)
    return parts


def _model_of(text: str) -> str:
    if any("\u0e00" <= char <= "\u0e7f" for char in text):
        return "th"
    if any("\u3040" <= char <= "\u30ff" for char in text):
        return "ja"
    is_simplified = all(map(_is_in_gb2312, filter(str.isalpha, text)))
    return "zh-hans" if is_simplified else "zh-hant"


def _are_held(before: str, after: str) -> bool:
    """Return True if a line must not end between two texts."""
    last, first = before[-1], after[0]
    is_word = _is_latin(last) and _is_latin(first)
    # A number and what it counts; a katakana word.
    is_count = last.isdecimal() and not is_word and first.isalpha()
    # A telephone number, a time.
    is_number = {last, first} & set("-./:") and (last + first).strip("-./:").isdecimal()
    is_name = _is_katakana(last) and _is_katakana(first) and len(before + after) < 10
    # The day of the week after a date.
    is_weekday = first in "(（" and last == "日"
    is_mark = first in _NO_START or last in _NO_END or " " in (first, last)
    is_part = bool(is_number) or is_word or is_count or is_name
    return is_mark or is_weekday or is_part


def _are_one_word(before: str, after: str, model: str) -> bool:
    """Return True for ideographs that the model parts, and should not."""
    if model == "ja":
        # A single kanji before another.
        return len(before) == 1 and min(before, after[0]) >= "\u4e00"
    # A particle ends a word, what is counted follows its number, and another single
    # ideograph begins a word.
    is_counted = before[-1] in _NUMERALS and len(after) == 1
    is_single = len(before) == 1 and before.isalpha() and after[0].isalpha()
    is_held = after[0] in _PARTICLES or is_counted or is_single
    return model.startswith("zh") and is_held


def _is_in_gb2312(char: str) -> bool:
    return bool(char.encode("gb2312", "ignore"))


def _is_latin(char: str) -> bool:
    return char.isdecimal() or (char.isalpha() and char < "\u0250")


def _is_katakana(char: str) -> bool:
    return "\u30a1" <= char <= "\u30fc"
