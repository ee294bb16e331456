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
from daemon.flow.clock_steps import ClockSteps
from daemon.flow.context import Flow
from daemon.flow.delays import FIRST_PAUSE, Subject, Task
from daemon.flow.ending import back_to_queue
from daemon.flow.flows import Flows, earliest
from daemon.flow.generate import generate
from daemon.flow.greet import greet
from daemon.flow.postman import Postman
from daemon.flow.postpone import next_try, postpone, resume
from daemon.flow.waiting import Picked
from daemon.flow.workers import Workers
from db import claims, posts
from db.engine import Tx
from db.errors import DatabaseError
from db.records import Job
from db.states import Event

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

    flows: Flows
    postman: Postman = field(init=False)
    generating: Workers = field(init=False)
    claimed_for: dict[int, str] = field(default_factory=dict)
    greeting: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    patience: float = 20.0
    clock_steps: ClockSteps = field(init=False)
    _looked_at: float = -math.inf

    def __post_init__(self) -> None:
        self.clock_steps = ClockSteps(self.flow.clock)
        self.postman = Postman(self.flows)
        self.generating = Workers(
            self.flows, generate, Task.GENERATE, ended=self._generated
        )

    @property
    def flow(self) -> Flow:
        """The way to what all sources share."""
        return self.flows.first

    async def step(self) -> datetime | None:
        """Start what can start; return when to look again if nothing kicks before."""
        if self.flow.stopping.is_set():
            return None
        await self.clock_steps.follow(self.flow)
        self.postman.hush()
        if self.generating.dropped:
            await self._take_back()
        # One look at one moment.
        async with self.flow.db.reading() as tx:
            await self._withdraw(tx)
            owed = await self.postman.step(tx)
            picked = await self._pick(tx)
        checks = self.flow.delays.soonest(self.flow.clock.elapsed(), Task.CHECK)
        check_at = self.flow.now() + checks if checks is not None else None
        return earliest([owed, check_at, await self._generations(picked)])

    @property
    def busy(self) -> bool:
        """Some task is under way."""
        return any(self._tasks())

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [
            *self.generating.tasks.values(),
            *self.postman.tasks,
            *self.greeting.values(),
        ]

    async def finish(self) -> None:
        """Wait for what is paid for; at SIGTERM the tasks end as soon as they may.

        What waits for Notion, maybe for an hour, is taken up at the next start.
        """
        while self.generating.tasks:
            await asyncio.wait(self.generating.tasks.values())
        if self.busy:
            await asyncio.wait(self._tasks(), timeout=self.patience)
        self.cut()
        while self.busy:
            await asyncio.wait(self._tasks())

    def cut(self) -> None:
        """A second signal: paid calls are cut off, and their end written down."""
        for task in self._tasks():
            task.cancel()

    def _generated(self, job: Job) -> None:
        self.claimed_for.pop(job.id, None)
        self.flow.withdrawn.pop(job.id, None)

    async def _withdraw(self, tx: Tx) -> None:
        """Let go of the remote jobs of jobs that were cancelled while in work."""
        if not self.generating:
            return
        alive = await claims.in_work(tx, self.flow.who)
        for job_id in self.generating.tasks.keys() - alive:
            self.flow.leave(job_id).withdrawn.set()

    async def _take_back(self) -> None:
        """Put jobs back whose worker ended in the middle: nobody else will."""
        why = "its worker could not go on"
        async with self.flow.db.writing() as tx:
            now = self.flow.now()
            for job in await claims.claimed(tx, [self.flow.who]):
                if job.id not in self.generating:
                    left = self.flow.delays.left(
                        self.generating.subject(job), self.flow.clock.elapsed()
                    )
                    due = now + (left or FIRST_PAUSE)
                    await back_to_queue(
                        tx, job, Event.RESCUED, now=now, why=why, due_at=due
                    )
        self.generating.dropped = False

    def _greet(self, name: str) -> None:
        self._aside(name, lambda: greet(self.flow, name))

    def _aside(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        flow = self.flow
        subject = Subject(Task.CHECK, flow.plan.source, provider=name)
        waits = flow.delays.lasts(subject, flow.clock.elapsed())
        if name in self.greeting or waits:
            return

        async def run() -> None:
            try:
                await work()
            # Whatever it is: without a pause it would be asked again at once.
            except Exception as error:  # noqa: BLE001 - it is logged there
                await postpone(flow, subject, error)
            else:
                await resume(flow, subject)
            finally:
                self.greeting.pop(name, None)
                flow.kick.set()

        self.greeting[name] = asyncio.create_task(run(), name=f"greet {name}")

    async def _pick(self, tx: Tx) -> Picked:
        # The token or the source is refused: nothing is generated for it.
        shut = {one.plan.source for one in self.flows if await _is_shut(tx, one)}
        welcome = [flow for flow in self.flows if flow.plan.source not in shut]
        again = earliest(one.asks_again_at for one in self.flows if one.outage.shut)
        if not welcome:
            return Picked(look_again=again, shut=True)
        if (why := storage.trouble(self.flow, mend=True)) is not None:
            storage.say_trouble(self.flow, why)
            if self.flow.store.away and not self.flow.store.rests:
                self._aside("images.store", lambda: storage.ask(self.flow))
            return Picked(look_again=self.flow.now() + _DISK_PAUSE, shut=True)
        storage.well_again(self.flow)
        free = self._free
        moment = self.flow.clock.monotonic()
        # Nobody is free, and whoever will be kicks: no need to go through the queue.
        if free <= 0 and moment - self._looked_at < _GLANCE.total_seconds():
            return Picked(look_again=self.flow.now() + _GLANCE, shut=True)
        self._looked_at = moment
        picked = await waiting.pick(tx, welcome, free, self.claimed_for)
        picked.again(again)
        return picked

    @property
    def _free(self) -> int:
        """How many more jobs may generate here."""
        if not self.flow.generates:
            return 0
        return self.flow.plan.concurrency - len(self.generating)

    async def _generations(self, picked: Picked) -> datetime | None:
        if picked.shut:
            return picked.look_again
        for name in picked.greets:
            self._greet(name)
        self.postman.read(picked.reads)
        try:
            claimed = await waiting.claim(self.flows, picked)
        except DatabaseError:
            # It may have been carried out all the same, and nobody works on them.
            self.generating.dropped = True
            raise
        for job in claimed:
            self.claimed_for[job.id] = picked.asks[job.id].provider
            self.generating.start(job)
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
            paused = flow.plan.source in picked.pauses
            if flow.generates and not paused and not flow.outage.shut:
                later = earliest([later, await self._replace_in(flow)])
            # One at a time, of all sources.
            if self.flow.kick.is_set():
                break
        return later

    async def _replace_in(self, flow: Flow) -> datetime | None:
        subject = Subject(Task.REPLACE, flow.plan.source)
        if flow.delays.lasts(subject, flow.clock.elapsed()):
            return next_try(flow, subject)
        try:
            later = await replace.one(flow, self._greet)
        # The loop knows what to do about its database.
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - it is logged there
            await postpone(flow, subject, error)
            return next_try(flow, subject)
        await resume(flow, subject)
        return later


async def _is_shut(tx: Tx, flow: Flow) -> bool:
    if flow.speaks:
        return flow.outage.shut
    # Whoever speaks with Notion has written it down.
    state = await posts.load_sync(tx, flow.plan.source)
    return state is not None and bool(state.shut)
