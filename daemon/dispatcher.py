"""Starts the tasks that are due, and returns when to look again.

One `tick` reads the queue and starts tasks without waiting for them.  Every task that
ends, and every change, sets `SourceContext.kick` to wake the work loop.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.clock_steps import ClockSteps
from daemon.context import AppContext, SourceContext, Sources, earliest_time
from daemon.delivery.notion_worker import NotionWorker
from daemon.generation import card_replacement, selection, storage_guard
from daemon.generation.account_check import AccountSchedule
from daemon.generation.generate_job import generate_images
from daemon.generation.selection import Selection
from daemon.generation.task_pool import TaskPool
from daemon.jobs import job_log
from daemon.jobs.breaker_store import check_health
from daemon.jobs.lifecycle import requeue_job
from daemon.jobs.postponement import end_delay, next_try_at, postpone_task
from daemon.service.tasks import FIRST_PAUSE, TaskKey, TaskKind
from db import queue, source_state
from db.engine import Tx
from db.errors import DatabaseError
from db.models import Job
from db.states import JobEventType

_DISK_PAUSE = timedelta(seconds=30)
#: Time between two reads of the queue while all workers are busy.
_BUSY_INTERVAL = timedelta(seconds=1)


@dataclass(slots=True)
class Dispatcher:
    """Runs the jobs of all sources; one per process.

    Attributes:
        notion_worker: Runs the tasks that call Notion.
        generating: Runs the jobs in `generating`.
        claimed_providers: The provider each of these jobs was claimed for, by job ID.
        health_checks: Running health checks, by provider, or "images.store".
        patience: Seconds that tasks other than paid calls may take to end at a stop.
    """

    sources: Sources
    notion_worker: NotionWorker = field(init=False)
    generating: TaskPool = field(init=False)
    claimed_providers: dict[int, str] = field(default_factory=dict)
    health_checks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    patience: float = 20.0
    clock_steps: ClockSteps = field(init=False)
    accounts: AccountSchedule = field(init=False)
    _looked_at: float = -math.inf

    def __post_init__(self) -> None:
        self.clock_steps = ClockSteps(self.app.clock)
        self.accounts = AccountSchedule(self.sources)
        self.notion_worker = NotionWorker(self.sources)
        self.generating = TaskPool(
            self.sources,
            generate_images,
            TaskKind.GENERATE,
            ended=self._on_generation_ended,
        )

    @property
    def app(self) -> AppContext:
        """What all sources share."""
        return self.sources.app

    @property
    def source(self) -> SourceContext:
        """The context of the first source, for what all sources share."""
        return self.sources.first

    async def tick(self) -> datetime | None:
        """Start what can start; return when to call again if nothing sets `kick`."""
        if self.app.signals.stopping.is_set():
            return None
        await self.clock_steps.adjust_stored_times(self.source)
        self.notion_worker.stop_lost_sources()
        if self.generating.dropped:
            await self._requeue_dropped()
        for name, check in self.accounts.due_checks():
            self._spawn_check(name, check)
        # One transaction, so that all decisions are based on the same state.
        async with self.app.db.read_transaction() as tx:
            await self._cancel_withdrawn(tx)
            notion_due = await self.notion_worker.start_due_tasks(tx)
            picked = await self._select_jobs(tx)
        check_in = self.app.retry_schedule.next_retry_in(
            self.app.clock.elapsed(), TaskKind.CHECK
        )
        check_at = self.app.now() + check_in if check_in is not None else None
        return earliest_time(
            [notion_due, check_at, await self._start_generations(picked)]
        )

    @property
    def is_busy(self) -> bool:
        """True while a task is running."""
        return any(self._all_tasks())

    def _all_tasks(self) -> list[asyncio.Task[None]]:
        return [
            *self.generating.tasks.values(),
            *self.notion_worker.tasks,
            *self.health_checks.values(),
        ]

    async def drain(self) -> None:
        """Wait until all tasks have ended, after `stopping` was set.

        Paid calls may end in their own time.  The other tasks are cancelled after
        `patience` seconds; the next start resumes them.
        """
        while self.generating.tasks:
            await asyncio.wait(self.generating.tasks.values())
        if self.is_busy:
            await asyncio.wait(self._all_tasks(), timeout=self.patience)
        self.abort()
        while self.is_busy:
            await asyncio.wait(self._all_tasks())

    def abort(self) -> None:
        """Cancel all tasks; paid calls are recorded as cut off."""
        for task in self._all_tasks():
            task.cancel()

    def _on_generation_ended(self, job: Job) -> None:
        self.claimed_providers.pop(job.id, None)
        self.app.signals.cancellations.pop(job.id, None)

    async def _cancel_withdrawn(self, tx: Tx) -> None:
        """Cancel the remote jobs of jobs that were cancelled while running."""
        if not self.generating:
            return
        wanted = await queue.generating_ids(tx, self.app.instance.id)
        for job_id in self.generating.tasks.keys() - wanted:
            self.app.signals.cancellation_token(job_id).withdrawn.set()

    async def _requeue_dropped(self) -> None:
        """Requeue claimed jobs whose task failed before it could move them."""
        why = "its task failed"
        async with self.app.db.write_transaction() as tx:
            now = self.app.now()
            for job in await queue.list_claimed(tx, [self.app.instance.id]):
                if job.id not in self.generating:
                    delay = self.app.retry_schedule.time_left(
                        self.generating.task_key(job), self.app.clock.elapsed()
                    )
                    due = now + (delay or FIRST_PAUSE)
                    await requeue_job(
                        tx, job, JobEventType.RESCUED, now=now, why=why, due_at=due
                    )
        self.generating.dropped = False

    def _health_check(self, name: str) -> None:
        self._spawn_check(
            name, lambda: check_health(self.source.app, self.source.providers[name])
        )

    def _spawn_check(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        source = self.source
        task_key = TaskKey(TaskKind.CHECK, source.name, provider=name)
        is_delayed = self.app.retry_schedule.is_delayed(
            task_key, self.app.clock.elapsed()
        )
        if name in self.health_checks or is_delayed:
            return

        async def run() -> None:
            try:
                await work()
            # Any error delays the next check, which would else start immediately.
            except Exception as error:  # noqa: BLE001 - postpone_task logs it
                await postpone_task(source, task_key, error)
            else:
                await end_delay(source.app, task_key)
            finally:
                self.health_checks.pop(name, None)
                self.app.signals.kick.set()

        self.health_checks[name] = asyncio.create_task(run(), name=f"check {name}")

    async def _select_jobs(self, tx: Tx) -> Selection:
        # What is included decides what is charged; the end of the check sets `kick`.
        if self.accounts.is_first_pending:
            return Selection(shut=True)
        # No images are generated for a source that Notion refuses access to.
        accessible = [
            source
            for source in self.sources
            if not await _is_access_refused(tx, source)
        ]
        retry_at = earliest_time(
            source.notion_retry_at
            for source in self.sources
            if source.notion_backoff.is_refused
        )
        if not accessible:
            return Selection(look_again=retry_at, shut=True)
        if (why := storage_guard.unwritable_reason(self.source, mend=True)) is not None:
            storage_guard.log_outage(self.app, why)
            if self.app.store.away and not self.app.store.is_backing_off:
                self._spawn_check(
                    "images.store", lambda: storage_guard.probe_store(self.app)
                )
            return Selection(look_again=self.app.now() + _DISK_PAUSE, shut=True)
        storage_guard.log_recovery(self.app)
        free = self._free_slots
        moment = self.app.clock.monotonic()
        # All workers are busy; the end of a task sets `kick`.
        if free <= 0 and moment - self._looked_at < _BUSY_INTERVAL.total_seconds():
            return Selection(look_again=self.app.now() + _BUSY_INTERVAL, shut=True)
        self._looked_at = moment
        picked = await selection.select_jobs(
            tx, accessible, free, self.claimed_providers
        )
        picked.look_again_by(retry_at)
        return picked

    @property
    def _free_slots(self) -> int:
        """Number of further jobs that this daemon may generate at the same time."""
        if not self.app.instance.runs_generation:
            return 0
        return self.source.options.concurrency - len(self.generating)

    async def _start_generations(self, picked: Selection) -> datetime | None:
        if picked.shut:
            return picked.look_again
        for name in picked.greets:
            self._health_check(name)
        self.notion_worker.reread_pages(picked.reads)
        try:
            claimed = await selection.claim_jobs(self.sources.app, picked)
        except DatabaseError:
            # The claim may have been committed, and its jobs must be requeued.
            self.generating.dropped = True
            raise
        for job in claimed:
            self.claimed_providers[job.id] = picked.asks[job.id].provider
            self.generating.start(job)
        for source in self.sources:
            until = picked.pauses.get(source.name)
            job_log.log_pause_changed(
                source, paused=source.name in picked.pauses, until=until
            )
        if not self.generating and not picked.queue:
            picked.look_again_by(await self._queue_replacement(picked))
        return picked.look_again

    async def _queue_replacement(self, picked: Selection) -> datetime | None:
        """Queue the replacement of one card; return when to try again, or None."""
        look_again: datetime | None = None
        if not self.app.instance.runs_generation:
            return None
        for source in self.sources:
            if (
                source.name not in picked.pauses
                and not source.notion_backoff.is_refused
            ):
                source_time = await self._queue_replacement_in(source)
                look_again = earliest_time([look_again, source_time])
            # One replacement is queued at a time, over all sources.
            if self.app.signals.kick.is_set():
                break
        return look_again

    async def _queue_replacement_in(self, source: SourceContext) -> datetime | None:
        task_key = TaskKey(TaskKind.REPLACE, source.name)
        if self.app.retry_schedule.is_delayed(task_key, self.app.clock.elapsed()):
            return next_try_at(source.app, task_key)
        try:
            look_again = await card_replacement.queue_replacement(
                source, self._health_check
            )
        # The work loop handles errors of the database.
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - postpone_task logs it
            await postpone_task(source, task_key, error)
            return next_try_at(source.app, task_key)
        await end_delay(source.app, task_key)
        return look_again


async def _is_access_refused(tx: Tx, source: SourceContext) -> bool:
    if source.state.is_leader:
        return source.notion_backoff.is_refused
    # The leader has stored it.
    state = await source_state.load_source_state(tx, source.name)
    return state is not None and bool(state.access_error)
