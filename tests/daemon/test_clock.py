"""A clock that is set while the daemon runs delays nothing and hurries nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.cli.check_notion import compare_clocks
from daemon.clock import Clock, utc_now
from daemon.clock_steps import ClockSteps, breaker_after_step
from daemon.jobs.postponement import postpone_task
from daemon.notion.errors import NotionError
from daemon.pretend.server import FakeServer
from daemon.schedule import Scheduler, _CatchUpInterval
from daemon.service.tasks import FailureThrottle, TaskKey, TaskKind
from providers.breaker import Breaker, BreakerState
from providers.outcomes import Outcome
from tests.daemon.house import START, ZONE, House, MovingClock, house
from tests.daemon.test_chain_at_work import house_again
from tests.daemon.test_races import OurClock

_HOUR, _MONTH = timedelta(hours=1), timedelta(days=31)
_STEPS = [-_HOUR, _HOUR, -_MONTH, _MONTH]


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    """A house whose clock is set while Notion's goes on."""
    clock, notions = OurClock(), MovingClock()
    clock.other = notions
    town = FakeServer(now=notions.now)
    town.workspace.requests_per_minute = None
    town.hub.sleep = clock.sleep
    async with town, house(tmp_path, clock=clock, town=town) as made:
        await made.begin()
        yield made


def _set_clock(home: House, step: timedelta) -> None:
    home.clock.time += step


@pytest.mark.parametrize("step", _STEPS)
async def test_notion_is_asked_again_after_the_pause_and_not_after_the_step(
    home: House, step: timedelta
) -> None:
    _set_clock(home, -step)
    home.space.inject_fault("/query", times=5, status=503)
    await home.poll()
    assert home.source.notion_backoff.why
    home.space.faults.waiting.clear()
    _set_clock(home, step)
    home.forget()
    await home.poll()
    assert home.space.requests == []
    home.clock.move(seconds=11)
    await home.poll()
    assert len(home.space.requests) == 1
    (said,) = [line for line in home.said if line.startswith("poll.recovered")]
    assert said.endswith("after 0 min")


@pytest.mark.parametrize("step", [-_HOUR * 2, _MONTH])
async def test_a_delay_is_said_once_an_hour_whatever_the_clock_says(
    home: House, step: timedelta
) -> None:
    home.add()
    await home.live()
    (job,) = await home.jobs()

    async def count_lines() -> int:
        subject = TaskKey(TaskKind.UPLOAD, job.source, job.id)
        await postpone_task(home.source, subject, NotionError("not uploaded yet"), job)
        return sum("job.delayed" in line for line in home.said)

    assert await count_lines() == 1
    _set_clock(home, step)
    assert await count_lines() == 1
    home.clock.move(minutes=61)
    assert await count_lines() == 2


@pytest.mark.sqlite_only  # several daemons on a server have clocks of their own
@pytest.mark.parametrize("step", _STEPS)
async def test_a_post_waits_as_long_as_it_would_have(
    home: House, step: timedelta
) -> None:
    page = home.add()
    await home.poll()
    await home.work()
    home.clock.move(seconds=30)
    _set_clock(home, step)
    await home.work()
    home.clock.move(seconds=80)
    await home.work()
    assert home.hub.painted == 0
    home.clock.move(seconds=12)
    await home.work()
    assert len(home.space.list_files(page)) == 1
    assert "clock.set This machine's clock was set" in "\n".join(home.said)


@pytest.mark.parametrize("step", _STEPS)
async def test_what_was_queued_just_after_the_step_is_left_alone(
    home: House, step: timedelta
) -> None:
    await home.work()
    _set_clock(home, step)
    page = home.add()
    await home.poll()
    await home.work()
    home.clock.move(seconds=125)
    await home.work()
    assert len(home.space.list_files(page)) == 1


@pytest.mark.sqlite_only  # several daemons on a server have clocks of their own
async def test_an_image_on_disk_is_uploaded_at_once_after_a_step_back(
    home: House,
) -> None:
    page = home.add()
    await home.poll()
    home.clock.move(seconds=125)
    home.space.inject_fault("POST /v1/file_uploads", times=60, status=503)
    await home.work()
    assert [job.state for job in await home.jobs()] == ["uploading"]
    home.space.faults.waiting.clear()
    _set_clock(home, -_MONTH)
    home.clock.move(minutes=6)
    await home.poll()
    await home.work()
    assert len(home.space.list_files(page)) == 1
    (done,) = [line for line in home.said if line.startswith("job.done")]
    assert " -" not in done


async def test_what_a_clock_that_was_ahead_stored_counts_from_the_restart(
    home: House, tmp_path: Path
) -> None:
    _set_clock(home, _MONTH)
    page = home.add()
    await home.poll()
    await home.work()
    _set_clock(home, -_MONTH)
    async with house_again(tmp_path, home) as later:
        await later.begin()
        await later.work()
        later.clock.move(seconds=125)
        await later.poll()
        await later.work()
        assert len(later.space.list_files(page)) == 1


