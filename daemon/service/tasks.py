"""What the daemon's tasks share: retries, waiting for changes, blocking work.

A failed task waits 5 seconds, then twice as long each time, up to 30 minutes.
`daemon.jobs.postponement` writes the reason to the log and to the history of the job.
The pauses are only in memory, so every task is tried at once after a restart.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=30)
#: Pauses are shorter by up to this random share, so that tasks spread out.
_JITTER = 0.2
#: A lasting failure is logged and recorded this often.
_REPEAT = timedelta(hours=1)
#: Identifiers and numbers, which differ between two messages of one cause.
_CHANGING = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9]+")
#: Name of the threads of `run_detached`; the log drops their lines of libraries.
THREAD_NAME = "postbrush-aside"

T = TypeVar("T")


class TaskKind(StrEnum):
    """The kinds of task; the value is its name for people."""

    GENERATE = "generating the image"
    UPLOAD = "uploading the image"
    UNTICK = "clearing the Regenerate box"
    NOTE = "writing the note"
    READ = "reading the page"
    SWEEP = "reading all posts"
    REPLACE = "replacing a card"
    CHECK = "the health check"
    POLL = "polling Notion"


@dataclass(frozen=True, slots=True)
class TaskKey:
    """Identifies a task of a job, of a source, or about a provider."""

    task: TaskKind
    source: str
    job: int | None = None
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRetry:
    """The pause of a task.

    Attributes:
        failures: Failures in a row.
        same: How many of the newest failures had the same cause.
        until: The end of the pause, in seconds of `Clock.elapsed`.
        why: The message of the newest failure.
        away: Whether Notion was unavailable, which says nothing about the job.
    """

    subject: TaskKey
    failures: int
    same: int
    until: float
    why: str
    away: bool = False


def pause_after(failures: int, chance: float) -> timedelta:
    """Return the pause after *failures* in a row, by a random number from 0 to 1."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(max(failures, 1) - 1, 20)
    return min(LONGEST_PAUSE, doubled) * (1 - _JITTER * chance)


def cause_of(why: str) -> str:
    """Return the part of a message that is equal for every message of its cause."""
    return _CHANGING.sub("#", why)


