"""Runs one task per job and isolates their failures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from daemon.context import SourceContext, Sources
from daemon.generation import storage_guard
from daemon.jobs.postponement import end_delay, postpone_task
from daemon.notion.errors import NotionError, RequestRejectedError
from daemon.service.tasks import TaskKey, TaskKind
from db.errors import DatabaseError
from db.models import Job

_TROUBLE_PAUSE = timedelta(seconds=30)
#: Consecutive rejections of a request for the same reason, after which it is final.
_HOPELESS_AT = 3

JobStep: TypeAlias = Callable[[SourceContext, Job], Awaitable[None]]
GiveUpCallback: TypeAlias = Callable[[SourceContext, Job, str], Awaitable[None]]
FailureReporter: TypeAlias = Callable[[SourceContext, Job, Exception], bool]


@dataclass(slots=True)
class TaskPool:
    """Runs one step for several jobs at once.

    Attributes:
        task: The kind of task under which delays are counted.
        give_up: Called with the reason when Notion has rejected a request three times
            in a row for the same reason.
        ended: Called after each task, also after a failed one.
        tell: Called with each failure; returns True if it logs the failure itself.
        tasks: Running tasks, by job ID.
        jobs: Their jobs, as they were when the tasks started.
        dropped: A step failed before it moved its job, which must be requeued.
    """

    sources: Sources
    step: JobStep
    task: TaskKind | Callable[[Job], TaskKind]
    give_up: GiveUpCallback | None = None
    ended: Callable[[Job], None] = lambda _job: None
    tell: FailureReporter = lambda _source, _job, _error: False
    tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)
    dropped: bool = False

    def __len__(self) -> int:
        return len(self.tasks)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self.tasks

    def start(self, job: Job) -> None:
        """Start the step for a job; its end sets `Signals.kick`."""
        source = self.sources.by_name[job.source]
        self.jobs[job.id] = job
        name = f"{getattr(self.step, '__name__', 'step')} {job.id}"
        task = asyncio.create_task(self._run_step(source, job), name=name)
        self.tasks[job.id] = task
        # A task that is cancelled before its first step runs no `finally` of its own.
        task.add_done_callback(lambda _task: self._end_task(source, job))

    def _end_task(self, source: SourceContext, job: Job) -> None:
        del self.tasks[job.id], self.jobs[job.id]
        self.ended(job)
        source.app.signals.kick.set()

    def cancel_source(self, source: str) -> None:
        """Cancel all tasks of a source."""
        for job_id, job in self.jobs.items():
            if job.source == source:
                self.tasks[job_id].cancel()

    def is_delayed(self, job: Job) -> bool:
        """Return True while a job waits for its next try after a failure."""
        app = self.sources.app
        return app.retry_schedule.is_delayed(self.task_key(job), app.clock.elapsed())

    def has_failed(self, job: Job) -> bool:
        """Return True if a job's last try failed."""
        return self.sources.app.retry_schedule.has_failed(self.task_key(job))

    def task_key(self, job: Job) -> TaskKey:
        """Return the key under which the delays of a job's step are counted."""
        task = self.task(job) if callable(self.task) else self.task
        return TaskKey(task, job.source, job.id)

    async def _run_step(self, source: SourceContext, job: Job) -> None:
        """Run the step; delay the job's next try after any failure."""
        app, task_key = source.app, self.task_key(job)
        try:
            await self.step(source, job)
        except NotionError as error:
            await self._handle_failure(source, job, error)
        except Exception as error:  # noqa: BLE001 - it is logged there
            self.dropped = True
            if not storage_guard.is_storage_error(error):
                await self._handle_failure(source, job, error)
                return
            # A storage outage is logged once for all jobs.
            storage_guard.log_outage(app, error)
            until = app.clock.elapsed() + _TROUBLE_PAUSE.total_seconds()
            app.retry_schedule.hold_until(task_key, str(error), until)
        else:
            await end_delay(app, task_key, job)

    async def _handle_failure(
        self, source: SourceContext, job: Job, error: Exception
    ) -> None:
        task_key = self.task_key(job)
        try:
            is_told = self.tell(source, job, error)
            delay = await postpone_task(source, task_key, error, job, is_told=is_told)
            is_hopeless = isinstance(error, RequestRejectedError)
            if self.give_up and is_hopeless and delay.same >= _HOPELESS_AT:
                await self.give_up(source, job, delay.why)
                source.app.retry_schedule.clear_failures(task_key)
        # The delay has begun and the failure is logged; only this write is missing.
        except DatabaseError as write_error:
            source.log.debug("database.failed", summary=str(write_error), job=job.id)
