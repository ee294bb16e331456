"""Recognizes events, by a date and a time beside a title.  Pure.

Sources: the Unicode Common Locale Data Repository for the names of months.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from providers.card.content import Content, clean_part, first_sentence

#: Full names, with the forms that follow a day, and abbreviations.
_MONTHS = (
    "january february march april may june july august september october november "
    "december jan feb mar apr jun jul aug sep sept oct nov dec januar jänner "
    "februar feber märz mai juni juli oktober dezember mär okt dez janvier février "
    "mars avril juin juillet août septembre octobre novembre décembre janv févr avr "
    "juil déc enero febrero marzo abril mayo junio julio agosto septiembre octubre "
    "noviembre diciembre ene abr ago dic gennaio febbraio aprile maggio giugno "
    "luglio settembre ottobre dicembre gen mag giu lug set ott janeiro fevereiro "
    "março maio junho julho setembro outubro novembro dezembro januari februari "
    "maart mei augustus mrt stycznia lutego marca kwietnia maja czerwca lipca "
    "sierpnia września października listopada grudnia ocak şubat mart nisan mayıs "
    "haziran temmuz ağustos eylül ekim kasım aralık marts maj augusti tammikuuta "
    "helmikuuta maaliskuuta huhtikuuta toukokuuta kesäkuuta heinäkuuta elokuuta "
    "syyskuuta lokakuuta marraskuuta joulukuuta января февраля марта апреля мая "
    "июня июля августа сентября октября ноября декабря січня лютого березня квітня "
    "травня червня липня серпня вересня жовтня листопада грудня ιανουαρίου "
    "φεβρουαρίου μαρτίου απριλίου μαΐου ιουνίου ιουλίου αυγούστου σεπτεμβρίου "
    "οκτωβρίου νοεμβρίου δεκεμβρίου يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس "
    "سبتمبر أكتوبر نوفمبر ديسمبر בינואר בפברואר במרץ באפריל במאי ביוני ביולי "
    "באוגוסט בספטמבר באוקטובר בנובמבר בדצמבר जनवरी फ़रवरी फरवरी मार्च अप्रैल मई जून "
    "जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर มกราคม กุมภาพันธ์ มีนาคม เมษายน "
    "พฤษภาคม มิถุนายน กรกฎาคม สิงหาคม กันยายน ตุลาคม พฤศจิกายน ธันวาคม"
)
_MONTH = "|".join(sorted(map(re.escape, _MONTHS.split()), key=len, reverse=True))
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:,?\s+(?:de\s+)?\d{4}\b)?"
_RANGE = rf"{_DAY}\.?\s?[–-]\s?{_DAY}|{_DAY}"
#: "14 June", "3. März", "5 de mayo"; "June 14th"; "6月14日"; "14.06."; "14/06/2026".
_DATE_FORMS = (
    rf"(?<![\d.,:])(?P<day>{_RANGE})(?:\.|st|nd|rd|th|er|º)?\s+(?:de\s+|of\s+)?"
    rf"(?P<month>(?:{_MONTH})\b\.?){_YEAR}\n"
    rf"\b(?P<month>(?:{_MONTH})\b\.?)\s+(?P<day>{_RANGE})(?:st|nd|rd|th)?\b"
    rf"(?!:|\s?[ap]m){_YEAR}\n"
    rf"(?P<month>1?\d[月월])\s?(?P<day>{_RANGE})[日일号]\n"
    rf"(?<![\d.])(?P<day>{_DAY}\.(?:0?[1-9]|1[0-2])\.)(?:\d{{4}}|\d\d)?(?!\d)\n"
    rf"(?<!\d)(?P<day>{_DAY}/{_DAY})/(?:\d{{4}}|\d\d)(?!\d)"
)
_DATES = [re.compile(form, re.IGNORECASE) for form in _DATE_FORMS.split(r"\n")]
_CLOCK = (
    r"(?:上午|下午|晚上|午前|午後|夜|오전|오후)?\d{1,2}[時时点點시](?:\d\d[分분]|半)?"
    r"|(?:\b(?:ore|kl\.?|às|alle|à|om)\s)?\d{1,2}(?:[:.h]\d\d)?"
    r"\s?(?:[ap]\.?m\b\.?|Uhr\b|uur\b|часов\b)"
    r"|\b(?:ore|kl\.?)\s\d{1,2}(?:[:.]\d\d)?|\d{1,2}(?::|h)\d\d\b(?:\sh\b)?|\d{1,2}\s?h\b"
)
_TO = r"\s?(?:[–—〜~-]|\b(?:to|a|à|bis|tot|til|do|до)\b)\s?"
_TIME = re.compile(
    rf"(?:\d{{1,2}}(?:[:.]\d\d)?{_TO})?(?:{_CLOCK})"
    rf"(?:{_TO}(?:{_CLOCK}|\d{{1,2}}(?:[:.]\d\d)?))?(?!\w)",
    re.IGNORECASE,
)


_PLACE = re.compile(r"^\s*[📍📌🏠🏛]\ufe0f?\s*(?P<place>\S.*)$")
_LABEL = re.compile(r"^\s*[^\W\d_][^:：\d]{0,20}[:：]\s*(?=\S)")


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date in a text: its two parts as they are written, and where it is.

    Attributes:
        month: Empty if the date is written in digits only, all in `day`.
    """

    day: str
    month: str
    start: int
    end: int


