"""Increasing pauses between the attempts of a task, for every kind of task.  Pure.

A failed task waits 5 seconds, then twice as long each time, up to 30 minutes.
`daemon.jobs.postponement` writes the reason to the log and to the history of the job.
The pauses are only in memory, so every task is tried at once after a restart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from daemon.service.log import FailureThrottle

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=30)
#: Pauses are shorter by up to this random share, so that tasks spread out.
_JITTER = 0.2
_RECORD_AGAIN = timedelta(hours=1)
#: Identifiers and numbers, which differ between two messages of one cause.
_CHANGING = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9]+")


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
    POLL = "looking for changes"


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
    """Return the pause after so many failures in a row.

    Args:
        chance: A random number from 0 to 1.
    """
    doubled: timedelta = FIRST_PAUSE * 2 ** min(max(failures, 1) - 1, 20)
    seconds = min(LONGEST_PAUSE, doubled).total_seconds() * (1 - _JITTER * chance)
    return timedelta(seconds=seconds)


def cause_of(why: str) -> str:
    """Return the part of a message that is equal for every message of its cause."""
    return _CHANGING.sub("#", why)


@dataclass(slots=True)
class RetrySchedule:
    """The pauses of all failed tasks; *moment* is in seconds of `Clock.elapsed`."""

    _waiting: dict[TaskKey, PendingRetry] = field(default_factory=dict)
    _said: FailureThrottle = field(default_factory=FailureThrottle)
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
        return self._said.record_failure(" ".join(key), now)

    def should_record(
        self, subject: TaskKey, why: str, now: datetime, next_try: datetime
    ) -> bool:
        """Return whether to add a cause to a job's history, which is due once an hour.

        Args:
            next_try: The time of the next attempt, before which none can be added.
        """
        cause, at = self._recorded.get(subject, ("", now))
        if cause == cause_of(why) and next_try - at < _RECORD_AGAIN:
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
        """End the pauses of a source that an outage of Notion caused.

        Returns:
            Whether there were any.
        """
        released = [
            subject
            for subject, delay in self._waiting.items()
            if delay.away and subject.source == source
        ]
        for subject in released:
            del self._waiting[subject]
        return bool(released)
