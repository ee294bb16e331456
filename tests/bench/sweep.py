"""What the daily sweep takes: memory, stops of the event loop, and time of polls."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from typing import Any

from tests.bench.apart import Apart
from tests.bench.table import Figure

_MORE_MB = 10
_STOP_MS = 50
_SLOWER = 1.2
#: As fast as it can be set: what is measured is ours, and not the waiting.
_FAST, _NOTIONS = 100, 3
_MANY, _FEW = 100_000, 1_000
_POLLS = 40


def measure() -> list[Figure]:
    """Sweep many posts and few, twice each, then poll beside a sweep."""
    many, few = sweep(_MANY), sweep(_FEW)
    polls = _ask(_FEW, rate=_NOTIONS, polls=_POLLS, pause=1)
    return [
        Figure(
            what=f"a sweep's memory above idle, {_MANY:,} posts, more than {_FEW:,}",
            figure=above_idle(many) - above_idle(few),
            unit="MB",
            most=_MORE_MB,
            note=f"above idle {above_idle(many):.1f} MB and {above_idle(few):.1f} MB; "
            f"idle {many['idle']:.0f} MB before and {many['after']:.0f} MB after; both "
            f"sweeps took {many['seconds']:.0f} s and {few['seconds']:.1f} s",
        ),
        Figure(
            what=f"longest stop of the event loop, {_MANY:,} posts",
            figure=many["stopped"] * 1000,
            unit="ms",
            most=_STOP_MS,
            note=f"of which the loop worked {many['busy'] * 1000:.0f} ms; with "
            f"{_FEW:,} posts {few['stopped'] * 1000:.0f} ms",
        ),
        Figure(
            what="a poll beside a sweep, at Notion's 3 requests/s",
            figure=statistics.median(polls["beside"]) * 1000,
            unit="ms",
            reference=statistics.median(polls["without"]) * 1000,
            against="without",
            most=_SLOWER,
            note=f"the slowest of {_POLLS}: {max(polls['beside']) * 1000:.0f} ms, "
            f"without a sweep {max(polls['without']) * 1000:.0f} ms",
        ),
    ]


def above_idle(found: Mapping[str, float]) -> float:
    """Return the memory that a sweep takes, in MB."""
    return found["peak"] - found["idle"]


def sweep(count: int) -> Mapping[str, float]:
    """Sweep some number of posts twice; return what it took."""
    found: Mapping[str, float] = _ask(count, rate=_FAST, polls=0)
    if found["posts"] != count:
        raise AssertionError(f"{found['posts']} of {count} posts were seen")
    return found


def _ask(count: int, *, rate: int, polls: int, pause: float = 0) -> Any:  # noqa: ANN401 - JSON
    town = Apart.run("sweep_town")
    try:
        told = town.ask(str(count)) | {
            "rate": rate,
            "polls": polls,
            "pause": pause,
        }
        turn = Apart.run("sweep_turns")
        try:
            return turn.ask(json.dumps(told))
        finally:
            turn.end()
    finally:
        town.end()
