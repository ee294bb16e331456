"""Two things timed in turns, so that a slow minute of the machine hits both."""

from __future__ import annotations

import statistics
from collections.abc import Callable

ROUNDS = 5


def in_turns(
    ours: Callable[[], float], reference: Callable[[], float], rounds: int = ROUNDS
) -> tuple[float, float]:
    """Return the medians of both, each called once per round, and once before.

    Args:
        ours, reference: Do it once; return the seconds it took.
    """
    ours()
    reference()
    mine: list[float] = []
    theirs: list[float] = []
    for number in range(rounds):
        # Whoever is first in one round is second in the next.
        if number % 2:
            theirs.append(reference())
        mine.append(ours())
        if not number % 2:
            theirs.append(reference())
    return statistics.median(mine), statistics.median(theirs)
