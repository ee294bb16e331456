"""Holds together what a line must not end or begin within.  Pure.

A no-break space replaces the space in "500 g", "$ 15", "3. März", "+7 (900) 000",
"Prof. Dr. Weber" and before French punctuation.
"""

from __future__ import annotations

import re

_NBSP = "\N{NO-BREAK SPACE}"
#: Longer text is not held together.
_LONGEST = 26
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u9fff]")
_SPACES = re.compile(r"[ \t\n\r\f\v]+")


def _one_of(words: str) -> str:
    """Return a pattern of one of several words."""
    return rf"(?:{'|'.join(map(re.escape, words.split()))})"


_CURRENCY = _one_of(
    "$ € £ ¥ ₹ ₽ ₺ ₩ ₫ ₪ ₴ ₦ ฿ đ 元 円 원 EUR USD GBP CHF Rs Rs. Kč zł kr kr. лв лв. "
    "руб руб. грн lei Ft บาท "
    "रुपये ریال روپے"
)
_UNITS = _one_of(
    "g kg mg t l ml cl dl km m cm mm m² m³ h s st std sek min hr hrs am pm a.m p.m x % "
    "‰ ° °C °F ℃ ℉ ′ ″ mb gb tb w kw kwh v mah kcal cal pp stk pcs pers тыс кг г л мл "
    "км м см мин ч p.p uhr euro prozent stück gramm liter hours personen tage days "
    "jours días giorni percent"
)
_MONTHS = _one_of(
    "jan feb mar mär mai may apr avr abr jun jui jul lip aug août ago sep oct okt out "
    "ott nov dec dez déc dic gen mag giu lug set fev fév ene янв фев мар апр мая июн "
    "июл авг сен окт ноя дек січ лют бер кві тра чер лип сер вер жов лис гру ιαν φεβ "
    "μαρ απρ μαΐ ιουν ιουλ αυγ σεπ οκτ νοε δεκ sty lut kwi maj cze sie wrz paź gru"
)
_MONTH = rf"{_MONTHS}[^\W\d_]{{0,9}}\b"
_ORDINAL = rf"\d{{1,2}}{_one_of('. st nd rd th er ère º ª')}?(?:[ \xa0](?:de|of|da))?"
_TITLE = _one_of(
    "prof dr mr mrs ms mme mlle m st hr fr sr sra dott ing dipl mag mt no nr n° núm "
    "art abs kap vol tel tél fon тел ул д им ca inkl zzgl max min mind"
)
_BEFORE_NUMBER = _one_of(
    "tel tél fon phone тел whatsapp nr no seit ab bis um ore às à from until"
)
#: In each, the spaces are held; what is around them only looks.
_HELD = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Digits in groups: "7 500", "+7 (900) 000-00-00"; a range; a day.
        r"(?<=[\d)]) (?=\(?[+\d][\d()/.,–-]*)",
        r"(?<=\S) (?=[–—-][ \xa0]?\d)",
        r"(?<=[–—-]) (?=\d)",
        r"(?<!\S)\d{1,2}\. (?=[^\W\d_])",
        # A number and its unit, currency or month.
        rf"(?<=\d) (?={_UNITS}(?!\w))",
        r"(?<=\d[ \xa0]h) (?=\d\d\b)",
        r"(?<=\d) (?=[\u3040-\u9fff])",
        rf"(?<=\d) (?={_CURRENCY}(?!\w))",
        rf"(?<!\w){_CURRENCY} (?=[\d-])",
        rf"(?<!\w){_ORDINAL} (?={_MONTH})",
        rf"(?<!\w){_MONTH}\.? (?=\d{{1,2}}\b)",
        r"[№§#&+x×Ø±] (?=\S)",
        # Names after titles and initials, numbers after "No." and "Tel.".
        rf"(?<!\w){_TITLE}\.:? (?=\S)",
        rf"(?<!\w){_BEFORE_NUMBER} (?=[+(]?\d)",
        r"(?<![^\W_])[^\W\d_]\. (?=(?-i:[^\W\d_a-zà-ÿа-я])|[^\W\d_]\.)",
        # A word of one letter; French punctuation and quotation marks.
        r"(?<![^ ])[^\W\d_] (?=\w)",
        r"(?<=\S) (?=[:;!?»])",
        r"(?<=«) (?=\S)",
    )
)


def hold_together(text: str) -> str:
    """Return *text* with no-break spaces where a line must not end."""
    held = " ".join(_SPACES.split(text.strip()))
    for pattern in _HELD:
        held = pattern.sub(lambda match: match[0].replace(" ", _NBSP), held)
    words = _split_like(text, held)
    return " ".join(
        plain if len(word) > _LONGEST and not _UNSPACED.search(word) else word
        for word, plain in words
    )


def split_at_spaces(text: str) -> list[str]:
    """Return the words of *text*, which no-break spaces do not separate."""
    return [word for word in _SPACES.split(text) if word]


def _split_like(text: str, held: str) -> list[tuple[str, str]]:
    """Return the words of *held*, each with the same words of *text*."""
    plain = " ".join(split_at_spaces(text))
    pairs: list[tuple[str, str]] = []
    start = 0
    for word in held.split(" "):
        pairs.append((word, plain[start : start + len(word)]))
        start += len(word) + 1
    return pairs
