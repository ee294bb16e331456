"""Cleans an image prompt of what image models letter or draw against its sense.  Pure.

Numbers and quoted words come out as lettering, and what is negated is often drawn
(the prompting guides of Black Forest Labs, the makers of FLUX).
"""

from __future__ import annotations

import re
import unicodedata

_LINK = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+", re.IGNORECASE)
_QUOTES = re.compile(r"[\"“”„‟«»‹›「」『』`*<>{}\[\]|#\\]|(?<!\w)['‘’]|['‘’](?!\w)")
#: A lone small number is a count of things, which a word may say.
_COUNTS = {
    "2": "two",
    "3": "three",
    "4": "four",
    "5": "five",
    "6": "six",
    "7": "seven",
    "8": "eight",
    "9": "nine",
    "10": "ten",
    "12": "twelve",
}
_COUNT = re.compile(
    r"(?<![\w.,:/$€£-])(\d{1,2})(?=\s+[a-z]{3,})(?!\s+(?:percent|euros?|dollars?)\b)"
)
_CURRENCY = re.compile(
    r"[$€£¥₹%°]|\b(?:euros?|dollars?|percent)\b(?! sign)", re.IGNORECASE
)
_NUMBER = re.compile(
    r"(?:\b(?:at|from|for|until|around|since)\s+)?[^\s,;]*\d[^\s;]*"
    r"(?:\s*(?:[ap]\.?m\b\.?|(?:uhr|mm|cm|kg|k|lens)\b))?",
    re.IGNORECASE,
)
_CLAUSES = re.compile(r"(?<=[.;,!?])\s+|\s+(?=(?:and|but|with)\s+(?:no|not|without)\b)")
_NEGATION = re.compile(
    r"^(?:(?:and|but|with|there (?:is|are)|has|having)\s+)*"
    r"(?:no|not|without|never|none|avoid(?:ing)?|don'?t|do not|free (?:of|from)|"
    r"absen(?:t|ce)|nothing|nobody)\b(?!-)",
    re.IGNORECASE,
)
_NEGATED_END = re.compile(
    r"\s*\b(?:without(?: any)?|with no|(?:that |which )?(?:is|are|has|have) "
    r"(?:not?|free of)|free (?:of|from)|devoid of|not(?! far)|no|never)\b(?!-)"
    r"[^.;,!?]*",
    re.IGNORECASE,
)
_LETTERED = re.compile(
    r"\s*\b(?:(?:that |which )(?:says?|reads?|spells?)|saying|label(?:l)?ed|titled|"
    r"captioned|(?:with|bearing|showing) (?:the |a )?(?:words?|text|lettering|"
    r"inscription|caption|slogan|title|logo|date|price)s?)\b[^.;,!?]*",
    re.IGNORECASE,
)
#: Words in capitals, and the letters themselves.
_SHOUTED = re.compile(r"\b[A-Z]{2,}(?:\s+[A-Z]{2,})+\b")
_LETTERS = re.compile(
    r"\s*\b(?:in|with|and)\s+(?:\w+\s+){0,3}(?:letters|lettering|typography|font)\b|"
    r"\b(?:\w+\s+){0,2}(?:lettering|typography)\b",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:(?:image )?prompt:\s*|(?:create|generate|draw|paint|make|show)\s+)?"
    r"(?:an? |the )?(?:image|picture)\s+(?:of|showing|depicting)\s+",
    re.IGNORECASE,
)
_PUNCTUATION = re.compile(r"\s+([.,;:!?])")
_REPEATED = re.compile(r"([.,;:!?])(?:\s*[.,;:])+")
#: Words that only English has, and that other languages in Latin letters have instead.
_ENGLISH = frozenset(
    {
        *("the", "of", "with", "and", "its", "his", "her", "from", "beside", "behind"),
        *("under", "over", "on", "by", "at", "an", "is", "are"),
    }
)
_FOREIGN = frozenset(
    {
        *("und", "der", "das", "ein", "eine", "einem", "mit", "auf", "im", "dem"),
        *("den", "von", "zu", "bei"),
        *("le", "la", "les", "des", "une", "du", "et", "avec"),
        *("dans", "sur", "un", "el", "los", "las", "del", "con", "una", "y", "en"),
        *("il", "lo", "gli", "di", "che", "nel", "della", "um", "uma", "com", "o"),
        *("het", "een", "de", "van", "met", "op", "w", "z", "na", "ze", "je", "dan"),
        *("yang", "dengan", "bir", "ve", "och", "ett", "av", "og", "af", "til"),
    }
)
_ENGLISH_LETTERS = 0.9


def clean_prompt(text: str) -> str:
    """Return a prompt without digits, quotes, links, negation and words to letter.

    What is left may be empty.
    """
    text = _LEAD.sub("", _QUOTES.sub(" ", _LINK.sub(" ", text)))
    text = " ".join(_affirm(clause) for clause in _CLAUSES.split(text))
    text = _COUNT.sub(lambda found: _COUNTS.get(found[1], found[1]), text)
    text = _NUMBER.sub(" ", _CURRENCY.sub(" ", text))
    text = " ".join(word for word in text.split() if not _is_foreign_script(word))
    text = _REPEATED.sub(r"\1", _PUNCTUATION.sub(r"\1", text)).strip(
        " ,;:-\u2013\u2014"
    )
    return text[:1].upper() + text[1:]


def _affirm(clause: str) -> str:
    """Return a clause without what it negates, and without its words to letter."""
    if _NEGATION.search(clause):
        return clause[-1:] if clause.endswith((".", "!", "?")) else ""
    for pattern in (_LETTERED, _NEGATED_END, _SHOUTED, _LETTERS):
        clause = pattern.sub("", clause)
    return clause


def _is_foreign_script(word: str) -> bool:
    return any(
        char.isalpha() and "LATIN" not in unicodedata.name(char, "") for char in word
    )


def is_english(text: str) -> bool:
    """Return True if *text* may be English: by its letters and its small words.

    Nine of ten letters are ASCII, and small words of English are at least as many as
    those of other languages.  It is a cheap check: a list of nouns passes.
    """
    letters = [char for char in text if char.isalpha()]
    if sum(char.isascii() for char in letters) < _ENGLISH_LETTERS * len(letters):
        return False
    words = re.findall(r"[^\W\d_]+", text.casefold())
    english = sum(word in _ENGLISH for word in words)
    return english >= sum(word in _FOREIGN for word in words)


def cut_at_word(text: str, limit: int) -> str:
    """Return *text* within *limit* characters, cut at a mark or a word.

    A mark, such as a comma, counts in the last third.  Where a script has no spaces,
    no character is parted from its marks and no number is cut.
    """
    if len(text) <= limit:
        return text
    head = text[: limit + 1]
    mark = max(head.rfind(mark) for mark in (". ", ", ", "; ", ": ", "! ", "? "))
    space = head.rfind(" ")
    end = limit
    if mark > limit * 2 // 3:
        end = mark + 1
    elif space > limit // 2:
        end = space
    while end > 1 and (
        unicodedata.category(text[end]).startswith("M")
        or text[end] in "\u200c\u200d"
        or (text[end].isdigit() and text[end - 1].isdigit())
    ):
        end -= 1
    return text[:end].rstrip(" ,;:-\u2013\u2014(&+/")
