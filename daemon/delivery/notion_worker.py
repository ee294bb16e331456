"""Runs the tasks that call Notion: pending writes, uploads, re-reads of pages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from daemon.context import SourceContext, Sources, earliest_time
from daemon.delivery.deliver_job import abandon_upload, upload_images
from daemon.delivery.outbox import send_pending_write
from daemon.generation.task_pool import TaskPool
from daemon.jobs.job_log import RefusedUnticks
from daemon.notion.errors import PageUnreachableError, WriteRefusedError
from daemon.service.tasks import PendingRetry, TaskKind
from daemon.sync.revalidate import revalidate_page
from db import queue
from db.engine import Tx
from db.models import Job
from db.states import JobState

#: Tasks that run at the same time.
_MAX_UPLOADS = 8
_MAX_WRITES = 8


def _pending_write_task(job: Job) -> TaskKind:
    return TaskKind.UNTICK if job.pending_write == "untick" else TaskKind.NOTE


@dataclass(slots=True)
class NotionWorker:
    """Runs pending writes, uploads and re-reads of the sources this daemon leads.

    Attributes:
        uploading: Tasks that put images on pages.
        paying: Tasks that send un-ticks and notes.
        reading: Tasks that read a page again before its job is claimed.
    """

    sources: Sources
    uploading: TaskPool = field(init=False)
    paying: TaskPool = field(init=False)
    reading: TaskPool = field(init=False)
    _refused_boxes: RefusedUnticks = field(default_factory=RefusedUnticks)

    def __post_init__(self) -> None:
        self.uploading = TaskPool(
            self.sources, upload_images, TaskKind.UPLOAD, abandon_upload
        )
        self.paying = TaskPool(
            self.sources,
            send_pending_write,
            _pending_write_task,
            tell=self._collect_refused_untick,
        )
        self.reading = TaskPool(self.sources, revalidate_page, TaskKind.READ)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """All running tasks."""
        return [task for pool in self._pools for task in pool.tasks.values()]

    @property
    def _pools(self) -> Sequence[TaskPool]:
        return self.uploading, self.paying, self.reading

    async def start_due_tasks(self, tx: Tx) -> datetime | None:
        """Start the tasks that are due; return when the next one is, or None.

        A source is left out until its first poll, which loads its schema, and while
        Notion is unavailable.  The poll that reaches Notion again sets `kick`.
        """
        sources = [
            source.name
            for source in self.sources.led
            if source.state.schema and not source.notion_backoff.why
        ]
        if not sources:
            return None
        await self._start_pending_writes(tx, sources)
        return earliest_time(
            [await self._start_uploads(tx, sources), self._next_retry_at()]
        )

    def reread_pages(self, waiting: Iterable[Job]) -> None:
        """Start to read the pages of these jobs again."""
        for job in waiting:
            if job.id not in self.reading and not self.reading.is_delayed(job):
                self.reading.start(job)

    def stop_lost_sources(self) -> None:
        """Cancel the tasks of sources that another daemon leads now."""
        for source in self.sources:
            if not source.state.is_leader:
                for pool in self._pools:
                    pool.cancel_source(source.name)

    async def _start_pending_writes(self, tx: Tx, sources: list[str]) -> None:
        limit = _MAX_WRITES + len(self._delays_of(TaskKind.UNTICK, TaskKind.NOTE))
        pending = await queue.with_pending_writes(tx, sources, limit=limit)
        for job in pending:
            # An upload writes the same page, and the later write must come last.
            if (
                len(self.paying) < _MAX_WRITES
                and job.id not in self.paying
                and job.id not in self.uploading
                and not self.paying.is_delayed(job)
            ):
                self.paying.start(job)
        # All refusals are logged in one line, once each write was tried.
        if all(self.paying.has_failed(job) for job in pending):
            for source in self.sources:
                self._refused_boxes.log_refusals(source, source.name)

    def _collect_refused_untick(
        self, source: SourceContext, job: Job, error: Exception
    ) -> bool:
        """Collect a refused un-tick for the log line about all of them.

        Returns:
            Whether the failure is one of these.
        """
        is_refused = isinstance(error, WriteRefusedError | PageUnreachableError)
        if job.pending_write != "untick" or not is_refused:
            return False
        times = source.app.retry_schedule.count_same_cause(
            self.paying.task_key(job), str(error)
        )
        # A 404 counts from its second time, as a poll may show that the page is gone.
        if times == isinstance(error, PageUnreachableError):
            self._refused_boxes.add(job, str(error))
        return True

    async def _start_uploads(self, tx: Tx, sources: list[str]) -> datetime | None:
        now = self.sources.app.now()
        limit = _MAX_UPLOADS * 2 + len(self._delays_of(TaskKind.UPLOAD))
        for job in await queue.list_uploading(tx, now, sources, limit=limit):
            if (
                len(self.uploading) < _MAX_UPLOADS
                and job.id not in self.uploading
                and not self._is_note_pending(job)
                and not self.uploading.is_delayed(job)
            ):
                self.uploading.start(job)
        return await queue.next_due_at(tx, JobState.UPLOADING, now, sources)

    def _is_note_pending(self, job: Job) -> bool:
        return job.id in self.paying and job.pending_write == "waiting"

    def _delays_of(self, *tasks: TaskKind) -> Sequence[PendingRetry]:
        return self.sources.app.retry_schedule.of_tasks(*tasks)

    def _next_retry_at(self) -> datetime | None:
        """Return when the next failed task may be tried again."""
        app = self.sources.app
        kinds = (TaskKind.UPLOAD, TaskKind.UNTICK, TaskKind.NOTE, TaskKind.READ)
        delay = app.retry_schedule.next_retry_in(app.clock.elapsed(), *kinds)
        return app.now() + delay if delay is not None else None
