"""The clock of the daemon: APScheduler, and nothing that knows what it calls.

The only importer of APScheduler, which goes by the wall clock: when that was set, every
next call is moved as far, so that nothing is delayed or hurried.
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

#: Seconds; a clock that is kept right is moved by less, a little at a time.
_TOLERANCE = 1.0


def _ignore_clock_change() -> None:
    """What is to be done about a clock that was set, unless somebody says so."""


class _PassiveExecutor(AsyncIOExecutor):  # type: ignore[misc]  # it ships no types
    """Cuts nothing off by itself: that would be a traceback, and no time to tidy up."""

    def shutdown(self, wait: bool = True) -> None:  # noqa: FBT001, FBT002 - the library's
        """`Scheduler.stop` does it."""


class _CatchUpInterval(IntervalTrigger):  # type: ignore[misc]  # the same
    """However many calls were missed, one makes up for them."""

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        found: datetime | None = super().get_next_fire_time(previous_fire_time, now)
        # Not a list of all that was missed: in years they are millions.
        return found if found is None or found > now else now + self.interval


class _ClockAwareScheduler(AsyncIOScheduler):  # type: ignore[misc]  # the same
    """Looks at the clock before anything is called, and often enough to notice.

    Attributes:
        before: Called then.
        longest: Seconds between two looks, at most.
    """

    before: Callable[[], None]
    longest: float

    def _process_jobs(self) -> float | None:
        self.before()
        wait: float | None = super()._process_jobs()
        return wait if wait is None else min(wait, self.longest)


class Scheduler:
    """Calls things at intervals and at moments; a call never overlaps itself.

    Args:
        elapsed: Seconds that only grow, also while the machine sleeps.
        look_every: Seconds within which it is noticed that the clock was set.
    """

    def __init__(
        self,
        elapsed: Callable[[], float] = seconds_since_boot,
        look_every: float = 5.0,
    ) -> None:
        self._elapsed = elapsed
        self._offset = self._wall_offset()
        #: Called when the clock was set, after the calls were moved.
        self.clock_set: Callable[[], None] = _ignore_clock_change
        self._running: set[asyncio.Future[object]] = set()
        self._busy: set[str] = set()
        self._stopped = False
        self._scheduler = _ClockAwareScheduler(
            timezone="UTC",
            executors={"default": _PassiveExecutor()},
            job_defaults={
                "coalesce": True,  # after the machine slept: once, not a hundred times
                # `_without_overlap` lets no run overlap another, however slow it is.
                "max_instances": sys.maxsize,
                "misfire_grace_time": None,  # late is better than never
            },
        )

        self._scheduler.before = self._shift_next_calls
        self._scheduler.longest = look_every

    def _wall_offset(self) -> float:
        return utc_now().timestamp() - self._elapsed()

    def _shift_next_calls(self) -> None:
        """Move every next call as far as the wall clock was set."""
        ahead = self._wall_offset()
        step = ahead - self._offset
        if abs(step) < _TOLERANCE:
            return
        self._offset = ahead
        for job in self._scheduler.get_jobs():
            moved = job.next_run_time + timedelta(seconds=step)
            job.modify(next_run_time=moved)
        self.clock_set()

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._scheduler.start()

    async def stop(self) -> None:
        """Call nothing any more; what runs is cut off, and has ended after this."""
        self._stopped = True
        self._scheduler.shutdown(wait=False)
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def call_every(
        self, name: str, pause: timedelta, action: Action, now: datetime
    ) -> None:
        """Call *action* now and then after every *pause*."""
        self._scheduler.add_job(
            self._without_overlap(name, action),
            _CatchUpInterval(seconds=pause.total_seconds(), timezone="UTC"),
            next_run_time=now,
            id=name,
            name=name,
            replace_existing=True,
        )

    def call_at(self, name: str, time: datetime | None, action: Action) -> None:
        """Call *action* at *time*; takes the place of the last such order.

        Args:
            time: None: not at all.
        """
        if time is not None:
            self._scheduler.add_job(
                self._without_overlap(name, action),
                "date",
                run_date=time,
                id=name,
                name=name,
                replace_existing=True,
            )
        elif self._scheduler.get_job(name) is not None:
            self._scheduler.remove_job(name)

    def _without_overlap(self, name: str, action: Action) -> Action:
        """A call that is cut off by `stop` has nothing to say about it."""

        async def call() -> None:
            # It was due, and had not begun; or its last call still goes on.
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
