"""The daemon as a process, while its machine's clock is set by hours and years."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.daemon.cli.desk import Daemon, Desk
from tests.daemon.service.manager import Manager, listening

#: It gives a process another time of day, and leaves the monotonic clocks alone.
_LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
_HOUR, _YEAR = 3600, 365 * 24 * 3600
_WATCHDOG = 3.0

pytestmark = [
    pytest.mark.long,
    pytest.mark.sqlite_only,  # several daemons on a server have clocks of their own
    pytest.mark.skipif(_LIBRARY is None, reason="needs apt install libfaketime"),
]


async def test_steps_of_an_hour_and_of_years_change_nothing(
    desk: Desk, tmp_path: Path
) -> None:
    offset = tmp_path / "offset"
    offset.write_text("+0\n")
    with listening(str(tmp_path / "notify")) as manager:
        manager.follow()
        async with desk.daemon(
            really="yes",
            # It is read at the start, so the process is not forked.
            PYTHONFAULTHANDLER="1",
            LD_PRELOAD=str(_LIBRARY),
            FAKETIME_TIMESTAMP_FILE=str(offset),
            FAKETIME_NO_CACHE="1",
            FAKETIME_DONT_FAKE_MONOTONIC="1",
            NOTIFY_SOCKET=manager.address,
            WATCHDOG_USEC=str(int(_WATCHDOG * 1e6)),
        ) as daemon:
            for number, step in enumerate((-_HOUR, 0, 3 * _YEAR, 0), 1):
                offset.write_text(f"{step:+d}\n")
                await daemon.says("clock.set", number)
                await _keeps_pace(desk, manager)
                page = desk.add(f"Post {number}")
                await daemon.says("job.done", number)
                assert desk.shows(page) == "Done"
            assert await daemon.end() == 0
            assert _negative_durations(daemon) == []


async def _keeps_pace(desk: Desk, manager: Manager) -> None:
    """Check that the watchdog is fed in time, and that Notion is polled as before."""
    manager.heard()
    polls = len(desk.town.workspace.requests)
    for _ in range(2):
        await _within(_WATCHDOG, lambda: manager.hears("WATCHDOG=1"))
        manager.heard()
    # A poll a second, and whatever the work asks; a call for each missed poll is more.
    assert len(desk.town.workspace.requests) - polls < 20


async def _within(seconds: float, wait: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(seconds):
        await wait()


def _negative_durations(daemon: Daemon) -> list[str]:
    return [line for line in daemon.raw if " -" in line.partition('"message"')[2]]
