"""The schedule at its end: what runs is cut off once, tidies up, and says nothing."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
import structlog

from daemon.clock import utc_now
from daemon.schedule import Scheduler
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
        schedule = Scheduler()
        schedule.start()
        schedule.call_every("poll", _HOUR, work, utc_now())
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
    calls, schedule, said = list[int](), Scheduler(), io.StringIO()

    async def work() -> None:
        calls.append(1)

    log.configure("debug", "json", environ={}, stream=said)
    try:
        schedule.start()
        schedule.call_every("poll", _HOUR, work, utc_now())
        for _ in range(turns):
            await asyncio.sleep(0)
        await schedule.stop()
        before = len(calls)
        schedule.call_at("due", utc_now(), work)
        for _ in range(20):
            await asyncio.sleep(0)
    finally:
        structlog.reset_defaults()
    assert (len(calls), said.getvalue()) == (before, "")


async def test_a_call_that_takes_long_is_neither_doubled_nor_a_warning() -> None:
    begun, ended, calls = asyncio.Event(), asyncio.Event(), list[int]()

    async def work() -> None:
        calls.append(1)
        begun.set()
        await ended.wait()

    said = io.StringIO()
    log.configure("debug", "json", environ={}, stream=said)
    schedule = Scheduler()
    try:
        schedule.start()
        schedule.call_every("poll", timedelta(milliseconds=1), work, utc_now())
        await asyncio.wait_for(begun.wait(), 10)
        passed = asyncio.Event()
        schedule.call_at("due", utc_now() + timedelta(milliseconds=50), _set(passed))
        await asyncio.wait_for(passed.wait(), 10)
        assert calls == [1]
        begun.clear()
        ended.set()
        await asyncio.wait_for(begun.wait(), 10)
    finally:
        await schedule.stop()
        structlog.reset_defaults()
    assert said.getvalue() == ""


def _set(event: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def act() -> None:
        event.set()

    return act
