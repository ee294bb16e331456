"""Splits a text into what a reader sees as characters, and recognises emoji.  Pure.

A card must show letters, digits and marks, but not ornaments.
Sources: Unicode Standard Annex 29 (grapheme clusters) and Technical Standard 51
(emoji), as far as a card needs them.
"""

from __future__ import annotations

import unicodedata

_ZWJ, _VS15, _VS16, _KEYCAP = "\u200d", "\ufe0e", "\ufe0f", "\u20e3"
_VIRAMA = frozenset("\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d")
#: Older characters with emoji presentation by default (Emoji_Presentation).
_ALWAYS = frozenset(
    ord(char)
    for char in (
        "⌚⌛⏩⏪⏫⏬⏰⏳◽◾☔☕♈♉♊♋♌♍♎♏♐♑♒♓♿"
        "⚓⚡⚪⚫⚽⚾⛄⛅⛎⛔⛪⛲⛳⛵⛺⛽✅✊✋✨❌❎❓❔❕❗"
        "➕➖➗➰➿⬛⬜⭐⭕❤☀☁☂☃☎☺♥♦♣♠✌✍✏✒✔✖✳✴❄❇✈✉☘⛰⛱⛷⛸⛹"
    )
)
#: Strokes through letters and signs around them.
_DECORATING = (*range(0x334, 0x339), *range(0x20D0, 0x2100))
#: Arrows, boxes, shapes, miscellaneous symbols, dingbats and their supplements; not
#: signs that say something, as ° and №.
_ORNAMENTS = (
    *((0x2190, 0x21FF), (0x2300, 0x23FF), (0x2500, 0x27BF), (0x2900, 0x297F)),
    *((0x2B00, 0x2BFF), (0x3030, 0x3030), (0x1F000, 0x1FAFF)),
)


def split_graphemes(text: str) -> list[str]:
    """Return the grapheme clusters of *text*."""
    clusters: list[str] = []
    for char in text:
        if clusters and _joins_previous(clusters[-1], char):
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def _joins_previous(before: str, char: str) -> bool:
    if char == "\n" or before == "\n":
        return False
    category = unicodedata.category(char)
    is_mark = category in {"Mn", "Me", "Mc"} or char in (_ZWJ, "\u200c", _VS15, _VS16)
    if is_mark or _is_modifier(char):
        return before[-1] != " "
    if before[-1] == _ZWJ:
        return True
    if _is_flag_letter(char):
        return len(before) == 1 and _is_flag_letter(before)
    # In Devanagari and related scripts a consonant joins a virama before it.
    return before[-1] in _VIRAMA and category == "Lo"


def _is_modifier(char: str) -> bool:
    """Return True for skin tones and the tag letters of regional flags."""
    return 0x1F3FB <= ord(char) <= 0x1F3FF or 0xE0020 <= ord(char) <= 0xE007F


def _is_flag_letter(char: str) -> bool:
    return len(char) == 1 and 0x1F1E6 <= ord(char) <= 0x1F1FF


def is_emoji(cluster: str) -> bool:
    """Return True if a cluster is displayed as an emoji."""
    if _VS15 in cluster or _VS16 in cluster or _KEYCAP in cluster:
        return _VS15 not in cluster
    return 0x1F000 <= ord(cluster[0]) <= 0x1FAFF or ord(cluster[0]) in _ALWAYS


def plain_emoji(cluster: str) -> str:
    """Return the first emoji of a joined sequence, without skin tone."""
    return without_tone(cluster.split(_ZWJ, maxsplit=1)[0])


def without_tone(cluster: str) -> str:
    """Return an emoji without skin tone; a regional flag keeps its letters."""
    return "".join(char for char in cluster if not 0x1F3FB <= ord(char) <= 0x1F3FF)


def visible_characters(text: str) -> str:
    """Return *text* without variation selectors and decorating marks."""
    return "".join(
        char
        for char in text
        if char not in (_VS15, _VS16) and ord(char) not in _DECORATING
    )


def is_ornament(char: str) -> bool:
    """Return True for a sign that can be left out: an arrow, a shape, a dingbat."""
    return any(low <= ord(char) <= high for low, high in _ORNAMENTS)
