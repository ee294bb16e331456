"""Tasks, one a job: what breaks one of them does not break the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

from daemon.context import SourceContext
from daemon.generation import storage_guard
from daemon.jobs.postponement import end_delay, postpone_task
from daemon.notion.errors import NotionError, RequestRejectedError
from daemon.service.task_delays import TaskKey, TaskKind
from daemon.sources import Sources
from db.errors import DatabaseError
from db.models import Job

_TROUBLE_PAUSE = timedelta(seconds=30)
#: The same refusal of what we sent, so many times in a row: no other try would help.
_HOPELESS_AT = 3

JobStep: TypeAlias = Callable[[SourceContext, Job], Awaitable[None]]
GiveUpCallback: TypeAlias = Callable[[SourceContext, Job, str], Awaitable[None]]
FailureReporter: TypeAlias = Callable[[SourceContext, Job, Exception], bool]


def _report_nothing(_flow: SourceContext, _job: Job, _error: Exception) -> bool:
    """Leave it to the log of the pauses."""
    return False


def _do_nothing(_job: Job) -> None:
    """What most have to tidy up."""


@dataclass(slots=True)
class TaskPool:
    """Does one step for several jobs at once.

    Attributes:
        task: What the step is called where its pauses are counted.
        give_up: If given, called with its words when the same refusal came too often.
        tell: Called with each failure; says whether it speaks of it in the log.
        tasks: By job id.
        dropped: A worker ended in the middle: nobody else puts its job back.
        ended: Called after each, however it ended.
    """

    flows: Sources
    step: JobStep
    task: TaskKind | Callable[[Job], TaskKind]
    give_up: GiveUpCallback | None = None
    ended: Callable[[Job], None] = _do_nothing
    tell: FailureReporter = _report_nothing
    tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _sources: dict[int, str] = field(default_factory=dict)
    dropped: bool = False

    def __len__(self) -> int:
        return len(self.tasks)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self.tasks

    def start(self, job: Job) -> None:
        """Begin; `SourceContext.kick` is set when it has ended."""
        flow = self.flows.by_source[job.source]

        async def run() -> None:
            try:
                await self._run_step(flow, job)
            finally:
                self.tasks.pop(job.id, None)
                self._sources.pop(job.id, None)
                self.ended(job)
                flow.kick.set()

        self._sources[job.id] = job.source
        name = getattr(self.step, "__name__", "step")
        self.tasks[job.id] = asyncio.create_task(run(), name=f"{name} {job.id}")

    def cancel_source(self, source: str) -> None:
        """Cut off the work of a source."""
        for job_id, of in self._sources.items():
            if of == source:
                self.tasks[job_id].cancel()

    def is_delayed(self, job: Job) -> bool:
        """Say whether a job's last try failed, and its pause lasts."""
        flow = self.flows.first
        return flow.delays.is_delayed(self.task_key(job), flow.clock.elapsed())

    def has_failed(self, job: Job) -> bool:
        """Say whether a job's last try failed."""
        return self.flows.first.delays.has_failed(self.task_key(job))

    def task_key(self, job: Job) -> TaskKey:
        """Return what the pauses of a job's step are counted for."""
        task = self.task(job) if callable(self.task) else self.task
        return TaskKey(task, job.source, job.id)

    async def _run_step(self, flow: SourceContext, job: Job) -> None:
        """Do the step; whatever it fails with, the next try has to wait."""
        try:
            await self.step(flow, job)
        except NotionError as error:
            await self._handle_failure(flow, job, error)
        except Exception as error:  # noqa: BLE001 - it is logged there
            self.dropped = True
            # It ends on its own, and `storage` speaks of it.
            if storage_guard.is_storage_error(error):
                storage_guard.log_outage(flow, error)
                until = flow.clock.elapsed() + _TROUBLE_PAUSE.total_seconds()
                flow.delays.hold_until(self.task_key(job), str(error), until)
            # One job must not take the others with it.
            else:
                await self._handle_failure(flow, job, error)
        else:
            await end_delay(flow, self.task_key(job), job)

    async def _handle_failure(
        self, flow: SourceContext, job: Job, error: Exception
    ) -> None:
        try:
            is_told = self.tell(flow, job, error)
            delay = await postpone_task(
                flow, self.task_key(job), error, job, is_told=is_told
            )
            is_hopeless = isinstance(error, RequestRejectedError)
            if self.give_up and is_hopeless and delay.same >= _HOPELESS_AT:
                await self.give_up(flow, job, delay.why)
                flow.delays.clear_failures(self.task_key(job))
        # Its pause has begun, and what failed is in the log.
        except DatabaseError as unwritten:
            flow.log.debug("database.failed", summary=str(unwritten), job=job.id)
