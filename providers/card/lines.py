"""Breaks a text into balanced lines and chooses their size."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from itertools import accumulate, pairwise

from providers.card.fonts import FontChoice, width_at_100
from providers.card.line_items import LineItem, has_wide_word, split_line_items
from providers.card.text_block import TextBlock

#: Sizes to try, as shares of the largest that fits.
_SIZES = (1.0, 0.95, 0.9, 0.86, 0.82)
_SHORT_WORD = 3
#: Words are divided only for letters that are so much larger.
_WORTH_DIVIDING = 1.25


def typeset(
    paragraphs: Sequence[str],
    font: FontChoice,
    *,
    width: float,
    height: float,
    largest: int,
    smallest: int,
) -> TextBlock | None:
    """Return the lines of a text within a box, or None if it is too long for it.

    *width*, *height* and the sizes are in pixels.  Long words are divided if that
    makes the letters larger by a quarter, and broken anywhere if nothing else fits.
    """

    def fit(*, divided: bool, chopped: bool = False) -> TextBlock | None:
        found = _fit_items(
            split_line_items(paragraphs, font, divided=divided, chopped=chopped),
            width=width,
            height=height,
            largest=max(largest, smallest),
            smallest=smallest,
            leading=font.leading,
        )
        if found is None:
            return None
        lines, size = found
        return TextBlock(text=" ".join(paragraphs), lines=lines, font=font, size=size)

    block = fit(divided=False)
    if block is not None and block.size == max(largest, smallest):
        return block
    measure = width * 100 / (block.size if block else smallest)
    if has_wide_word(paragraphs, font, measure):
        divided = fit(divided=True)
        if divided is not None and (
            block is None or divided.size >= _WORTH_DIVIDING * block.size
        ):
            return divided
    return block or fit(divided=True, chopped=True)


@lru_cache(maxsize=1024)
def fit_fewest(
    paragraphs: tuple[str, ...], font: FontChoice, size: int, width: float, most: int
) -> TextBlock | None:
    """Return a text of *size* on as few lines as possible, or None if above *most*."""
    em = size / 100
    least = sum(math.ceil(width_at_100(text, font) * em / width) for text in paragraphs)
    for count in range(least, most + 1):
        height = count * font.leading * size + 1
        block = typeset(
            paragraphs, font, width=width, height=height, largest=size, smallest=size
        )
        if block is not None:
            return block
    return None


def _fit_items(
    items: Sequence[LineItem],
    *,
    width: float,
    height: float,
    largest: int,
    smallest: int,
    leading: float,
) -> tuple[tuple[str, ...], int] | None:
    """Return the best lines and their size, or None if the smallest is too large.

    *width* and *height* of the box and the sizes are in pixels, *leading* is in ems.
    """

    def fits(size: int) -> bool:
        lines = _fill_greedily(items, width * 100 / size)
        return lines is not None and len(lines) * leading * size <= height

    biggest = _largest_that_fits(fits, smallest, largest)
    if biggest is None:
        return None
    best: tuple[float, tuple[str, ...], int] | None = None
    for size in {max(smallest, math.floor(biggest * share)) for share in _SIZES}:
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
                best = (score, _join_lines(items, ends), size)
    return best[1:] if best else None


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
    for item, following in zip(items, (*items[1:], None), strict=True):
        hyphen = following.hyphen if following else 0.0
        if item.width + hyphen > measure:
            return None
        gap = item.space + item.width + hyphen
        if lines and not item.starts_line and lines[-1] + gap <= measure:
            lines[-1] += gap - hyphen
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
            line += items[end].hyphen if end < amount else 0.0
            # The remaining lines cannot hold the remaining items.
            too_much = total - sums[end] > (left - 1) * roomiest
            if end < first or too_much or line > measure:
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
    if forced and is_single and start > 0 and not items[start].starts_line:
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
        if end < len(items) and items[end].hyphen:
            text += "-"
        # A separator separates nothing at a line's end.
        lines.append(text.rstrip(" ·|") or text)
    return tuple(lines)
