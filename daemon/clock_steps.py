"""Shifts stored times when the wall clock is set, to keep the waiting times."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from daemon.clock import Clock
from daemon.context import SourceContext
from daemon.jobs import breaker_store
from db import jobs, queue
from db.engine import Tx
from db.models import Job
from db.states import JobEventType, JobState
from providers.breaker import Breaker
from providers.outcomes import Outcome

#: Time synchronisation adjusts a clock by less at a time.
TOLERANCE = timedelta(seconds=2)
_NONE = timedelta()


@dataclass(slots=True)
class ClockSteps:
    """Detects a step of the wall clock, and shifts the stored times by it."""

    clock: Clock
    _drift: timedelta = _NONE
    _has_looked: bool = False
    _looked_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._looked_at = self.clock.steady_now()

    async def adjust_stored_times(self, source: SourceContext) -> None:
        """Log a step of the clock, and shift the stored times of a single daemon.

        The daemons of a cluster have different clocks, so none of them shifts times.
        """
        is_first, self._has_looked = not self._has_looked, True
        step, now = self.measure_step(), source.app.now()
        last_look = self.clock.to_wall_time(self._looked_at)
        self._looked_at = self.clock.steady_now()
        if step:
            direction = "forward" if step > _NONE else "back"
            size = timedelta(seconds=round(abs(step).total_seconds()))
            source.app.log.warning(
                "clock.set", summary=f"This machine's clock was set {size} {direction}"
            )
        if source.app.instance.id or not (step or is_first):
            return
        # Without a step, only times that an earlier process stored can be wrong.
        since = None if step else now + TOLERANCE
        async with source.app.db.read_transaction() as tx:
            waiting = await queue.list_jobs(
                tx, [JobState.QUEUED, JobState.UPLOADING], moved_after=since
            )
        if not (step or waiting):
            return
        async with source.app.db.write_transaction() as tx:
            # Rows written since the last call already use the new clock.
            older = [job for job in waiting if not last_look <= job.moved_at <= now]
            await _shift_jobs(tx, older, step, now)
            await _shift_breakers(tx, source, step, now)

    def measure_step(self) -> timedelta:
        """Return how far the wall clock was set since the last call, or zero."""
        drift = self.clock.now() - self.clock.steady_now()
        step = drift - self._drift
        if abs(step) < TOLERANCE:
            return _NONE
        self._drift = drift
        return step


async def _shift_jobs(
    tx: Tx, waiting: list[Job], step: timedelta, now: datetime
) -> None:
    for job in waiting:
        due_at, since = due_after_step(job, step, now), job.first_waited_at
        if due_at == job.due_at:
            continue
        await jobs.apply_event(
            tx,
            job,
            JobEventType.SNOOZED,
            now=now,
            why="the clock was set",
            due_at=due_at,
            first_waited_at=min(since + step, now) if since else None,
        )


async def _shift_breakers(
    tx: Tx, source: SourceContext, step: timedelta, now: datetime
) -> None:
    for before in (await breaker_store.load_breakers(tx, source.providers)).values():
        after = breaker_after_step(before, step, now)
        if after != before:
            await breaker_store.save_breaker(tx, after)


def due_after_step(job: Job, step: timedelta, now: datetime) -> datetime:
    """Return when a job is due, after the clock was set by *step* to *now*; pure."""
    # The job still waited when the clock was set, so its waiting time stays the same.
    if step and job.due_at > now - step:
        return job.due_at + step
    # The job was due already, and would not be by the new clock.
    if step and job.due_at > now:
        return now
    # An earlier process delayed the job by a clock that was ahead.
    if job.moved_at > now + TOLERANCE and job.due_at > now:
        return now + max(_NONE, job.due_at - job.moved_at)
    return job.due_at


def breaker_after_step(breaker: Breaker, step: timedelta, now: datetime) -> Breaker:
    """Return a breaker whose remaining waiting times are unchanged; pure."""
    old_now = now - step

    def shift(time: datetime | None) -> datetime | None:
        return time + step if time is not None and time > old_now else time

    # Credits are renewed by the calendar, not after a waiting time.
    if breaker.reason is Outcome.CREDITS:
        return breaker
    return replace(
        breaker, until=shift(breaker.until), probe_until=shift(breaker.probe_until)
    )