@dataclass(slots=True)
class FailureThrottle:
    """Limits the lines of repeated failures: at the start, each hour, at the end.

    Attributes:
        open: The start of each lasting failure, and the time of its last line.
    """

    open: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)

    def record_failure(self, key: str, now: datetime) -> bool:
        """Record a failure; return True if it should be logged now."""
        since, logged_at = self.open.get(key, (now, datetime.min.replace(tzinfo=UTC)))
        # A clock that was set back must not delay the next line.
        is_due = not timedelta() <= now - logged_at < _REPEAT
        self.open[key] = (since, now if is_due else logged_at)
        return is_due

    def record_recovery(self, key: str, now: datetime) -> timedelta | None:
        """End a failure; return its duration, None if there was none."""
        if key not in self.open:
            return None
        since, _ = self.open.pop(key)
        return max(timedelta(), now - since)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """What the log has said, so that it is not said again.

    Attributes:
        failures: Limits repeated log lines about the same failure.
        jobs: IDs of the jobs whose queueing is logged.
        thresholds: Keys of the budget thresholds that are logged, by period.
        open_breakers: Breaker generation of each provider logged as open.
    """

    failures: FailureThrottle = field(default_factory=FailureThrottle)
    jobs: set[int] = field(default_factory=set)
    thresholds: set[str] = field(default_factory=set)
    open_breakers: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class RetrySchedule:
    """The pauses of all failed tasks; *moment* is in seconds of `Clock.elapsed`."""

    _waiting: dict[TaskKey, PendingRetry] = field(default_factory=dict)
    _throttle: FailureThrottle = field(default_factory=FailureThrottle)
    _recorded: dict[TaskKey, tuple[str, datetime]] = field(default_factory=dict)

    def add_failure(
        self, subject: TaskKey, why: str, moment: float, chance: float, *, away: bool
    ) -> PendingRetry:
        """Record a failure of a task and return its pause."""
        self._drop_abandoned(moment)
        previous = self._waiting.get(subject)
        failures = previous.failures + 1 if previous else 1
        delay = PendingRetry(
            subject=subject,
            failures=failures,
            same=self.count_same_cause(subject, why) + 1,
            until=moment + pause_after(failures, chance).total_seconds(),
            why=why,
            away=away,
        )
        self._waiting[subject] = delay
        return delay

    def hold_until(self, subject: TaskKey, why: str, until: float) -> None:
        """Pause a task until a known time, without counting a failure."""
        previous = self._waiting.get(subject)
        self._waiting[subject] = PendingRetry(
            subject=subject,
            failures=previous.failures if previous else 0,
            same=previous.same if previous else 0,
            until=until,
            why=why,
        )

    def clear_failures(self, subject: TaskKey) -> bool:
        """Remove the failures of a task; return whether the history names one."""
        self._waiting.pop(subject, None)
        return self._recorded.pop(subject, None) is not None

    def _drop_abandoned(self, moment: float) -> None:
        """Remove tasks without an attempt for `LONGEST_PAUSE`, whose job has ended."""
        oldest = moment - LONGEST_PAUSE.total_seconds()
        for subject in [s for s, d in self._waiting.items() if d.until < oldest]:
            self.clear_failures(subject)

    def count_same_cause(self, subject: TaskKey, why: str) -> int:
        """Return how many of a task's newest failures had the cause of *why*."""
        previous = self._waiting.get(subject)
        is_same = previous is not None and cause_of(previous.why) == cause_of(why)
        return previous.same if previous and is_same else 0

    def should_log(self, subject: TaskKey, why: str, now: datetime) -> bool:
        """Return whether to log a cause, which is due once an hour."""
        key = (subject.source, subject.task, subject.provider, cause_of(why))
        return self._throttle.record_failure(" ".join(key), now)

    def should_record(
        self, subject: TaskKey, why: str, now: datetime, next_try: datetime
    ) -> bool:
        """Return whether to add a cause to a job's history, which is due once an hour.

        None can be added before *next_try*, the time of the next attempt.
        """
        cause, at = self._recorded.get(subject, ("", now))
        if cause == cause_of(why) and next_try - at < _REPEAT:
            return False
        self._recorded[subject] = (cause_of(why), now)
        return True

    def time_left(self, subject: TaskKey, moment: float) -> timedelta:
        """Return the rest of a task's pause, zero if it may be tried."""
        delay = self._waiting.get(subject)
        return timedelta(seconds=max(0.0, delay.until - moment) if delay else 0.0)

    def has_failed(self, subject: TaskKey) -> bool:
        """Return whether the last attempt of a task failed."""
        return subject in self._waiting

    def is_delayed(self, subject: TaskKey, moment: float) -> bool:
        """Return whether a task is paused at *moment*."""
        return self.time_left(subject, moment) > timedelta(0)

    def of_tasks(self, *tasks: TaskKind) -> Sequence[PendingRetry]:
        """Return the pauses of some kinds of task; without any, of all kinds."""
        delays = self._waiting.values()
        return [delay for delay in delays if not tasks or delay.subject.task in tasks]

    def of_job(self, job: int) -> Sequence[PendingRetry]:
        """Return the pauses of one job."""
        return [delay for delay in self._waiting.values() if delay.subject.job == job]

    def next_retry_in(self, moment: float, *tasks: TaskKind) -> timedelta | None:
        """Return the time until the first of some kinds of task may be tried again."""
        ends = [delay.until for delay in self.of_tasks(*tasks) if delay.until > moment]
        return timedelta(seconds=min(ends) - moment) if ends else None

    def release_after_outage(self, source: str) -> bool:
        """End a source's pauses by an outage of Notion; return whether it had any."""
        released = [
            subject
            for subject, delay in self._waiting.items()
            if delay.away and subject.source == source
        ]
        for subject in released:
            del self._waiting[subject]
        return bool(released)


@dataclass(slots=True)
class ChangeEvent:
    """A counter of changes that tasks can wait for, so that they need not poll."""

    version: int = 0
    _next: asyncio.Event = field(default_factory=asyncio.Event)

    def announce_change(self) -> None:
        """Count a change and wake every waiting task."""
        self.version += 1
        self._next.set()
        self._next = asyncio.Event()

    async def wait_beyond(self, version: int) -> int:
        """Wait until there is a newer version than *version*, and return it."""
        while self.version <= version:
            await self._next.wait()
        return self.version


async def run_detached(work: Callable[[], T], *, seconds: float) -> T:
    """Run *work* in a thread and return its result, or raise its error.

    The loop would join a thread of `asyncio.to_thread` when it closes, so one that
    hangs would delay a stop for minutes.  Neither the loop nor the exit joins this one.

    Raises:
        TimeoutError: *work* takes too long.  Its thread continues without a reader.
    """
    result: Future[T] = Future()

    def run() -> None:
        if not result.set_running_or_notify_cancel():
            return
        try:
            result.set_result(work())
        except Exception as error:  # noqa: BLE001 - raised again in the caller
            result.set_exception(error)

    threading.Thread(target=run, name=THREAD_NAME, daemon=True).start()
    async with asyncio.timeout(seconds):
        return await asyncio.wrap_future(result)
