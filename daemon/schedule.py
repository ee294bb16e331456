"""The scheduler of the daemon; the only importer of APScheduler.

APScheduler uses the wall clock.  When that is set, every next call is shifted by the
same step, so that no call is delayed or early.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from daemon.clock import seconds_since_boot, utc_now

Action = Callable[[], Awaitable[object]]

#: Seconds; time synchronisation adjusts a clock by less at a time.
_TOLERANCE = 1.0


class _PassiveExecutor(AsyncIOExecutor):  # type: ignore[misc]  # it ships no types
    """Cancels no task at shutdown, which would log tracebacks and skip the cleanup."""

    def shutdown(self, wait: bool = True) -> None:  # noqa: FBT001, FBT002 - as in APScheduler
        """Do nothing; `Scheduler.stop` cancels the tasks."""


class _CatchUpInterval(IntervalTrigger):  # type: ignore[misc]  # it ships no types
    """Makes up for any number of missed calls by a single call."""

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        due: datetime | None = super().get_next_fire_time(previous_fire_time, now)
        # APScheduler would list all missed calls, which after years are millions.
        return due if due is None or due > now else now + self.interval


class _ClockAwareScheduler(AsyncIOScheduler):  # type: ignore[misc]  # it ships no types
    """Checks the clock before each call, and at least every `longest` seconds.

    Attributes:
        before: Called for each check.
        longest: Maximum seconds between two checks.
    """

    before: Callable[[], None]
    longest: float

    def _process_jobs(self) -> float | None:
        self.before()
        wait: float | None = super()._process_jobs()
        return wait if wait is None else min(wait, self.longest)


class Scheduler:
    """Runs actions at intervals and at times; runs of one name never overlap.

    Args:
        elapsed: Monotonic seconds, with the time the machine sleeps.
        look_every: Seconds within which a step of the wall clock is detected.
    """

    def __init__(
        self, elapsed: Callable[[], float] = seconds_since_boot, look_every: float = 5.0
    ) -> None:
        self._elapsed = elapsed
        self._offset = self._wall_offset()
        #: Called when the wall clock was set, after the next calls were shifted.
        self.clock_set: Callable[[], None] = lambda: None
        self._running: set[asyncio.Future[object]] = set()
        self._busy: set[str] = set()
        self._stopped = False
        self._scheduler = _ClockAwareScheduler(
            timezone="UTC",
            executors={"default": _PassiveExecutor()},
            job_defaults={
                "coalesce": True,  # one call after the machine has slept
                # `_without_overlap` prevents overlapping runs.
                "max_instances": sys.maxsize,
                "misfire_grace_time": None,  # a late call is not skipped
            },
        )
        self._scheduler.before = self._shift_next_calls
        self._scheduler.longest = look_every

    def _wall_offset(self) -> float:
        return utc_now().timestamp() - self._elapsed()

    def _shift_next_calls(self) -> None:
        """Shift every next call by the step of the wall clock since the last check."""
        offset = self._wall_offset()
        step = offset - self._offset
        if abs(step) < _TOLERANCE:
            return
        self._offset = offset
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=job.next_run_time + timedelta(seconds=step))
        self.clock_set()

    def start(self) -> None:
        """Start the scheduler in the running event loop."""
        self._scheduler.start()

    async def stop(self) -> None:
        """Cancel the running actions, wait for their end, and start no other."""
        self._stopped = True
        self._scheduler.shutdown(wait=False)
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def call_every(
        self, name: str, pause: timedelta, action: Action, now: datetime
    ) -> None:
        """Run *action* at *now*, and then every *pause*."""
        self._scheduler.add_job(
            self._without_overlap(name, action),
            _CatchUpInterval(seconds=pause.total_seconds(), timezone="UTC"),
            next_run_time=now,
            id=name,
            name=name,
            replace_existing=True,
        )

    def call_at(self, name: str, time: datetime, action: Action) -> None:
        """Run *action* at *time*, instead of the earlier call of the same name."""
        self._scheduler.add_job(
            self._without_overlap(name, action),
            "date",
            run_date=time,
            id=name,
            name=name,
            replace_existing=True,
        )

    def _without_overlap(self, name: str, action: Action) -> Action:
        """Wrap *action* to skip overlapping calls and to ignore a cancel by `stop`."""

        async def call() -> None:
            if self._stopped or name in self._busy:
                return
            self._busy.add(name)
            running = asyncio.ensure_future(action())
            self._running.add(running)
            running.add_done_callback(self._running.discard)
            try:
                with suppress(asyncio.CancelledError):
                    await running
            finally:
                self._busy.discard(name)

        return call
