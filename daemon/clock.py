"""The time: always asked for here, so that a test can move it."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias

Now: TypeAlias = Callable[[], datetime]
Sleep: TypeAlias = Callable[[float], Awaitable[None]]


def utc_now() -> datetime:
    return datetime.now(UTC)


def local_zone() -> tzinfo:
    """Return the machine's time zone, UTC when it has none configured."""
    from tzlocal import get_localzone  # noqa: PLC0415 - comes with APScheduler

    with warnings.catch_warnings():
        # A minimal container has no /etc/localtime; UTC is what it means then.
        warnings.simplefilter("ignore")
        return get_localzone()


def seconds_since_boot() -> float:
    """Return seconds that only grow, also while the machine sleeps."""
    # Only Linux counts them; elsewhere the time asleep is missing.
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What tells the time and how to wait.

    Attributes:
        now: Aware, UTC.
        monotonic: Seconds that only grow, whatever the wall clock is set to; they
            stand still while the machine sleeps.
        elapsed: Likewise, and they go on while it sleeps.
        zone: The owner's, for calendar periods, file names and words.
    """

    now: Now = utc_now
    monotonic: Callable[[], float] = time.monotonic
    elapsed: Callable[[], float] = seconds_since_boot
    sleep: Sleep = asyncio.sleep
    zone: tzinfo = UTC
    _origin: datetime = field(init=False)

    def __post_init__(self) -> None:
        began = self.now() - timedelta(seconds=self.elapsed())
        object.__setattr__(self, "_origin", began)

    def steady_now(self) -> datetime:
        """Return what `now` would be if nobody had set the wall clock since the start.

        Pauses and durations that are kept in memory are counted with it.
        """
        return self._origin + timedelta(seconds=self.elapsed())

    def to_wall_time(self, steady: datetime) -> datetime:
        """Return what the wall clock says at a *steady* time."""
        return self.now() + (steady - self.steady_now())
