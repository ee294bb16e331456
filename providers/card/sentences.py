"""Splits a text into sentences, in any script.  Pure."""

from __future__ import annotations

import re

#: Full stops of Latin, Arabic, Urdu, Hindi, Armenian, Ethiopic, Burmese and Khmer; the
#: last group, Japanese and Chinese, needs no space after it.
_END = re.compile(
    r"[.!?…؟۔।॥։።။។]+[\"”“’»)\]]*(?=\s|$)"
    r"|[。！？]+[」』”）]*"
)
_WIDE = "。！？」』）"

#: Words before a full stop that does not end a sentence.
_ABBREVIATIONS = (
    "dr prof mr mrs ms mme mlle st str tel tél inkl incl exkl excl ca bzw vs approx "
    "ing dipl mag jr sr sra srta dott avv geb gegr bspw evtl ggf max min mind hr fr ul "
    "ул им тел"
)
#: Words that are abbreviations before a number.
_BEFORE_NUMBERS = "no nr núm num art abs kap vol fig pp p s n° д г кв"


def split_sentences(text: str) -> list[str]:
    """Return the sentences of a line with their marks, without the spaces between."""
    sentences: list[str] = []
    start = 0
    for end in _END.finditer(text):
        if _ends_sentence(
            text[start : end.start()], end[0], text[end.end() :].lstrip()
        ):
            sentences.append(text[start : end.end()].strip())
            start = end.end()
    sentences.append(text[start:].strip())
    return [sentence for sentence in sentences if sentence]


def _ends_sentence(before: str, end: str, after: str) -> bool:
    if not after or end[0] in "。！？":
        return True
    # "Yahoo! is", "ca. fünf", "Well... maybe".
    if after[0].islower():
        return False
    if end != ".":
        return True
    word = before.rsplit(maxsplit=1)[-1].lstrip('(„“"«').casefold() if before else ""
    # An initial ("J. Weber", "z. B."), and the day of a date ("3. März").
    is_initial = re.search(r"(?:^|\.)[^\W\d_]$", word)
    is_day = re.search(r"(?<!\d)\d{1,2}$", word) and not after[0].isdecimal()
    if is_initial or is_day or word in _ABBREVIATIONS.split():
        return False
    return not (word in _BEFORE_NUMBERS.split() and after[0].isdecimal())


def join_sentences(sentences: list[str]) -> str:
    """Return sentences as one text; Japanese and Chinese ones need no space."""
    text = ""
    for sentence in sentences:
        text += sentence if not text or text[-1] in _WIDE else f" {sentence}"
    return text
