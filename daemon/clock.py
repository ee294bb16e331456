"""The time: always asked for here, so that a test can move it."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What tells the time and how to wait.

    Attributes:
        now: Aware, UTC.
        monotonic: Seconds that only grow, whatever the wall clock is set to.
        zone: The owner's, for calendar periods, file names and words.
    """

    now: Now = utc_now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Sleep = asyncio.sleep
    zone: tzinfo = UTC
