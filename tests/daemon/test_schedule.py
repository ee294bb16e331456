"""The schedule at its end: what runs is cut off once, tidies up, and says nothing."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta

import pytest
import structlog

from daemon.clock import utc_now
from daemon.schedule import Schedule
from daemon.service import log

_HOUR = timedelta(hours=1)


async def test_what_runs_at_a_stop_has_tidied_up_after_it() -> None:
    begun, turns = asyncio.Event(), list[int]()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            # As a transaction that is rolled back.
            for turn in range(20):
                await asyncio.sleep(0)
                turns.append(turn)

    said = io.StringIO()
    log.configure("debug", "json", environ={}, stream=said)
    try:
        schedule = Schedule()
        schedule.start()
        schedule.every("poll", _HOUR, work, utc_now())
        await asyncio.wait_for(begun.wait(), 10)
        await schedule.stop()
        assert len(turns) == 20
        for _ in range(20):
            await asyncio.sleep(0)
    finally:
        structlog.reset_defaults()
    assert said.getvalue() == ""


@pytest.mark.parametrize("times", [1, 2])
async def test_nothing_is_called_after_a_stop(times: int) -> None:
    called, schedule = asyncio.Event(), Schedule()

    async def work() -> None:
        called.set()

    schedule.start()
    for _ in range(times):
        schedule.every("poll", _HOUR, work, utc_now())
    await schedule.stop()
    schedule.at("due", utc_now(), work)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not called.is_set()
