"""The clock of the daemon: APScheduler, and nothing that knows what it calls.

The only importer of APScheduler.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler

Action = Callable[[], Awaitable[object]]


class _Executor(AsyncIOExecutor):  # type: ignore[misc]  # it ships no types
    """Cuts nothing off by itself: that would be a traceback, and no time to tidy up."""

    def shutdown(self, wait: bool = True) -> None:  # noqa: FBT001, FBT002 - the library's
        """`Schedule.stop` does it."""


class Schedule:
    """Calls things at intervals and at moments; a call never overlaps itself."""

    def __init__(self) -> None:
        self._running: set[asyncio.Future[object]] = set()
        self._busy: set[str] = set()
        self._stopped = False
        self._scheduler = AsyncIOScheduler(
            timezone="UTC",
            executors={"default": _Executor()},
            job_defaults={
                "coalesce": True,  # after the machine slept: once, not a hundred times
                # `_patient` lets none overlap, and says nothing of one that is slow.
                "max_instances": sys.maxsize,
                "misfire_grace_time": None,  # late is better than never
            },
        )

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

    def every(self, name: str, pause: timedelta, action: Action, now: datetime) -> None:
        """Call *action* now and then after every *pause*."""
        self._scheduler.add_job(
            self._patient(name, action),
            "interval",
            seconds=pause.total_seconds(),
            next_run_time=now,
            id=name,
            name=name,
            replace_existing=True,
        )

    def at(self, name: str, time: datetime | None, action: Action) -> None:
        """Call *action* at *time*; takes the place of the last such order.

        Args:
            time: None: not at all.
        """
        if time is not None:
            self._scheduler.add_job(
                self._patient(name, action),
                "date",
                run_date=time,
                id=name,
                name=name,
                replace_existing=True,
            )
        elif self._scheduler.get_job(name) is not None:
            self._scheduler.remove_job(name)

    def _patient(self, name: str, action: Action) -> Action:
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
