"""Follows a wall clock that is set: what waits is neither delayed nor hurried by it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from daemon.clock import Clock
from daemon.context import SourceContext
from daemon.jobs import breaker_store
from db import jobs
from db.engine import Tx
from db.models import Job
from db.states import JobEventType
from providers.breaker import Breaker
from providers.outcomes import Outcome

#: Clocks that are kept right are moved by less, a little at a time.
TOLERANCE = timedelta(seconds=2)
_NONE = timedelta()


@dataclass(slots=True)
class ClockSteps:
    """Notices that the wall clock was set, and moves the stored times as far."""

    clock: Clock
    _drift: timedelta = _NONE
    _has_looked: bool = False
    _looked_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._looked_at = self.clock.steady_now()

    async def adjust_stored_times(self, flow: SourceContext) -> None:
        """Look once; of several daemons on one database each has its own clock."""
        first, self._has_looked = not self._has_looked, True
        step, now = self.measure_step(), flow.now()
        last_look = self.clock.to_wall_time(self._looked_at)
        self._looked_at = self.clock.steady_now()
        if step:
            words = f"{abs(step)} {'forward' if step > _NONE else 'back'}"
            flow.shared_log.warning(
                "clock.set", summary=f"This machine's clock was set {words}"
            )
        if flow.who or not (step or first):
            return
        # Without a step, only what an earlier process stored can be wrong.
        since = None if step else now + TOLERANCE
        async with flow.db.read_transaction() as tx:
            waiting = await jobs.list_waiting(tx, moved_after=since)
        if not (step or waiting):
            return
        async with flow.db.write_transaction() as tx:
            # What was written since the last look goes by the new clock already.
            older = [job for job in waiting if not last_look <= job.moved_at <= now]
            await _shift_jobs(tx, older, step, now)
            await _shift_breakers(tx, flow, step, now)

    def measure_step(self) -> timedelta:
        """Return by how much the wall clock was set since the last look."""
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
        due_at, since = due_after_step(job, step, now), job.waited_since
        if due_at == job.due_at:
            continue
        await jobs.apply_event(
            tx,
            job,
            JobEventType.SNOOZED,
            now=now,
            why="the clock was set",
            due_at=due_at,
            waited_since=min(since + step, now) if since else None,
        )


async def _shift_breakers(
    tx: Tx, flow: SourceContext, step: timedelta, now: datetime
) -> None:
    for found in (await breaker_store.load_breakers(tx, flow)).values():
        moved = breaker_after_step(found, step, now)
        if moved != found:
            await breaker_store.save_breaker(tx, moved)


def due_after_step(job: Job, step: timedelta, now: datetime) -> datetime:
    """Return when a job is due, after the clock was set by *step* to *now*; pure."""
    # It still waited when the clock was set: for as long as it would have.
    if step and job.due_at > now - step:
        return job.due_at + step
    # It was due already, and by the new clock it would not be.
    if step and job.due_at > now:
        return now
    # It was told to wait by a clock that was ahead, before the daemon was started.
    if job.moved_at > now + TOLERANCE and job.due_at > now:
        return now + max(_NONE, job.due_at - job.moved_at)
    return job.due_at


def breaker_after_step(found: Breaker, step: timedelta, now: datetime) -> Breaker:
    """Return a breaker whose pauses go on for as long as they would have; pure."""
    before = now - step

    def moved(time: datetime | None) -> datetime | None:
        return time + step if time is not None and time > before else time

    # Credits come back by the calendar, not after a pause.
    if found.reason is Outcome.CREDITS:
        return found
    return replace(
        found, until=moved(found.until), probe_until=moved(found.probe_until)
    )
