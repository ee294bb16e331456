"""What is owed to Notion: un-ticks and notes, images, and pages to be read again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from daemon.context import SourceContext
from daemon.delivery.deliver_job import abandon_upload, upload_images
from daemon.delivery.outbox import send_pending_write
from daemon.generation.task_pool import TaskPool
from daemon.jobs.refusal_log import RefusedUnticks
from daemon.notion.errors import PageUnreachableError, WriteRefusedError
from daemon.service.task_delays import PendingRetry, TaskKind
from daemon.sources import Sources, earliest_time
from daemon.sync.revalidate import revalidate_page
from db import queue
from db.engine import Tx
from db.models import Job
from db.states import JobState

_UPLOADS = 8
_DEBTS = 8


def _pending_write_task(job: Job) -> TaskKind:
    return TaskKind.UNTICK if job.owed == "untick" else TaskKind.NOTE


@dataclass(slots=True)
class NotionWorker:
    """Brings Notion what it is owed, for the sources it is we who speak for."""

    flows: Sources
    uploading: TaskPool = field(init=False)
    paying: TaskPool = field(init=False)
    reading: TaskPool = field(init=False)
    _refused_boxes: RefusedUnticks = field(default_factory=RefusedUnticks)

    def __post_init__(self) -> None:
        self.uploading = TaskPool(
            self.flows, upload_images, TaskKind.UPLOAD, abandon_upload
        )
        self.paying = TaskPool(
            self.flows,
            send_pending_write,
            _pending_write_task,
            tell=self._collect_refused_untick,
        )
        self.reading = TaskPool(self.flows, revalidate_page, TaskKind.READ)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """All that is under way."""
        every = (self.uploading, self.paying, self.reading)
        return [task for workers in every for task in workers.tasks.values()]

    async def start_due_tasks(self, tx: Tx) -> datetime | None:
        """Start what can start; return when to look again if nothing kicks before."""
        # Not before it has answered once: its columns are not known until then.
        ours = [flow for flow in self.flows if flow.speaks and flow.schema]
        # Away: the poll asks whether it is back, and wakes everybody.
        sources = [one.plan.source for one in ours if not one.outage.why]
        if not sources:
            return None
        await self._start_pending_writes(tx, sources)
        return earliest_time(
            [await self._start_uploads(tx, sources), self._next_retry_at()]
        )

    def reread_pages(self, waiting: Iterable[Job]) -> None:
        """Read the pages of these jobs again."""
        for job in waiting:
            if job.id not in self.reading and not self.reading.is_delayed(job):
                self.reading.start(job)

    def stop_lost_sources(self) -> None:
        """Leave everything as it is where it is somebody else now who speaks."""
        for flow in self.flows:
            if not flow.speaks:
                for workers in (self.uploading, self.paying, self.reading):
                    workers.cancel_source(flow.plan.source)

    async def _start_pending_writes(self, tx: Tx, sources: list[str]) -> None:
        most = _DEBTS + len(self._delays_of(TaskKind.UNTICK, TaskKind.NOTE))
        owing = await queue.with_pending_writes(tx, sources, limit=most)
        for job in owing:
            free = len(self.paying) < _DEBTS and job.id not in self.paying
            # One write a page at a time: the later one is to be seen last.
            if (
                free
                and job.id not in self.uploading
                and not self.paying.is_delayed(job)
            ):
                self.paying.start(job)
        # Fifty at once are one line: only when each of them was tried.
        if all(self.paying.has_failed(job) for job in owing):
            for flow in self.flows:
                self._refused_boxes.log_refusals(flow, flow.plan.source)

    def _collect_refused_untick(
        self, flow: SourceContext, job: Job, error: Exception
    ) -> bool:
        """Keep a refused box for the one line about all of them."""
        is_refused = isinstance(error, WriteRefusedError | PageUnreachableError)
        if job.owed != "untick" or not is_refused:
            return False
        times = flow.delays.count_same_cause(self.paying.task_key(job), str(error))
        # A 404 is only believed when a poll lists the page all the same.
        if times == isinstance(error, PageUnreachableError):
            self._refused_boxes.add(job, str(error))
        return True

    async def _start_uploads(self, tx: Tx, sources: list[str]) -> datetime | None:
        now = self.flows.first.now()
        most = _UPLOADS * 2 + len(self._delays_of(TaskKind.UPLOAD))
        for job in await queue.list_uploading(tx, now, sources, limit=most):
            free = len(self.uploading) < _UPLOADS and job.id not in self.uploading
            if (
                free
                and not self._is_note_pending(job)
                and not self.uploading.is_delayed(job)
            ):
                self.uploading.start(job)
        return await queue.next_due_at(tx, JobState.UPLOADING, now, sources)

    def _is_note_pending(self, job: Job) -> bool:
        return job.id in self.paying and job.owed == "waiting"

    def _delays_of(self, *tasks: TaskKind) -> Sequence[PendingRetry]:
        return self.flows.first.delays.of_tasks(*tasks)

    def _next_retry_at(self) -> datetime | None:
        """Return when the first of the tasks that failed may be tried again."""
        flow = self.flows.first
        kinds = (TaskKind.UPLOAD, TaskKind.UNTICK, TaskKind.NOTE, TaskKind.READ)
        left = flow.delays.next_retry_in(flow.clock.elapsed(), *kinds)
        return flow.now() + left if left is not None else None
