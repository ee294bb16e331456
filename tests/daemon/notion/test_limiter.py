"""A sweep leaves others what they need of Notion's budget."""

from __future__ import annotations

import asyncio

from daemon.notion.limiter import NotionRateLimiter
from daemon.notion.model import Urgency
from tests.daemon.house import MovingClock


async def test_polls_beside_a_sweep_do_not_wait() -> None:
    clock = MovingClock()
    limiter = NotionRateLimiter(3, monotonic=clock.monotonic, sleep=clock.sleep)
    swept = 0

    async def sweep() -> None:
        nonlocal swept
        while True:
            await limiter.wait_turn(Urgency.SWEEP)
            swept += 1

    sweeping = asyncio.create_task(sweep())
    waits = []
    for _ in range(60):
        for _ in range(20):
            await clock.sleep(0.1)
            # Whoever may go by now goes.
            for _ in range(10):
                await asyncio.sleep(0)
        began = clock.passed
        await limiter.wait_turn(Urgency.POLL)
        await limiter.wait_turn(Urgency.REGENERATION)
        waits.append(clock.passed - began)
    sweeping.cancel()
    await limiter.close()
    assert max(waits) == 0
    # Two of the six requests in two seconds are not the sweep's.
    assert swept >= clock.passed * 3 * 0.9 - 120


async def test_a_sweep_alone_uses_all_of_the_budget() -> None:
    clock = MovingClock()
    limiter = NotionRateLimiter(3, monotonic=clock.monotonic, sleep=clock.sleep)
    for _ in range(300):
        await limiter.wait_turn(Urgency.SWEEP)
    await limiter.close()
    assert clock.passed < 300 / 3 * 1.05


async def test_a_pause_shorter_than_the_clock_can_tell_ends() -> None:
    """Times are summed up as floats, and the clock counts microseconds."""
    clock = MovingClock()
    limiter = NotionRateLimiter(3, monotonic=clock.monotonic, sleep=clock.sleep)
    limiter.pause_all(1.0)
    clock.passed += 1.0 - 1e-7
    async with asyncio.timeout(10):
        await limiter.wait_turn(Urgency.POLL)
    await limiter.close()
