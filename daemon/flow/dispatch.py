"""The work loop: starts what is due and can go on, and knows when to look again.

Nothing here waits for anything: a step looks at the queue, starts tasks, and says
when the next step is due.  Whatever ends or changes sets `Flow.kick`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.flow import replace, storage, tell, waiting
from daemon.flow.context import Flow
from daemon.flow.debts import pay
from daemon.flow.ending import back_to_queue
from daemon.flow.flows import Flows
from daemon.flow.generate import generate
from daemon.flow.greet import greet
from daemon.flow.upload import upload
from daemon.flow.waiting import Picked
from daemon.notion.errors import NotionError, PageGoneError, RefusedWriteError
from db import jobs
from db.engine import Tx
from db.errors import DatabaseError
from db.records import Job
from db.states import Event, State

_UPLOADS = 8
_DEBTS = 8
_DISK_PAUSE = timedelta(seconds=30)
#: The queue is looked at this often while all workers are at work.
_GLANCE = timedelta(seconds=1)
_BROKEN_PAUSE = timedelta(minutes=1)
#: A write Notion refused is tried again after this, doubling.
_REFUSED_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)

Step = Callable[[Flow, Job], Awaitable[None]]


@dataclass(slots=True)
class Dispatcher:
    """Runs the jobs of all sources; one per process.

    Attributes:
        generating: Tasks by job id, with the provider each was claimed for.
        greeting: Tasks by provider that was away.
        patience: Seconds that all but paid calls may take to end at a stop.
    """

    flows: Flows
    generating: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    claimed_for: dict[int, str] = field(default_factory=dict)
    uploading: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    paying: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    greeting: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    patience: float = 20.0
    _dropped: bool = False
    _looked_at: float = -math.inf
    _refused: dict[int, tuple[int, datetime]] = field(default_factory=dict)

    @property
    def flow(self) -> Flow:
        """The way to what all sources share."""
        return self.flows.first

    async def step(self) -> datetime | None:
        """Start what can start; return when to look again if nothing kicks before."""
        if self.flow.stopping.is_set():
            return None
        if self._dropped:
            await self._take_back()
        # One look at one moment.
        async with self.flow.db.reading() as tx:
            await self._withdraw(tx)
            times = [await self._debts(tx), await self._uploads(tx)]
            picked = await self._pick(tx)
        times.append(await self._generations(picked))
        known = [time for time in times if time is not None]
        return min(known, default=None)

    @property
    def busy(self) -> bool:
        """Some task is under way."""
        return any(self._tasks())

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [
            *self.generating.values(),
            *self.uploading.values(),
            *self.paying.values(),
            *self.greeting.values(),
        ]

    async def finish(self) -> None:
        """Wait for what is paid for; at SIGTERM the tasks end as soon as they may.

        What waits for Notion, maybe for an hour, is taken up at the next start.
        """
        while self.generating:
            await asyncio.wait(self.generating.values())
        if self.busy:
            await asyncio.wait(self._tasks(), timeout=self.patience)
        self.cut()
        while self.busy:
            await asyncio.wait(self._tasks())

    def cut(self) -> None:
        """A second signal: paid calls are cut off, and their end written down."""
        for task in self._tasks():
            task.cancel()

    async def _withdraw(self, tx: Tx) -> None:
        """Let go of the remote jobs of jobs that were cancelled while in work."""
        if not self.generating:
            return
        alive = await jobs.ids_in(tx, State.GENERATING)
        for job_id in self.generating.keys() - alive:
            self.flow.leave(job_id).withdrawn.set()

    async def _take_back(self) -> None:
        """Put jobs back whose worker ended in the middle: nobody else will."""
        why = "its worker could not go on"
        async with self.flow.db.writing() as tx:
            now = self.flow.now()
            for job in await jobs.in_state(tx, [State.GENERATING]):
                if job.id not in self.generating:
                    due = now + _BROKEN_PAUSE
                    await back_to_queue(
                        tx, job, Event.RESCUED, now=now, why=why, due_at=due
                    )
        self._dropped = False

    def _greet(self, name: str) -> None:
        if name in self.greeting:
            return

        async def run() -> None:
            try:
                await greet(self.flow, name)
            except DatabaseError as error:
                self.flow.log.error(  # noqa: TRY400 - the words say it all
                    "database.failed", summary=str(error), provider=name
                )
            finally:
                self.greeting.pop(name, None)
                self.flow.kick.set()

        self.greeting[name] = asyncio.create_task(run(), name=f"greet {name}")

    async def _debts(self, tx: Tx) -> datetime | None:
        sources, away = self._reachable()
        most = _DEBTS + len(self._refused)
        owing = await jobs.indebted(tx, sources, limit=most) if sources else []
        now = self.flow.now()
        later = [away] if away else []
        for job in owing:
            _, again = self._refused.get(job.id, (0, now))
            if again > now:
                later.append(again)
            elif job.id not in self.paying and len(self.paying) < _DEBTS:
                self._start(self.paying, job, self._pay)
        return min(later, default=None)

    async def _pay(self, flow: Flow, job: Job) -> None:
        try:
            await pay(flow, job)
            self._refused.pop(job.id, None)
        except RefusedWriteError as error:
            times, _ = self._refused.get(job.id, (0, flow.now()))
            pause = min(_LONGEST_PAUSE, _REFUSED_PAUSE * 2 ** min(times, 10))
            self._refused[job.id] = (times + 1, flow.now() + pause)
            if times == 0:
                flow.log.error(  # noqa: TRY400 - a person's matter, not ours
                    "untick.refused",
                    summary=f"'{job.title}': the box cannot be un-ticked, so no image "
                    f"is made: {error} (job {job.id})",
                    job=job.id,
                    page=job.page_id,
                )

    async def _uploads(self, tx: Tx) -> datetime | None:
        sources, away = self._reachable()
        if not sources:
            return away
        now = self.flow.now()
        ready = await jobs.uploading(tx, now, sources, limit=_UPLOADS * 2)
        later = await jobs.next_due(tx, State.UPLOADING, now, sources)
        for job in ready:
            if job.id not in self.uploading and len(self.uploading) < _UPLOADS:
                self._start(self.uploading, job, upload)
        return _earlier(later, away)

    def _reachable(self) -> tuple[list[str], datetime | None]:
        """Return the sources Notion can be asked about, and when more of them can."""
        now = self.flow.now()
        away = [flow.outage.until for flow in self.flows if flow.outage.lasts(now)]
        sources = [f.plan.source for f in self.flows if not f.outage.lasts(now)]
        return sources, min((time for time in away if time), default=None)

    async def _pick(self, tx: Tx) -> Picked:
        # The token or the source is refused: nothing is generated for it.
        welcome = [flow for flow in self.flows if not flow.outage.shut]
        times = [flow.outage.until for flow in self.flows if flow.outage.shut]
        soonest = min((time for time in times if time), default=None)
        if not welcome:
            return Picked(look_again=soonest, shut=True)
        if (why := storage.trouble(self.flow, mend=True)) is not None:
            storage.say_trouble(self.flow, why)
            return Picked(look_again=self.flow.now() + _DISK_PAUSE, shut=True)
        storage.well_again(self.flow)
        free = self.flow.plan.concurrency - len(self.generating)
        moment = self.flow.clock.monotonic()
        # Nobody is free, and whoever will be kicks: no need to go through the queue.
        if free <= 0 and moment - self._looked_at < _GLANCE.total_seconds():
            return Picked(look_again=self.flow.now() + _GLANCE, shut=True)
        self._looked_at = moment
        picked = await waiting.pick(tx, welcome, free, self.claimed_for)
        picked.again(soonest)
        return picked

    async def _generations(self, picked: Picked) -> datetime | None:
        if picked.shut:
            return picked.look_again
        for name in picked.greets:
            self._greet(name)
        try:
            claimed = await waiting.claim(self.flows, picked)
        except DatabaseError:
            # It may have been carried out all the same, and nobody works on them.
            self._dropped = True
            raise
        for job in claimed:
            self.claimed_for[job.id] = picked.asks[job.id].provider
            self._start(self.generating, job, generate)
        for flow in self.flows:
            until = picked.pauses.get(flow.plan.source)
            tell.say_paused(flow, paused=flow.plan.source in picked.pauses, until=until)
        if not self.generating and not picked.queue:
            picked.again(await self._replace(picked))
        return picked.look_again

    async def _replace(self, picked: Picked) -> datetime | None:
        """Queue one card's replacement: no other job waits."""
        later: datetime | None = None
        for flow in self.flows:
            if flow.plan.source not in picked.pauses and not flow.outage.shut:
                later = _earlier(later, await replace.one(flow, self._greet))
            # One at a time, of all sources.
            if self.flow.kick.is_set():
                break
        return later

    def _start(
        self, tasks: dict[int, asyncio.Task[None]], job: Job, step: Step
    ) -> None:
        flow = self.flows.by_source[job.source]

        async def run() -> None:
            try:
                await self._guarded(flow, job, step)
            finally:
                tasks.pop(job.id, None)
                if tasks is self.generating:
                    self.claimed_for.pop(job.id, None)
                    self.flow.withdrawn.pop(job.id, None)
                self.flow.kick.set()

        tasks[job.id] = asyncio.create_task(run(), name=f"{step.__name__} {job.id}")

    async def _guarded(self, flow: Flow, job: Job, step: Step) -> None:
        try:
            await step(flow, job)
        except PageGoneError:
            flow.log.warning("page.gone", summary=f"job {job.id}", job=job.id)
        except NotionError as error:
            flow.outage.failed(error, flow.now(), flow.log)
        except DatabaseError as error:
            self._dropped = True
            if storage.is_trouble(error):
                storage.say_trouble(flow, str(error))
                return
            flow.log.error(  # noqa: TRY400 - the words say it all
                "database.failed", summary=str(error), job=job.id
            )
        except Exception as error:
            self._dropped = True
            if storage.is_trouble(error):
                storage.say_trouble(flow, str(error))
                return
            # One job must not take the others with it.
            flow.log.exception("job.broke", summary=f"job {job.id}", job=job.id)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((time for time in (one, other) if time is not None), default=None)
