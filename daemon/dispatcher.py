"""The work loop: starts what is due and can go on, and knows when to look again.

Nothing here waits for anything: a step looks at the queue, starts tasks, and says
when the next step is due.  Whatever ends or changes sets `SourceContext.kick`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.clock_steps import ClockSteps
from daemon.context import SourceContext
from daemon.delivery.notion_worker import NotionWorker
from daemon.generation import card_replacement, claims, selection, storage_guard
from daemon.generation.claims import Selection
from daemon.generation.generate_job import generate_images
from daemon.generation.health_check import check_health
from daemon.generation.task_pool import TaskPool
from daemon.jobs import job_log
from daemon.jobs.lifecycle import requeue_job
from daemon.jobs.postponement import end_delay, next_try_at, postpone_task
from daemon.service.task_delays import FIRST_PAUSE, TaskKey, TaskKind
from daemon.sources import Sources, earliest_time
from db import posts, queue
from db.engine import Tx
from db.errors import DatabaseError
from db.models import Job
from db.states import JobEventType

_DISK_PAUSE = timedelta(seconds=30)
#: The queue is looked at this often while all workers are at work.
_GLANCE = timedelta(seconds=1)


@dataclass(slots=True)
class Dispatcher:
    """Runs the jobs of all sources; one per process.

    Attributes:
        generating: With `claimed_for`, the provider each job was claimed for.
        greeting: Tasks by provider that was away; and the store, if it was.
        patience: Seconds that all but paid calls may take to end at a stop.
    """

    flows: Sources
    postman: NotionWorker = field(init=False)
    generating: TaskPool = field(init=False)
    claimed_for: dict[int, str] = field(default_factory=dict)
    greeting: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    patience: float = 20.0
    clock_steps: ClockSteps = field(init=False)
    _looked_at: float = -math.inf

    def __post_init__(self) -> None:
        self.clock_steps = ClockSteps(self.flow.clock)
        self.postman = NotionWorker(self.flows)
        self.generating = TaskPool(
            self.flows,
            generate_images,
            TaskKind.GENERATE,
            ended=self._on_generation_ended,
        )

    @property
    def flow(self) -> SourceContext:
        """The way to what all sources share."""
        return self.flows.first

    async def tick(self) -> datetime | None:
        """Start what can start; return when to look again if nothing kicks before."""
        if self.flow.stopping.is_set():
            return None
        await self.clock_steps.adjust_stored_times(self.flow)
        self.postman.stop_lost_sources()
        if self.generating.dropped:
            await self._requeue_dropped()
        # One look at one moment.
        async with self.flow.db.read_transaction() as tx:
            await self._cancel_withdrawn(tx)
            owed = await self.postman.start_due_tasks(tx)
            picked = await self._select_jobs(tx)
        checks = self.flow.delays.next_retry_in(
            self.flow.clock.elapsed(), TaskKind.CHECK
        )
        check_at = self.flow.now() + checks if checks is not None else None
        return earliest_time([owed, check_at, await self._start_generations(picked)])

    @property
    def is_busy(self) -> bool:
        """Some task is under way."""
        return any(self._all_tasks())

    def _all_tasks(self) -> list[asyncio.Task[None]]:
        return [
            *self.generating.tasks.values(),
            *self.postman.tasks,
            *self.greeting.values(),
        ]

    async def drain(self) -> None:
        """Wait for what is paid for; at SIGTERM the tasks end as soon as they may.

        What waits for Notion, maybe for an hour, is taken up at the next start.
        """
        while self.generating.tasks:
            await asyncio.wait(self.generating.tasks.values())
        if self.is_busy:
            await asyncio.wait(self._all_tasks(), timeout=self.patience)
        self.abort()
        while self.is_busy:
            await asyncio.wait(self._all_tasks())

    def abort(self) -> None:
        """A second signal: paid calls are cut off, and their end written down."""
        for task in self._all_tasks():
            task.cancel()

    def _on_generation_ended(self, job: Job) -> None:
        self.claimed_for.pop(job.id, None)
        self.flow.withdrawn.pop(job.id, None)

    async def _cancel_withdrawn(self, tx: Tx) -> None:
        """Let go of the remote jobs of jobs that were cancelled while in work."""
        if not self.generating:
            return
        alive = await queue.generating_ids(tx, self.flow.who)
        for job_id in self.generating.tasks.keys() - alive:
            self.flow.cancellation_token(job_id).withdrawn.set()

    async def _requeue_dropped(self) -> None:
        """Put jobs back whose worker ended in the middle: nobody else will."""
        why = "its worker could not go on"
        async with self.flow.db.write_transaction() as tx:
            now = self.flow.now()
            for job in await queue.list_claimed(tx, [self.flow.who]):
                if job.id not in self.generating:
                    left = self.flow.delays.time_left(
                        self.generating.task_key(job), self.flow.clock.elapsed()
                    )
                    due = now + (left or FIRST_PAUSE)
                    await requeue_job(
                        tx, job, JobEventType.RESCUED, now=now, why=why, due_at=due
                    )
        self.generating.dropped = False

    def _health_check(self, name: str) -> None:
        self._spawn_check(name, lambda: check_health(self.flow, name))

    def _spawn_check(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        flow = self.flow
        subject = TaskKey(TaskKind.CHECK, flow.plan.source, provider=name)
        waits = flow.delays.is_delayed(subject, flow.clock.elapsed())
        if name in self.greeting or waits:
            return

        async def run() -> None:
            try:
                await work()
            # Whatever it is: without a pause it would be asked again at once.
            except Exception as error:  # noqa: BLE001 - it is logged there
                await postpone_task(flow, subject, error)
            else:
                await end_delay(flow, subject)
            finally:
                self.greeting.pop(name, None)
                flow.kick.set()

        self.greeting[name] = asyncio.create_task(run(), name=f"greet {name}")

    async def _select_jobs(self, tx: Tx) -> Selection:
        # The token or the source is refused: nothing is generated for it.
        shut = {
            one.plan.source for one in self.flows if await _is_access_refused(tx, one)
        }
        welcome = [flow for flow in self.flows if flow.plan.source not in shut]
        again = earliest_time(
            one.notion_retry_at for one in self.flows if one.outage.shut
        )
        if not welcome:
            return Selection(look_again=again, shut=True)
        if (why := storage_guard.unwritable_reason(self.flow, mend=True)) is not None:
            storage_guard.log_outage(self.flow, why)
            if self.flow.store.away and not self.flow.store.is_backing_off:
                self._spawn_check(
                    "images.store", lambda: storage_guard.probe_store(self.flow)
                )
            return Selection(look_again=self.flow.now() + _DISK_PAUSE, shut=True)
        storage_guard.log_recovery(self.flow)
        free = self._free_slots
        moment = self.flow.clock.monotonic()
        # Nobody is free, and whoever will be kicks: no need to go through the queue.
        if free <= 0 and moment - self._looked_at < _GLANCE.total_seconds():
            return Selection(look_again=self.flow.now() + _GLANCE, shut=True)
        self._looked_at = moment
        picked = await selection.select_jobs(tx, welcome, free, self.claimed_for)
        picked.look_again_by(again)
        return picked

    @property
    def _free_slots(self) -> int:
        """How many more jobs may generate here."""
        if not self.flow.generates:
            return 0
        return self.flow.plan.concurrency - len(self.generating)

    async def _start_generations(self, picked: Selection) -> datetime | None:
        if picked.shut:
            return picked.look_again
        for name in picked.greets:
            self._health_check(name)
        self.postman.reread_pages(picked.reads)
        try:
            claimed = await claims.claim_jobs(self.flows, picked)
        except DatabaseError:
            # It may have been carried out all the same, and nobody works on them.
            self.generating.dropped = True
            raise
        for job in claimed:
            self.claimed_for[job.id] = picked.asks[job.id].provider
            self.generating.start(job)
        for flow in self.flows:
            until = picked.pauses.get(flow.plan.source)
            job_log.log_pause_changed(
                flow, paused=flow.plan.source in picked.pauses, until=until
            )
        if not self.generating and not picked.queue:
            picked.look_again_by(await self._queue_replacement(picked))
        return picked.look_again

    async def _queue_replacement(self, picked: Selection) -> datetime | None:
        """Queue one card's replacement: no other job waits."""
        later: datetime | None = None
        for flow in self.flows:
            paused = flow.plan.source in picked.pauses
            if flow.generates and not paused and not flow.outage.shut:
                later = earliest_time([later, await self._queue_replacement_in(flow)])
            # One at a time, of all sources.
            if self.flow.kick.is_set():
                break
        return later

    async def _queue_replacement_in(self, flow: SourceContext) -> datetime | None:
        subject = TaskKey(TaskKind.REPLACE, flow.plan.source)
        if flow.delays.is_delayed(subject, flow.clock.elapsed()):
            return next_try_at(flow, subject)
        try:
            later = await card_replacement.queue_replacement(flow, self._health_check)
        # The loop knows what to do about its database.
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - it is logged there
            await postpone_task(flow, subject, error)
            return next_try_at(flow, subject)
        await end_delay(flow, subject)
        return later


async def _is_access_refused(tx: Tx, flow: SourceContext) -> bool:
    if flow.speaks:
        return flow.outage.shut
    # Whoever speaks with Notion has written it down.
    state = await posts.load_source_state(tx, flow.plan.source)
    return state is not None and bool(state.shut)
