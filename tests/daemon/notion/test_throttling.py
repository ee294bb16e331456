"""The rate limiter: its budget, its order, and what a sweep leaves to others."""

from __future__ import annotations

import asyncio

from daemon.notion.model import Urgency
from daemon.notion.throttling import NotionRateLimiter
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


class _Time:
    """Passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.now += seconds


async def test_no_minute_has_more_requests_than_notion_allows() -> None:
    time = _Time()
    limiter = NotionRateLimiter(3, monotonic=time.monotonic, sleep=time.sleep)
    turns: list[float] = []
    for _ in range(700):
        await limiter.wait_turn(Urgency.JOB)
        turns.append(time.now)
    await limiter.close()
    for start in turns:
        assert sum(start <= turn < start + 60 for turn in turns) <= 180
    assert turns[-1] < 700 / 3 * 1.1


async def test_the_most_urgent_goes_first_and_a_stop_stops_all() -> None:
    time = _Time()
    limiter = NotionRateLimiter(1, monotonic=time.monotonic, sleep=time.sleep)
    limiter.pause_all(30)
    served: list[Urgency] = []

    async def ask(urgency: Urgency) -> None:
        await limiter.wait_turn(urgency)
        served.append(urgency)
        assert time.now >= 30

    asked = [Urgency.SWEEP, Urgency.JOB, Urgency.POLL, Urgency.REGENERATION]
    await asyncio.gather(*(ask(one) for one in asked))
    await limiter.close()
    assert served == sorted(asked)


async def test_one_who_no_longer_waits_costs_no_budget() -> None:
    time = _Time()
    limiter = NotionRateLimiter(1, monotonic=time.monotonic, sleep=time.sleep)
    limiter.pause_all(5)
    gone = asyncio.create_task(limiter.wait_turn(Urgency.POLL))
    stays = asyncio.create_task(limiter.wait_turn(Urgency.JOB))
    await asyncio.sleep(0)
    gone.cancel()
    await stays
    await limiter.close()
    assert time.now < 7
