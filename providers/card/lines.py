"""Breaks a text into balanced lines and chooses their size.

A `LineItem` is not broken: a word, or ideographs in phrases.  Its width is measured
once at a size of 100 pixels and scales with the size.  Source for Japanese line
breaks: JIS X 4051 (kinsoku), as far as a card needs it.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise

from providers.card.fonts import FontChoice, script_of, width_at_100
from providers.card.graphemes import split_graphemes

#: Sizes to try, as shares of the largest that fits.
_SIZES = (1.0, 0.95, 0.9, 0.86, 0.82)
_SHORT_WORD = 3
_NO_START = frozenset(
    "、。，．・：；？！゛゜ヽヾゝゞ々ー）〕］｝〉》」』】ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ…‥%％ๆฯ,.!?;:)]}”’»\u0e46"
)
_NO_END = frozenset("（〔［｛〈《「『【([{“‘„«เแโใไ$€£¥#")
_CHUNK = 13
_UNSPACED = frozenset({"JAPANESE", "HAN", "THAI", "LAO", "KHMER", "MYANMAR"})
#: The penalty of a break between characters of two scripts, 0 to 1; a particle ends in
#: hiragana, and the next phrase begins.
_PENALTIES = {
    ("hiragana", "han"): 0.0,
    ("hiragana", "katakana"): 0.0,
    ("hiragana", "other"): 0.0,
    ("han", "han"): 0.6,
    ("hiragana", "hiragana"): 0.7,
    ("han", "hiragana"): 0.9,
    ("katakana", "hiragana"): 0.9,
    ("katakana", "katakana"): 1.0,
}
_OTHER_PENALTY = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """A word, or an ideograph with its punctuation.

    Attributes:
        width: Width in pixels at a size of 100.
        space: Width of the gap before the item, unless it begins a line.
        starts_line: The item must begin a line.
        break_penalty: The penalty of a line break before the item, 0 to 1.
    """

    text: str
    width: float
    space: float = 0.0
    starts_line: bool = False
    break_penalty: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeSetting:
    """The lines of a text and their size in pixels."""

    lines: tuple[str, ...]
    size: int


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
        starts_line = bool(items)
        for word in _split_words(paragraph):
            for index, (part, penalty) in enumerate(_split_word(word, chopped=chopped)):
                item = LineItem(
                    text=part,
                    width=width_at_100(part, base),
                    space=0.0 if index else width_at_100(" ", base),
                    starts_line=starts_line,
                    break_penalty=penalty,
                )
                items.append(item)
                starts_line = False
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
    pending, penalty = "", 0.0
    for part in split_graphemes(text):
        if not pending:
            pending, penalty = part, 0.0
        elif (
            part[0] in _NO_START
            or pending[-1] in _NO_END
            or _are_both_latin(pending, part)
        ):
            pending += part
        else:
            yield pending, penalty
            pending, penalty = part, _break_penalty(pending[-1], part[0])
    yield pending, penalty


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
    return _PENALTIES.get((_script_kind(before), _script_kind(after)), _OTHER_PENALTY)


def _script_kind(char: str) -> str:
    code = ord(char)
    if 0x3041 <= code <= 0x309F:
        return "hiragana"
    if 0x30A0 <= code <= 0x30FF:
        return "katakana"
    return "han" if script_of(char) == "HAN" else "other"


def fit_text(
    items: Sequence[LineItem],
    *,
    width: float,
    height: float,
    largest: int,
    smallest: int,
    leading: float,
) -> TypeSetting | None:
    """Return the best setting within a box, or None if the smallest size is too large.

    *width* and *height* of the box and the sizes are in pixels, *leading* is in ems.
    """

    def fits(size: int) -> bool:
        lines = _fill_greedily(items, width * 100 / size)
        return lines is not None and len(lines) * leading * size <= height

    biggest = _largest_that_fits(fits, smallest, largest)
    if biggest is None:
        return None
    best: tuple[float, TypeSetting] | None = None
    for share in _SIZES:
        size = max(smallest, math.floor(biggest * share))
        measure = width * 100 / size
        most = int(height // (leading * size))
        fewest = len(_fill_greedily(items, measure) or ())
        for count in range(fewest, min(most, fewest + 2) + 1):
            broken = _break_lines(items, measure, count)
            if broken is None:
                continue
            cost, ends = broken
            score = 2.2 * cost / count + 0.6 * (1 - size / biggest)
            if best is None or score < best[0]:
                best = (score, TypeSetting(lines=_join_lines(items, ends), size=size))
    return best[1] if best else None


def _largest_that_fits(fits: Callable[[int], bool], low: int, high: int) -> int | None:
    if not fits(low):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _fill_greedily(items: Sequence[LineItem], measure: float) -> list[float] | None:
    """Return the widths of greedily filled lines, or None if an item is too wide."""
    lines: list[float] = []
    for item in items:
        if item.width > measure:
            return None
        gap = item.space + item.width
        if lines and not item.starts_line and lines[-1] + gap <= measure:
            lines[-1] += gap
        else:
            lines.append(item.width)
    return lines


def _break_lines(
    items: Sequence[LineItem], measure: float, count: int
) -> tuple[float, tuple[int, ...]] | None:
    """Return cost and line ends of the cheapest *count* lines, or None."""
    # Widths are multiples of 1/64, so differences of running sums are exact.
    sums = (0.0, *accumulate(item.space + item.width for item in items))
    total, amount = sums[-1], len(items)
    ideal = min(measure, total / count * 1.04)
    # A line omits the space before its first item.
    roomiest = measure + max(item.space for item in items)

    @cache
    def best(start: int, left: int) -> tuple[float, tuple[int, ...]]:
        cheapest: tuple[float, tuple[int, ...]] = (math.inf, ())
        before = sums[start] + items[start].space
        first = amount if left == 1 else start + 1
        for end in range(start + 1, amount - left + 2):
            line = sums[end] - before
            if line > measure or (end - 1 > start and items[end - 1].starts_line):
                break
            # The remaining lines cannot hold the remaining items.
            if end < first or total - sums[end] > (left - 1) * roomiest:
                continue
            cost = _line_cost(items, start, end, line / ideal, last=end == amount)
            rest, ends = best(end, left - 1) if left > 1 else (0.0, ())
            if cost + rest < cheapest[0]:
                cheapest = (cost + rest, (end, *ends))
        return cheapest

    result = best(0, count)
    return None if math.isinf(result[0]) else result


def _line_cost(
    items: Sequence[LineItem], start: int, end: int, fill: float, *, last: bool
) -> float:
    """Return the cost of a line; *fill* is its width as a share of the ideal width."""
    cost = (fill - 1) ** 2
    final = items[end - 1].text
    forced = last or items[end].starts_line
    if forced and not last:
        # The last line of a paragraph may be short.
        cost *= 0.35
    is_single = end - start == 1 and len(final) > 1
    if last and is_single and start > 0 and items[start].space:
        cost += 0.05
    if last and fill < 0.35:
        cost += 0.08
    if not forced:
        cost += 0.22 * items[end].break_penalty
        if items[end].space and final.isalpha() and len(final) <= _SHORT_WORD:
            cost += 0.045
        if final[-1:] in ".!?…。！？":
            cost -= 0.09
        elif final[-1:] in ",;:、，":
            cost -= 0.03
        # Only the first word of a sentence is at the end of the line.
        if end - 2 >= start and items[end - 2].text[-1:] in ".!?…":
            cost += 0.09
    return cost


def _join_lines(items: Sequence[LineItem], ends: Sequence[int]) -> tuple[str, ...]:
    lines: list[str] = []
    for start, end in pairwise((0, *ends)):
        text = items[start].text
        for item in items[start + 1 : end]:
            text += f" {item.text}" if item.space else item.text
        lines.append(text)
    return tuple(lines)
