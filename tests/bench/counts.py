"""What is counted, not timed: writes a post, requests and bytes of an idle daemon."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from daemon.pretend.scenes import render_scene
from tests.bench.table import Figure
from tests.daemon.house import House, house
from tests.daemon.test_page_status import pause, resume

#: Posts in the database of an idle daemon.
SIZES = (10, 1_000, 10_000)
_IDLE_MINUTES = 10
_POLLS_A_MINUTE = 6
#: Posts that an import makes; Notion lists 10,000 of one minute at most.
_A_MINUTE = 5_000
#: Until what is new is old, and no poll lists it any more.
_QUIET_MINUTES = 8


def measure() -> list[Figure]:
    return asyncio.run(measured())


async def measured(sizes: Sequence[int] = SIZES) -> list[Figure]:
    """Return all figures; in virtual time, against the pretend Notion over HTTP."""
    figures = [*await _writes()]
    for size in sizes:
        figures += await _idle(size)
    return figures


async def _writes() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        async with house(Path(folder)) as home:
            await home.begin()
            page = home.add()
            await home.live()
            new = _written(home, page)
            home.space.tick_box(page)
            await home.live(seconds=10)
            again = _written(home, page)
            await pause(home)
            page = home.add("Another post")
            await home.live(seconds=140)
            await resume(home)
            await home.work()
            waited = _written(home, page)
    return [
        Figure(what="Notion writes for a new post", figure=new, unit="", most=3),
        Figure(what="... for one that has to wait", figure=waited, unit="", most=4),
        Figure(what="Notion writes for a regeneration", figure=again, unit="", most=4),
    ]


def _written(home: House, page: str) -> int:
    """Return how many writes led to an image, and forget them."""
    assert home.read(page)["Image status"] == "Done"
    count = len(home.writes())
    home.forget()
    return count


async def _idle(size: int) -> list[Figure]:
    picture = render_scene("bread", 1, 64, 64)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        data = Path(folder)
        async with house(data) as home:
            # They came at once, by an import.
            for number in range(size):
                home.clock.move(minutes=number > 0 and number % _A_MINUTE == 0)
                page = home.add(f"Post {number}")
                home.space.add_file(page, "Image", "ours.png", picture)
            await home.begin()
            # The start asks the account, and stores what it says.
            await home.work()
            home.clock.move(minutes=_QUIET_MINUTES)
            await home.poll()
            await home.poll()
            home.forget()
            before, written = _state(data), _bytes_written()
            await _live_idly(home)
            written = _bytes_written() - written
            # Files in memory are on no disk, so their times are compared, too.
            assert _state(data) == before
            requests = len(home.space.requests)
    polls = _IDLE_MINUTES * _POLLS_A_MINUTE
    return [
        Figure(
            what=f"Notion requests a poll, idle, {size:,} posts",
            figure=requests / polls,
            unit="",
            most=1,
        ),
        Figure(
            what=f"written to disk in {_IDLE_MINUTES} idle minutes, {size:,} posts",
            figure=written,
            unit="bytes",
            most=0,
        ),
    ]


async def _live_idly(home: House) -> None:
    for minute in range(_IDLE_MINUTES):
        for _ in range(_POLLS_A_MINUTE):
            home.clock.move(seconds=60 / _POLLS_A_MINUTE)
            await home.poll()
            await home.work()
        if minute % 5 == 0:
            await home.sweep()


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of each file, wherever it lies."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


def _bytes_written() -> int:
    """Return what this process has caused to be written to disks: proc_pid_io(5)."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["write_bytes"])
