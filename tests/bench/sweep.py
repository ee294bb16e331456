"""What the daily sweep takes: memory, stops of the event loop, and time of polls."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.bench.apart import Apart
from tests.bench.table import Figure

_MORE_MB = 10
_STOP_MS = 50
_SLOWER = 1.2
#: As fast as it can be set: what is measured is ours, and not the waiting.
_FAST, _NOTIONS = 100, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many posts, and polls; `pause` is between two of them, in seconds."""

    many: int = 100_000
    few: int = 1_000
    beside: int = 1_000
    polls: int = 40
    pause: float = 1.0


def measure() -> list[Figure]:
    """Sweep many posts and few, twice each, then poll beside a sweep."""
    return measured(Size())


def measured(size: Size) -> list[Figure]:
    """Return all figures for some number of posts."""
    many, few = _sweeps(size.many), _sweeps(size.few)
    polls = _ask(size.beside, rate=_NOTIONS, polls=size.polls, pause=size.pause)
    return [
        Figure(
            what=f"a sweep's memory above idle, {size.many:,} posts, more than "
            f"{size.few:,}",
            figure=_above(many) - _above(few),
            unit="MB",
            most=_MORE_MB,
            note=f"above idle {_above(many):.1f} MB and {_above(few):.1f} MB; idle "
            f"{many['idle']:.0f} MB before and {many['after']:.0f} MB after; both "
            f"sweeps took {many['seconds']:.0f} s and {few['seconds']:.1f} s",
        ),
        Figure(
            what=f"longest stop of the event loop, {size.many:,} posts",
            figure=many["stopped"] * 1000,
            unit="ms",
            most=_STOP_MS,
            note=f"of which the loop worked {many['busy'] * 1000:.0f} ms; with "
            f"{size.few:,} posts {few['stopped'] * 1000:.0f} ms",
        ),
        Figure(
            what="a poll beside a sweep, at Notion's 3 requests/s",
            figure=statistics.median(polls["beside"]) * 1000,
            unit="ms",
            reference=statistics.median(polls["without"]) * 1000,
            against="without",
            most=_SLOWER,
            note=f"the slowest of {size.polls}: {max(polls['beside']) * 1000:.0f} ms, "
            f"without a sweep {max(polls['without']) * 1000:.0f} ms",
        ),
    ]


def _above(found: Mapping[str, float]) -> float:
    return found["peak"] - found["idle"]


def _sweeps(count: int) -> Mapping[str, float]:
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
