"""The clock of the daemon, which tests replace."""

from __future__ import annotations

import asyncio
import os
import time
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeAlias

from tzlocal import get_localzone

Now: TypeAlias = Callable[[], datetime]
Sleep: TypeAlias = Callable[[float], Awaitable[None]]


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def local_zone() -> tzinfo:
    """Return the machine's time zone, or UTC if it is not known."""
    return _find_zone() or UTC


def zone_problem() -> str | None:
    """Return why times are in UTC and what to do, None if the time zone is known."""
    if _find_zone() is not None:
        return None
    return (
        f"TZ={os.environ.get('TZ', '')} is not the name of a time zone, so all times "
        "are in UTC. Set TZ to a name such as Europe/Berlin"
    )


def _find_zone() -> tzinfo | None:
    with warnings.catch_warnings():
        # A minimal container has no /etc/localtime, and then means UTC.
        warnings.simplefilter("ignore")
        try:
            return get_localzone()
        # $TZ may also be a POSIX rule such as CET-1CEST, which zoneinfo cannot read.
        except (LookupError, ValueError, OSError):
            return None


def seconds_since_boot() -> float:
    """Return monotonic seconds that include the time the machine sleeps.

    Without CLOCK_BOOTTIME, which only Linux has, the time asleep is missing.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Source of times, and of sleeping.

    Attributes:
        now: Wall clock, as an aware time in UTC.
        monotonic: Monotonic seconds, without the time the machine sleeps.
        elapsed: Monotonic seconds, with the time the machine sleeps.
        sleep: Sleeps for a number of seconds.
        zone: The owner's time zone, for calendar periods, file names and texts.
    """

    now: Now = utc_now
    monotonic: Callable[[], float] = time.monotonic
    elapsed: Callable[[], float] = seconds_since_boot
    sleep: Sleep = asyncio.sleep
    zone: tzinfo = UTC
    _origin: datetime = field(init=False)

    def __post_init__(self) -> None:
        origin = self.now() - timedelta(seconds=self.elapsed())
        object.__setattr__(self, "_origin", origin)

    def steady_now(self) -> datetime:
        """Return the current time, as if the wall clock had never been set.

        Waiting times and durations in memory are measured with it.
        """
        return self._origin + timedelta(seconds=self.elapsed())

    def to_wall_time(self, steady: datetime) -> datetime:
        """Return the time of the wall clock at a *steady* time."""
        return self.now() + (steady - self.steady_now())
