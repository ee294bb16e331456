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


@pytest.mark.parametrize("turns", range(6))
async def test_whenever_it_is_stopped_nothing_is_called_after_it(turns: int) -> None:
    calls, schedule, said = list[int](), Schedule(), io.StringIO()

    async def work() -> None:
        calls.append(1)

    log.configure("debug", "json", environ={}, stream=said)
    try:
        schedule.start()
        schedule.every("poll", _HOUR, work, utc_now())
        for _ in range(turns):
            await asyncio.sleep(0)
        await schedule.stop()
        before = len(calls)
        schedule.at("due", utc_now(), work)
        for _ in range(20):
            await asyncio.sleep(0)
    finally:
        structlog.reset_defaults()
    assert (len(calls), said.getvalue()) == (before, "")
