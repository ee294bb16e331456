"""Runs the tasks that call Notion: pending writes, uploads, re-reads of pages."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from daemon.context import SourceContext, Sources, earliest_time
from daemon.delivery.deliver_job import abandon_upload, upload_images
from daemon.delivery.outbox import send_pending_write, tell_pages
from daemon.generation.task_pool import TaskPool
from daemon.jobs.job_log import RefusedUnticks
from daemon.jobs.postponement import end_delay, postpone_task
from daemon.jobs.retry_policy import TELL_AFTER
from daemon.notion.errors import PageUnreachableError, WriteRefusedError
from daemon.notion.model import Role, Status
from daemon.service.tasks import PendingRetry, TaskKey, TaskKind
from daemon.sync.revalidate import revalidate_page
from db import queue
from db.engine import Tx
from db.models import Job
from db.states import JobState

#: Tasks that run at the same time.
_MAX_UPLOADS = 8
_MAX_WRITES = 8
#: Pages whose status is written after one search.
_TOLD_TOGETHER = 20
#: Posts that show that they wait for approval, by `posts.approve_above`.
_APPROVALS = 4
#: Shortest time between two searches for pages whose status should change.
_TELL_INTERVAL = timedelta(seconds=1)


def _pending_write_task(job: Job) -> TaskKind:
    return TaskKind.UNTICK if job.pending_write == "untick" else TaskKind.NOTE


@dataclass(slots=True)
class NotionWorker:
    """Runs pending writes, uploads and re-reads of the sources this daemon leads.

    Attributes:
        uploading: Tasks that put images on pages.
        paying: Tasks that send un-ticks and notes.
        reading: Tasks that read a page again before its job is claimed.
        telling: Tasks that write statuses, one page at a time, by source.
    """

    sources: Sources
    uploading: TaskPool = field(init=False)
    paying: TaskPool = field(init=False)
    reading: TaskPool = field(init=False)
    telling: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _refused_boxes: RefusedUnticks = field(default_factory=RefusedUnticks)
    _searched_at: float = -math.inf

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
        of_jobs = [task for pool in self._pools for task in pool.tasks.values()]
        return [*of_jobs, *self.telling.values()]

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
            [
                await self._start_uploads(tx, sources),
                await self._start_telling(tx, sources),
                self._next_retry_at(),
            ]
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
                if source.name in self.telling:
                    self.telling[source.name].cancel()

    async def _start_pending_writes(self, tx: Tx, sources: list[str]) -> None:
        limit = _MAX_WRITES + len(self._delays_of(TaskKind.UNTICK, TaskKind.NOTE))
        pending = await queue.with_pending_writes(tx, sources, limit=limit)
        for job in pending:
            # An upload writes the same page, and the later write must come last.
            if (
                len(self.paying) < _MAX_WRITES
                and job.id not in self.paying
                and job.id not in self.uploading
                and not self._is_being_told(job)
                and not self.paying.is_delayed(job)
            ):
                self.paying.start(job)
        # All refusals are logged in one line, once each write was tried.
        if all(self.paying.has_failed(job) for job in pending):
            for source in self.sources:
                self._refused_boxes.log_refusals(source)

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
                and not self._is_being_told(job)
                and not self.uploading.is_delayed(job)
            ):
                self.uploading.start(job)
        return await queue.next_due_at(tx, JobState.UPLOADING, now, sources)

    def _is_note_pending(self, job: Job) -> bool:
        written = self.paying.jobs.get(job.id)
        return written is not None and written.pending_write != "untick"

    def _is_being_told(self, job: Job) -> bool:
        return self.sources.by_name[job.source].state.told_page == job.page_id

    def _is_being_written(self, job_id: int) -> bool:
        return job_id in self.paying or job_id in self.uploading

    async def _start_telling(self, tx: Tx, sources: list[str]) -> datetime | None:
        """Start to write statuses; return when to search for more."""
        app = self.sources.app
        now, moment = app.now(), app.clock.monotonic()
        if moment - self._searched_at < _TELL_INTERVAL.total_seconds():
            return now + _TELL_INTERVAL
        self._searched_at = moment
        for name in sources:
            source, key = self.sources.by_name[name], TaskKey(TaskKind.NOTE, name)
            is_delayed = app.retry_schedule.is_delayed(key, app.clock.elapsed())
            if name in self.telling or is_delayed:
                continue
            if page_ids := await _list_pages_to_tell(tx, source):
                work = self._tell_pages(source, page_ids)
                task = asyncio.create_task(work, name=f"tell {name}")
                self.telling[name] = task
                task.add_done_callback(partial(self._end_telling, source))
        waiting_since = now - TELL_AFTER
        next_due = earliest_time(
            [
                await queue.next_due_at(tx, state, waiting_since, sources)
                for state in (JobState.QUEUED, JobState.GENERATING)
            ]
        )
        return next_due + TELL_AFTER if next_due is not None else None

    async def _tell_pages(self, source: SourceContext, page_ids: Sequence[str]) -> None:
        key = TaskKey(TaskKind.NOTE, source.name)
        try:
            await tell_pages(source, page_ids, self._is_being_written)
        # Any error delays the next try, which would else start immediately.
        except Exception as error:  # noqa: BLE001 - postpone_task logs it
            await postpone_task(source, key, error)
        else:
            await end_delay(source.app, key)

    def _end_telling(self, source: SourceContext, _task: asyncio.Task[None]) -> None:
        del self.telling[source.name]
        self._searched_at = -math.inf
        source.app.signals.kick.set()

    def _delays_of(self, *tasks: TaskKind) -> Sequence[PendingRetry]:
        return self.sources.app.retry_schedule.of_tasks(*tasks)

    def _next_retry_at(self) -> datetime | None:
        """Return when the next failed task may be tried again."""
        app = self.sources.app
        kinds = (TaskKind.UPLOAD, TaskKind.UNTICK, TaskKind.NOTE, TaskKind.READ)
        delay = app.retry_schedule.next_retry_in(app.clock.elapsed(), *kinds)
        return app.now() + delay if delay is not None else None


async def _list_pages_to_tell(tx: Tx, source: SourceContext) -> list[str]:
    """Return the IDs of some pages whose status should change, most urgent first."""
    # Without a status, only notes about a wait that has ended are cleared.
    can_tell = Role.STATUS in source.known_schema.roles
    # A sweep comes to the newest posts last, and they are told first.
    can_approve = can_tell and not source.state.is_sweeping
    return await queue.list_wrong_statuses(
        tx,
        source.name,
        due_before=source.app.now() - TELL_AFTER if can_tell else None,
        told=[Status.QUEUED, Status.WAITING],
        approval=Status.APPROVAL,
        slots=source.options.posts.approve_above * _APPROVALS if can_approve else 0,
        limit=_TOLD_TOGETHER,
    )