def find_dates(text: str) -> list[FoundDate]:
    """Return the dates of *text*, in the order of `_DATES`."""
    return [
        FoundDate(
            re.sub(r"\s", "", match["day"]),
            match.groupdict().get("month") or "",
            match.start(),
            match.end(),
        )
        for pattern in _DATES
        for match in pattern.finditer(text)
    ]


def find_time(text: str) -> re.Match[str] | None:
    """Return the first time of day in *text*, or a span of two."""
    return _TIME.search(text)


def recognize_event(post: str) -> Content | None:
    """Recognize a line that holds a date and little else, and a title."""
    filled = [line.strip() for line in post.splitlines() if line.strip()]
    dated = [index for index, line in enumerate(filled) if find_dates(line)]
    if len(dated) != 1 or len(filled) > 12:
        return None
    index, line = dated[0], filled[dated[0]]
    date, time = find_dates(line)[0], find_time(line)
    before, behind = _words_beside(line, date, time)
    # A sentence that mentions a date is not an announcement.
    if sum(map(len, [*before, *behind])) > 45:
        return None
    others = [text for text in filled if text is not line]
    # The post begins with "Dinner in the vineyard: Friday 12 September".
    title = before.pop(0) if index == 0 and before else _find_title(others)
    times = [
        found[0] for text in others if _is_detail(text) and (found := find_time(text))
    ]
    when = [*before[:1], *([time[0]] if time else times[:1])]
    words = first_sentence(title)
    # Many times are opening hours.
    if not words.paragraphs or not (time or times) or len(times) > 2:
        return None
    place = _find_place(filled[index + 1 :], others) or " · ".join(behind[:1])
    details = (" · ".join(map(clean_part, when)), clean_part(place))
    return Content(
        layout="event",
        words=words,
        date=(date.day, date.month),
        details=tuple(filter(None, details)),
    )


def _words_beside(
    line: str, date: FoundDate, time: re.Match[str] | None
) -> tuple[list[str], list[str]]:
    """Return the words before and behind the date of a line, without its time."""
    start, end = time.span() if time else (len(line), len(line))
    first, last = min(date.start, start), max(date.end, end if time else 0)
    between = line[min(date.end, end) : max(date.start, start if time else 0)]
    return _split_words(line[:first]), _split_words(f"{between}|{line[last:]}")


def _split_words(text: str) -> list[str]:
    parts = re.split(r"[,:;!|·@•–—(){}（）！：\[\]📅🗓]|\s-\s", text)
    cleaned = (part.strip(" .\ufe0f") for part in parts)
    return [part for part in cleaned if sum(map(str.isalpha, part)) > 2]


def _is_detail(line: str) -> bool:
    """Return True for "Where: town hall" and for a line that is only a time."""
    time = find_time(line)
    is_time = time is not None and len(line) - len(time[0]) < 14
    return is_time or (len(line) < 50 and _LABEL.match(line) is not None)


def _find_title(lines: Sequence[str]) -> str:
    titles = (line for line in lines if not _PLACE.match(line) and not _is_detail(line))
    return next(titles, "")


def _find_place(following: Sequence[str], others: Sequence[str]) -> str:
    """Return the marked or labelled place, or a short line behind that of the date."""
    for line in others:
        if match := _PLACE.match(line):
            return re.split(r"\s[·|]\s", match["place"])[0]
    for line in following:
        is_contact = sum(map(str.isdigit, line)) > 5
        match = _LABEL.match(line)
        if match and not find_time(line) and len(line) < 60 and not is_contact:
            return line[match.end() :]
    near = following[0] if following else ""
    is_place = len(near) <= 45 and near[-1:] not in ".!?。！？:" and not find_time(near)
    return near if is_place else ""
