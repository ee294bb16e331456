"""Where lines break, and how large they can be: balanced, as a typesetter would.  Pure.

A piece is what may not be broken; widths are measured once at 100 pixels and scale.
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
    """A word, or one ideograph with the punctuation that clings to it.

    Attributes:
        width: At 100 pixels.
        space: Of the gap before it when it does not begin a line.
        begins: A new line is forced before it.
        awkward: How bad a break before it is (inside a phrase), 0 to 1.
    """

    text: str
    width: float
    space: float = 0.0
    begins: bool = False
    awkward: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeSetting:
    """Lines and the size they are set in."""

    lines: tuple[str, ...]
    size: int


def fit_text(
    pieces: Sequence[LineItem],
    *,
    width: float,
    height: float,
    largest: int,
    smallest: int,
    leading: float,
) -> TypeSetting | None:
    """Return the best setting within a box; None: even the smallest is too large.

    Args:
        leading: Line height in ems.
    """
    biggest = _largest_that_fits(
        pieces, width=width, height=height, sizes=(smallest, largest), leading=leading
    )
    if biggest is None:
        return None
    best: tuple[float, TypeSetting] | None = None
    for share in _SIZES:
        size = max(smallest, math.floor(biggest * share))
        measure = width * 100 / size
        most = int(height // (leading * size))
        fewest = len(_fill_greedily(pieces, measure) or ())
        for count in range(fewest, min(most, fewest + 2) + 1):
            broken = _break_lines(pieces, measure, count)
            if broken is None:
                continue
            cost, ends = broken
            score = 2.2 * cost / count + 0.6 * (1 - size / biggest)
            if best is None or score < best[0]:
                best = (score, TypeSetting(lines=_join_lines(pieces, ends), size=size))
    return best[1] if best else None


def _largest_that_fits(
    pieces: Sequence[LineItem],
    *,
    width: float,
    height: float,
    sizes: tuple[int, int],
    leading: float,
) -> int | None:
    def fits(size: int) -> bool:
        lines = _fill_greedily(pieces, width * 100 / size)
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


def _fill_greedily(pieces: Sequence[LineItem], measure: float) -> list[float] | None:
    """Return the widths of lines filled in turn; None if a piece is wider."""
    lines: list[float] = []
    for piece in pieces:
        if piece.width > measure:
            return None
        gap = piece.space + piece.width
        if lines and not piece.begins and lines[-1] + gap <= measure:
            lines[-1] += gap
        else:
            lines.append(piece.width)
    return lines


def _break_lines(
    pieces: Sequence[LineItem], measure: float, count: int
) -> tuple[float, tuple[int, ...]] | None:
    """Return the cheapest way to set *pieces* in *count* lines: cost and line ends."""
    # Widths are multiples of a 64th: differences of running sums are exact.
    sums = (0.0, *accumulate(piece.space + piece.width for piece in pieces))
    total, amount = sums[-1], len(pieces)
    ideal = min(measure, total / count * 1.04)
    # What a line may be longer than the pieces between its ends: the space it drops.
    roomiest = measure + max(piece.space for piece in pieces)

    @cache
    def best(start: int, left: int) -> tuple[float, tuple[int, ...]]:
        found: tuple[float, tuple[int, ...]] = (math.inf, ())
        before = sums[start] + pieces[start].space
        first = amount if left == 1 else start + 1
        for end in range(start + 1, amount - left + 2):
            line = sums[end] - before
            if line > measure or (end - 1 > start and pieces[end - 1].begins):
                break
            # The lines that are left could not hold the rest.
            if end < first or total - sums[end] > (left - 1) * roomiest:
                continue
            here = _line_cost(pieces, start, end, line / ideal, last=end == amount)
            rest, ends = best(end, left - 1) if left > 1 else (0.0, ())
            if here + rest < found[0]:
                found = (here + rest, (end, *ends))
        return found

    result = best(0, count)
    return None if math.isinf(result[0]) else result


def _line_cost(
    pieces: Sequence[LineItem], start: int, end: int, fill: float, *, last: bool
) -> float:
    """How much a line hurts: its length, and where it ends."""
    cost = (fill - 1) ** 2
    final = pieces[end - 1].text
    forced = last or pieces[end].begins
    if forced and not last:
        # The end of a thought may be short.
        cost *= 0.35
    if (
        last
        and end - start == 1
        and len(final) > 1
        and start > 0
        and pieces[start].space
    ):
        cost += 0.05
    if last and fill < 0.35:
        cost += 0.08
    if not forced:
        cost += 0.22 * pieces[end].awkward
        if (
            pieces[end].space
            and len(final.strip(".,!?")) <= _SHORT_WORD
            and final.isalpha()
        ):
            cost += 0.045
        if final[-1:] in ".!?…。！？":
            cost -= 0.09
        elif final[-1:] in ",;:、，":
            cost -= 0.03
        # The first word of a sentence is stranded.
        if end - 2 >= start and pieces[end - 2].text[-1:] in ".!?…":
            cost += 0.09
    return cost


def _join_lines(pieces: Sequence[LineItem], ends: Sequence[int]) -> tuple[str, ...]:
    lines: list[str] = []
    start = 0
    for end in ends:
        text = ""
        for piece in pieces[start:end]:
            text += f" {piece.text}" if text and piece.space else piece.text
        lines.append(text)
        start = end
    return tuple(lines)
