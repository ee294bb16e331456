"""A daemon's parts that sweep, in a process of their own.

Told by a line of JSON where the pretend Notion is and what is measured; answers with
the figures.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from daemon import app, config
from daemon.context import SourceContext
from daemon.service import log, malloc
from daemon.source_setup import build_pollers
from daemon.sync.poller import Poller
from daemon.sync.sweep import sweep_if_due
from db import posts, source_state
from tests.bench import procfs

#: Seconds between two looks at how long the event loop was stopped.
_TICK = 0.002
_WARM_UP = 3


@asynccontextmanager
async def _opened(told: dict[str, Any], folder: Path) -> AsyncIterator[Poller]:
    settings_file = folder / "postbrush.toml"
    settings_file.write_text(
        f"[notion]\nrequests_per_second = {told['rate']}\n[web]\nlisten = 'off'\n"
    )
    environ = {
        "NOTION_TOKEN": told["token"],
        "POSTBRUSH_NOTION__BASE_URL": told["notion"],
    }
    settings = config.load_settings(settings_file, environ, folder)
    log.configure("error", "pretty", environ={}, stream=io.StringIO())
    async with (
        app.data_dir_lock(settings, "run"),
        app.open_context(settings) as sources,
    ):
        (watcher,) = build_pollers(sources)
        await watcher.poll()
        malloc.freeze_loaded()
        yield watcher


class Stops:
    """How long the event loop did nothing else, at most, in seconds.

    Attributes:
        wall: By the clock on the wall: what others do on the machine is in it.
        busy: What this thread worked meanwhile.
    """

    def __init__(self) -> None:
        self.wall = self.busy = 0.0

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            began, worked = time.perf_counter(), time.thread_time()
            await asyncio.sleep(_TICK)
            self.wall = max(self.wall, time.perf_counter() - began - _TICK)
            self.busy = max(self.busy, time.thread_time() - worked)


async def _forget_sweep(source: SourceContext) -> None:
    """Let a day pass."""
    async with source.app.db.write_transaction() as tx:
        state = await source_state.load_source_state(tx, source.name)
        if state is None:
            raise AssertionError("the source is unknown")
        await source_state.save_source_state(tx, replace(state, last_sweep_at=None))


async def _sweep(source: SourceContext) -> None:
    if await sweep_if_due(source) is None:
        raise AssertionError(f"the sweep did not end: {source.notion_backoff.why}")


async def _memory(watcher: Poller) -> dict[str, float]:
    """Sweep for the first time, and the next day, when all posts are known."""
    source, pid = watcher.source, os.getpid()
    malloc.trim_heap()
    idle = procfs.rss(pid)
    procfs.forget_peak(pid)
    stops, began = Stops(), time.perf_counter()
    async with stops.watched():
        await _sweep(source)
        await _forget_sweep(source)
        await _sweep(source)
    took, peak = time.perf_counter() - began, procfs.peak(pid)
    malloc.trim_heap()
    async with source.app.db.read_transaction() as tx:
        count = await posts.count(tx)
    return {
        "idle": idle,
        "peak": peak,
        "after": procfs.rss(pid),
        "stopped": stops.wall,
        "busy": stops.busy,
        "seconds": took,
        "posts": count,
    }


async def _polls(watcher: Poller, count: int, pause: float) -> dict[str, list[float]]:
    """Poll beside sweeps, and without one."""
    source = watcher.source
    await _sweep(source)
    without = await _timed_polls(watcher, count, pause)

    async def sweep() -> None:
        while True:
            await _forget_sweep(source)
            await _sweep(source)

    sweeping = asyncio.create_task(sweep())
    beside = await _timed_polls(watcher, count, pause, lambda: not sweeping.done())
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
    return {"without": without, "beside": beside}


async def _timed_polls(
    watcher: Poller,
    count: int,
    pause: float,
    is_busy: Callable[[], bool] = lambda: True,
) -> list[float]:
    took: list[float] = []
    for number in range(count + _WARM_UP):
        await asyncio.sleep(pause)
        began = time.perf_counter()
        if await watcher.poll() is None or not is_busy():
            raise AssertionError(
                f"there was no poll: {watcher.source.notion_backoff.why}"
            )
        if number >= _WARM_UP:
            took.append(time.perf_counter() - began)
    return took


async def _turn() -> None:
    told = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory(prefix="postbrush-bench-") as name:
        async with _opened(told, Path(name)) as watcher:
            if told["polls"]:
                found: Any = await _polls(watcher, told["polls"], told["pause"])
            else:
                found = await _memory(watcher)
    sys.stdout.write(f"{json.dumps(found)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_turn())