async def test_a_sweep_of_a_clock_that_was_ahead_does_not_put_off_the_next(
    home: House,
) -> None:
    home.forget()
    await home.sweep()
    assert home.space.requests == []
    _set_clock(home, -_MONTH)
    await home.sweep()
    assert len(home.space.requests) >= 1


@pytest.mark.parametrize("step", _STEPS)
def test_a_pause_of_a_service_goes_on_and_its_calendar_stays(step: timedelta) -> None:
    now = START + step
    in_a_minute = START + timedelta(minutes=1)
    resting = Breaker(
        name="a", state=BreakerState.OPEN, reason=Outcome.UNAVAILABLE, until=in_a_minute
    )
    moved = breaker_after_step(resting, step, now)
    assert moved.until == now + timedelta(minutes=1)
    broke = Breaker(
        name="a",
        state=BreakerState.OPEN,
        reason=Outcome.CREDITS,
        until=in_a_minute,
        probe_at=in_a_minute,
    )
    assert breaker_after_step(broke, step, now) == broke
    over = Breaker(name="a", until=START - timedelta(minutes=1))
    assert breaker_after_step(over, step, now) == over


def test_a_step_is_taken_once_and_slow_corrections_never() -> None:
    wrong = MovingClock()
    clock = Clock(now=wrong.now, elapsed=wrong.monotonic, zone=ZONE)
    steps = ClockSteps(clock)
    wrong.move(days=3)
    wrong.time += timedelta(seconds=1)
    assert not steps.measure_step()
    wrong.time += _HOUR
    assert timedelta(minutes=59) < steps.measure_step() < timedelta(minutes=61)
    wrong.move(hours=3)
    assert not steps.measure_step()
    later = clock.steady_now() + _HOUR
    assert clock.to_wall_time(later) == wrong.now() + _HOUR


def test_what_lasts_is_said_within_an_hour_and_never_negative() -> None:
    spells = FailureThrottle()
    assert spells.record_failure("x", START + _MONTH)
    assert spells.record_failure("x", START)
    assert not spells.record_failure("x", START + timedelta(minutes=59))
    assert spells.record_recovery("x", START) == timedelta()


class _Elapsed:
    """Counts on while the wall clock stays: as if that had been set back."""

    def __init__(self) -> None:
        self.began, self.more = utc_now().timestamp(), 0.0

    def __call__(self) -> float:
        return utc_now().timestamp() - self.began + self.more


def _count(calls: list[int], called: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def act() -> None:
        calls.append(1)
        called.set()

    return act


@pytest.mark.parametrize("back", [3600.0, 365 * 86400.0])
async def test_what_is_scheduled_goes_on_after_a_step_back(back: float) -> None:
    elapsed, called, kicked = _Elapsed(), asyncio.Event(), asyncio.Event()
    due = asyncio.Event()
    schedule = Scheduler(elapsed, look_every=0.02)
    schedule.clock_set = kicked.set
    schedule.start()
    try:
        # By the clock as it was before it was set back.
        ahead = utc_now() + timedelta(seconds=back)
        schedule.call_every("watchdog", timedelta(seconds=5), _count([], called), ahead)
        schedule.call_at("due", ahead, _count([], due))
        await asyncio.sleep(0)
        elapsed.more = back
        async with asyncio.timeout(10):
            await called.wait()
            await due.wait()
            await kicked.wait()
    finally:
        await schedule.stop()


async def test_years_forward_are_one_call_and_no_list_of_those_missed() -> None:
    calls, called = list[int](), asyncio.Event()
    schedule = Scheduler()
    schedule.start()
    try:
        long_ago = utc_now() - timedelta(days=3 * 365)
        action = _count(calls, called)
        schedule.call_every("poll", timedelta(seconds=10), action, long_ago)
        async with asyncio.timeout(10):
            await called.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(calls) == 1
    finally:
        await schedule.stop()
    every = _CatchUpInterval(seconds=10, timezone="UTC")
    now = datetime(2026, 11, 24, tzinfo=UTC)
    soon = every.get_next_fire_time(now - timedelta(days=3 * 365), now)
    assert soon is not None
    assert now < soon <= now + timedelta(seconds=10)


@pytest.mark.parametrize(
    ("ahead", "found"),
    [
        (119, "agrees with Notion"),
        (-119, "agrees with Notion"),
        (121, "0:02:01 ahead of Notion"),
        (-_MONTH.total_seconds(), "31 days, 0:00:00 behind Notion"),
    ],
)
def test_check_compares_the_clock_with_notions(ahead: float, found: str) -> None:
    line = compare_clocks(START + timedelta(seconds=ahead), START)
    assert line is not None
    assert (line.found, bool(line.todo)) == (found, abs(ahead) > 120)
    assert compare_clocks(START, None) is None
