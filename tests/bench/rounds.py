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
    for _ in range(rounds):
        mine.append(ours())
        theirs.append(reference())
    return statistics.median(mine), statistics.median(theirs)
