"""Breaks a text into balanced lines and chooses their size.  Pure.

A `LineItem` is not broken.  Its width is measured once at a size of 100 pixels and
scales with the size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate

_SIZES = (1.0, 0.95, 0.9, 0.86, 0.82)
_SHORT_WORD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LineItem:
    """A word, or an ideograph with its punctuation.

    Attributes:
        width: Width in pixels at a size of 100.
        space: Width of the gap before the item, unless it begins a line.
        begins: The item must begin a line.
        awkward: The penalty of a line break before the item, 0 to 1.
    """

    text: str
    width: float
    space: float = 0.0
    begins: bool = False
    awkward: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeSetting:
    """The lines of a text and their size in pixels."""

    lines: tuple[str, ...]
    size: int


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

    Args:
        width: Width of the box in pixels.
        height: Height of the box in pixels.
        largest: Largest size in pixels.
        smallest: Smallest size in pixels.
        leading: Line height in ems.
    """
    biggest = _largest_that_fits(
        items, width=width, height=height, sizes=(smallest, largest), leading=leading
    )
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


def _largest_that_fits(
    items: Sequence[LineItem],
    *,
    width: float,
    height: float,
    sizes: tuple[int, int],
    leading: float,
) -> int | None:
    def fits(size: int) -> bool:
        lines = _fill_greedily(items, width * 100 / size)
        return lines is not None and len(lines) * leading * size <= height

    low, high = sizes
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
        if lines and not item.begins and lines[-1] + gap <= measure:
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
            if line > measure or (end - 1 > start and items[end - 1].begins):
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
    """Return the cost of a line by its length and its end.

    Args:
        fill: The line's width as a share of the ideal width.
    """
    cost = (fill - 1) ** 2
    final = items[end - 1].text
    forced = last or items[end].begins
    if forced and not last:
        # The last line of a paragraph may be short.
        cost *= 0.35
    if (
        last
        and end - start == 1
        and len(final) > 1
        and start > 0
        and items[start].space
    ):
        cost += 0.05
    if last and fill < 0.35:
        cost += 0.08
    if not forced:
        cost += 0.22 * items[end].awkward
        if (
            items[end].space
            and len(final.strip(".,!?")) <= _SHORT_WORD
            and final.isalpha()
        ):
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
    start = 0
    for end in ends:
        text = ""
        for item in items[start:end]:
            text += f" {item.text}" if text and item.space else item.text
        lines.append(text)
        start = end
    return tuple(lines)
