"""How long a tick in Notion takes to be seen, and to become a new image."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.table import Figure
from tests.daemon.cli.desk import Desk, desk

_TICKS = 15
#: Seconds a request to Notion takes.
_LATENCY = 0.3
_SECONDS_PER_IMAGE = 3.0
_PATIENCE = 120.0
#: Seconds a model takes to load; the page says so at once.
_LOADING = 40.0
_TOML = """\
[posts]
wait_after_edit = "0s"
[budget]
per_post_day = 100
[notion]
poll_active = "{}"
"""


@dataclass(frozen=True, slots=True)
class _Times:
    """Seconds from each tick to its un-tick, and to its image without the service's.

    Attributes:
        told: Seconds from a tick to *Waiting*, while the model loads.
    """

    seen: list[float]
    shown: list[float]
    told: list[float]


def measure() -> list[Figure]:
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    # A poll every 10 seconds is what nobody's activity leaves.
    active, otherwise = await asyncio.gather(_ticks("2s"), _ticks("10s"))
    return [
        *_figures("while somebody is active", active, 2, 4),
        *_figures("otherwise", otherwise, 7, 9),
        Figure(
            what="a tick to Waiting and its reason, while a model loads",
            figure=max(*active.told, *otherwise.told),
            unit="s",
            most=15,
        ),
    ]


def _figures(
    when: str, times: _Times, seen: float, shown: float
) -> tuple[Figure, Figure]:
    note = f"median of {_TICKS}; a request to Notion takes {_LATENCY:g} s"
    return (
        Figure(
            what=f"a tick to its un-tick, {when}",
            figure=statistics.median(times.seen),
            unit="s",
            most=seen,
            note=f"{note}; longest {max(times.seen):.1f} s",
        ),
        Figure(
            what=f"a tick to its image beyond the service's time, {when}",
            figure=statistics.median(times.shown),
            unit="s",
            most=shown,
            note=f"longest {max(times.shown):.1f} s",
        ),
    )


async def _ticks(poll_active: str) -> _Times:
    with tempfile.TemporaryDirectory() as folder:
        async with desk(Path(folder)) as home:
            home.configure(_TOML.format(poll_active))
            hub = home.town.hub
            home.town.workspace.latency = _LATENCY
            hub.seconds_per_image = _SECONDS_PER_IMAGE
            page = home.add("Fresh bread")
            async with home.daemon():
                await _until(home, lambda: hub.painted == 1 and _is_done(home, page))
                return await _tick_often(home, page)


async def _tick_often(home: Desk, page: str) -> _Times:
    times = _Times([], [], [])
    for _ in range(_TICKS):
        # At no particular time of the daemon's.
        await asyncio.sleep(random.uniform(3, 13))  # noqa: S311 - spreads the ticks
        seen, shown = await _tick(home, page, home.town.hub.painted + 1)
        times.seen.append(seen)
        times.shown.append(shown - _SECONDS_PER_IMAGE)
    times.told.append(await _tick_while_loading(home, page))
    return times


async def _tick_while_loading(home: Desk, page: str) -> float:
    space, hub, loop = home.town.workspace, home.town.hub, asyncio.get_running_loop()
    hub.loading_seconds = _LOADING
    hub.unload_model()
    began = loop.time()
    space.tick_box(page)
    await _until(home, lambda: space.read_cells(page)["Image status"] == "Waiting")
    return loop.time() - began


async def _tick(home: Desk, page: str, painted: int) -> tuple[float, float]:
    """Return the seconds to the un-tick and to the image, *painted* in all."""
    space, hub, loop = home.town.workspace, home.town.hub, asyncio.get_running_loop()
    began = loop.time()
    space.tick_box(page)
    await _until(home, lambda: not space.read_cells(page)["Regenerate"])
    seen = loop.time() - began
    await _until(home, lambda: hub.painted == painted and _is_done(home, page))
    return seen, loop.time() - began


def _is_done(home: Desk, page: str) -> bool:
    return bool(home.town.workspace.read_cells(page)["Image status"] == "Done")


async def _until(home: Desk, happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE):
        seen = -1
        while not happened():
            seen = await home.town.workspace.wait_changed(seen, 1)
