"""The growing pause between two tries of one task: one place for every kind of task.

Pure: time and chance are arguments.  A task that failed waits 5 seconds, then twice as
long each time, up to 30 minutes.  `daemon.jobs.postponement` writes the reason to the
log and to the history of the job.  In memory only: after a restart everything is tried
at once.
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
#: The pause is shorter by up to this share, so that tasks do not all come at once.
_JITTER = 0.2
_RECORD_AGAIN = timedelta(hours=1)
#: Identifiers and numbers differ between two answers that mean the same.
_CHANGING = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|[0-9]+")


class TaskKind(StrEnum):
    """What is tried again; the value is how people read it."""

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
    """One task of one job, of one source, or about one provider."""

    task: TaskKind
    source: str
    job: int | None = None
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRetry:
    """Why a task waits, and until when.

    Attributes:
        failures: In a row.
        same: How many of the newest had the same cause.
        until: In seconds of `Clock.elapsed`.
        away: Notion did not answer properly: no verdict about the job.
    """

    subject: TaskKey
    failures: int
    same: int
    until: float
    why: str
    away: bool = False


def pause_after(failures: int, chance: float) -> timedelta:
    """Return how long a task waits after so many failures in a row.

    Args:
        chance: Random, between 0 and 1.
    """
    doubled: timedelta = FIRST_PAUSE * 2 ** min(max(failures, 1) - 1, 20)
    seconds = min(LONGEST_PAUSE, doubled).total_seconds() * (1 - _JITTER * chance)
    return timedelta(seconds=seconds)


def cause_of(why: str) -> str:
    """Return what is the same in two messages of the same cause."""
    return _CHANGING.sub("#", why)


@dataclass(slots=True)
class RetrySchedule:
    """The tasks that wait for their next try."""

    _waiting: dict[TaskKey, PendingRetry] = field(default_factory=dict)
    _said: FailureThrottle = field(default_factory=FailureThrottle)
    _recorded: dict[TaskKey, tuple[str, datetime]] = field(default_factory=dict)

    def add_failure(
        self, subject: TaskKey, why: str, moment: float, chance: float, *, away: bool
    ) -> PendingRetry:
        """Count a failure of a task and return its pause."""
        self._drop_abandoned(moment)
        before = self._waiting.get(subject)
        failures = before.failures + 1 if before else 1
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
        """Let a task wait for something that ends on its own; its count stays."""
        before = self._waiting.get(subject)
        self._waiting[subject] = PendingRetry(
            subject=subject,
            failures=before.failures if before else 0,
            same=before.same if before else 0,
            until=until,
            why=why,
        )

    def clear_failures(self, subject: TaskKey) -> bool:
        """Forget the failures of a task that succeeded; say whether it had a record."""
        self._waiting.pop(subject, None)
        return self._recorded.pop(subject, None) is not None

    def _drop_abandoned(self, moment: float) -> None:
        """Forget tasks that nobody tried although they could: their job is over."""
        oldest = moment - LONGEST_PAUSE.total_seconds()
        for subject in [s for s, one in self._waiting.items() if one.until < oldest]:
            self.clear_failures(subject)

    def count_same_cause(self, subject: TaskKey, why: str) -> int:
        """Return how many of a task's newest failures had this cause."""
        before = self._waiting.get(subject)
        is_same = before is not None and cause_of(before.why) == cause_of(why)
        return before.same if before and is_same else 0

    def should_log(self, subject: TaskKey, why: str, now: datetime) -> bool:
        """Say whether the log is to name a cause: once, and once an hour."""
        words = (subject.source, subject.task, subject.provider, cause_of(why))
        return self._said.record_failure(" ".join(words), now)

    def should_record(
        self, subject: TaskKey, why: str, now: datetime, next_try: datetime
    ) -> bool:
        """Say whether a job's history is to name a cause: once, and once an hour.

        Args:
            next_try: Nothing can be recorded before.
        """
        cause, at = self._recorded.get(subject, ("", now))
        if cause == cause_of(why) and next_try - at < _RECORD_AGAIN:
            return False
        self._recorded[subject] = (cause_of(why), now)
        return True

    def time_left(self, subject: TaskKey, moment: float) -> timedelta:
        """Return how long a task still waits; zero when it may be tried."""
        delay = self._waiting.get(subject)
        return timedelta(seconds=max(0.0, delay.until - moment) if delay else 0.0)

    def has_failed(self, subject: TaskKey) -> bool:
        """Say whether the last try of a task failed."""
        return subject in self._waiting

    def is_delayed(self, subject: TaskKey, moment: float) -> bool:
        """Say whether a task still waits."""
        return self.time_left(subject, moment) > timedelta(0)

    def of_tasks(self, *tasks: TaskKind) -> Sequence[PendingRetry]:
        """Return the delays of some kinds of task; without any, all of them."""
        found = self._waiting.values()
        return [one for one in found if not tasks or one.subject.task in tasks]

    def of_job(self, job: int) -> Sequence[PendingRetry]:
        """Return the delays of one job."""
        return [one for one in self._waiting.values() if one.subject.job == job]

    def next_retry_in(self, moment: float, *tasks: TaskKind) -> timedelta | None:
        """Return when the first of some kinds of task may be tried again."""
        left = [
            one.until - moment for one in self.of_tasks(*tasks) if one.until > moment
        ]
        return timedelta(seconds=min(left)) if left else None

    def release_after_outage(self, source: str) -> bool:
        """Notion answers again: what waited because of that is tried at once."""
        over = [
            subject
            for subject, delay in self._waiting.items()
            if delay.away and subject.source == source
        ]
        for subject in over:
            del self._waiting[subject]
        return bool(over)
