"""postbrush beside n8n, which people use for this: see the README of tests/bench."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.n8n import installed
from tests.bench.n8n.side import Side, n8n_side, our_side
from tests.bench.n8n.world import World, world
from tests.bench.rounds import in_turns
from tests.bench.table import Figure

#: Starts of each; one more of each goes before them.
_STARTS = 3
_IDLE = 60.0
_AGAINST = "n8n"


def measure() -> list[Figure]:
    try:
        places = installed.places()
    except installed.NotHereError as error:
        print(f"not measured: {error}", file=sys.stderr)  # noqa: T201 - it is a command
        return []
    with tempfile.TemporaryDirectory(prefix="postbrush-bench-") as folder:
        return [_size(places), *asyncio.run(_run(Path(folder), places))]


def _size(places: installed.Places) -> Figure:
    return _figure(
        "install size, dependencies included",
        installed.megabytes(places.ours) + installed.megabytes(*installed.OUR_CODE),
        installed.megabytes(places.n8n),
        "MB",
        note=f"n8n {installed.VERSION}: node_modules, without Node.js; ours: what "
        "requirements.lock installs and this code, without Python",
    )


async def _run(folder: Path, places: installed.Places) -> list[Figure]:
    async with world() as ours, world() as theirs:
        one = our_side(folder / "ours", ours)
        other = n8n_side(folder / "n8n", theirs, places)
        return await asyncio.to_thread(_compared, one, other, ours, theirs)


def _compared(one: Side, other: Side, ours: World, theirs: World) -> list[Figure]:
    start, their_start = in_turns(one.start_time, other.start_time, _STARTS)
    with one.running() as mine, other.running() as n8n:
        sides = ((ours, mine), (theirs, n8n))
        for place, _ in sides:
            place.forget()
        # Both are left alone together, so that both have the same machine.
        time.sleep(_IDLE)
        memory, their_memory = (running.megabytes for _, running in sides)
        idle, their_idle = (place.requests_per_poll() for place, _ in sides)
        made, their_made = (place.requests_for_a_post() for place, _ in sides)
    return [
        _figure("start to ready", start, their_start, "s"),
        _figure("memory after an idle minute", memory, their_memory, "MB"),
        _figure("requests per idle poll", idle, their_idle, ""),
        _figure(
            "requests for an image on a page, its poll left out",
            made,
            their_made,
            "",
            note="three are writes, of both; n8n's trigger asks once more for what it "
            "has found",
        ),
    ]


def _figure(
    what: str, figure: float, reference: float, unit: str, note: str = ""
) -> Figure:
    return Figure(
        what=what,
        figure=figure,
        unit=unit,
        reference=reference,
        against=_AGAINST,
        most=1.0,
        note=note,
    )
