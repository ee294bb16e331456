"""What an image costs beside what anybody would have to do for it."""

from __future__ import annotations

import json
import os
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.bench.apart import Apart
from tests.bench.rounds import ROUNDS
from tests.bench.table import Figure

_MOST = 1.3
_POSTS = 40
_WARM_UP = 2


@dataclass(slots=True)
class _Side:
    """What one side took for one image, in every round, in milliseconds."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    steps: list[Mapping[str, float]] = field(default_factory=list)

    def add(self, took: Mapping[str, Any]) -> None:
        each = 1000 / _POSTS
        self.cpu.append(took["cpu"] * each)
        self.wall.append(took["wall"] * each)
        self.steps.append({step: s * each for step, s in took["steps"].items()})

    def by_step(self) -> str:
        """Return "PNG 57 ms, ...", and what is in no step as the rest."""
        names = Counter(name for steps in self.steps for name in steps)
        found = {
            name: statistics.median(one.get(name, 0.0) for one in self.steps)
            for name in names
        }
        rest = statistics.median(self.wall) - sum(found.values())
        largest = sorted(found.items(), key=lambda item: -item[1])
        parts = [f"{name} {took:.1f}" for name, took in largest]
        return ", ".join([*parts, f"the rest {max(0.0, rest):.1f}"])


def measure() -> list[Figure]:
    """Make images of as many posts by each side, in turns."""
    sides = {"bare": _Side(), "ours": _Side(), "one": _Side()}
    with _on_one_processor():
        town = Apart.run("work_town")
        try:
            for _ in range(ROUNDS):
                for name, side in sides.items():
                    side.add(_turn(town, name))
        finally:
            town.end()
    bare, ours, one = sides["bare"], sides["ours"], sides["one"]
    return [
        _figure("own work for an image: processor", ours.cpu, bare.cpu, _MOST),
        _figure("own work for an image: time", ours.wall, bare.wall, _MOST),
        _figure(
            "the same, one at a time (concurrency = 1)",
            one.wall,
            bare.wall,
            None,
            f"milliseconds of an image one at a time: {one.by_step()}",
        ),
    ]


@contextmanager
def _on_one_processor() -> Iterator[None]:
    """Let what is started here share one processor.

    Two that are busy at once slow each other down where they share a core, which
    only who does several things at once would pay for, in seconds of processor.
    """
    free = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(free)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, free)


def _figure(
    what: str,
    figure: Sequence[float],
    reference: Sequence[float],
    most: float | None,
    note: str = "",
) -> Figure:
    return Figure(
        what=what,
        figure=statistics.median(figure),
        unit="ms",
        reference=statistics.median(reference),
        against="a bare loop",
        most=most,
        note=note,
    )


def _turn(town: Apart, side: str) -> Mapping[str, Any]:
    told = town.ask("fresh") | town.ask(str(_WARM_UP))
    worker = Apart.run("work_turns", side)
    try:
        # Loaded, connected, and warm: what a start takes is another figure.
        if worker.ask(json.dumps(told)) != "ready":
            raise AssertionError("the worker did not say that it is ready")
        pages = town.ask(str(_POSTS))["pages"]
        took: Mapping[str, Any] = worker.ask(json.dumps(pages))
    finally:
        worker.end()
    return took
