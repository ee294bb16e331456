"""What is owed to Notion: un-ticks and notes, images, and pages to be read again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from daemon.flow.context import Flow
from daemon.flow.debts import pay
from daemon.flow.delays import Delay, Task
from daemon.flow.flows import Flows, earliest
from daemon.flow.refusals import RefusedBoxes
from daemon.flow.reread import read_again
from daemon.flow.upload import give_up, upload
from daemon.flow.workers import Workers
from daemon.notion.errors import PageUnreachableError, RefusedWriteError
from db import claims
from db.engine import Tx
from db.records import Job
from db.states import State

_UPLOADS = 8
_DEBTS = 8


def _owed_task(job: Job) -> Task:
    return Task.UNTICK if job.owed == "untick" else Task.NOTE


@dataclass(slots=True)
class Postman:
    """Brings Notion what it is owed, for the sources it is we who speak for."""

    flows: Flows
    uploading: Workers = field(init=False)
    paying: Workers = field(init=False)
    reading: Workers = field(init=False)
    _refused_boxes: RefusedBoxes = field(default_factory=RefusedBoxes)

    def __post_init__(self) -> None:
        self.uploading = Workers(self.flows, upload, Task.UPLOAD, give_up)
        self.paying = Workers(
            self.flows, pay, _owed_task, tell=self._tell_of_refused_box
        )
        self.reading = Workers(self.flows, read_again, Task.READ)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """All that is under way."""
        every = (self.uploading, self.paying, self.reading)
        return [task for workers in every for task in workers.tasks.values()]

    async def step(self, tx: Tx) -> datetime | None:
        """Start what can start; return when to look again if nothing kicks before."""
        # Not before it has answered once: its columns are not known until then.
        ours = [flow for flow in self.flows if flow.speaks and flow.schema]
        # Away: the poll asks whether it is back, and wakes everybody.
        sources = [one.plan.source for one in ours if not one.outage.why]
        if not sources:
            return None
        await self._debts(tx, sources)
        return earliest([await self._uploads(tx, sources), self._next_try()])

    def read(self, waiting: Iterable[Job]) -> None:
        """Read the pages of these jobs again."""
        for job in waiting:
            if job.id not in self.reading and not self.reading.waits(job):
                self.reading.start(job)

    def hush(self) -> None:
        """Leave everything as it is where it is somebody else now who speaks."""
        for flow in self.flows:
            if not flow.speaks:
                for workers in (self.uploading, self.paying, self.reading):
                    workers.leave(flow.plan.source)

    async def _debts(self, tx: Tx, sources: list[str]) -> None:
        most = _DEBTS + len(self._delays(Task.UNTICK, Task.NOTE))
        owing = await claims.indebted(tx, sources, limit=most)
        for job in owing:
            free = len(self.paying) < _DEBTS and job.id not in self.paying
            # One write a page at a time: the later one is to be seen last.
            if free and job.id not in self.uploading and not self.paying.waits(job):
                self.paying.start(job)
        # Fifty at once are one line: only when each of them was tried.
        if all(self.paying.has_failed(job) for job in owing):
            for flow in self.flows:
                self._refused_boxes.report(flow, flow.plan.source)

    def _tell_of_refused_box(self, flow: Flow, job: Job, error: Exception) -> bool:
        """Keep a refused box for the one line about all of them."""
        is_refused = isinstance(error, RefusedWriteError | PageUnreachableError)
        if job.owed != "untick" or not is_refused:
            return False
        times = flow.delays.count_same(self.paying.subject(job), str(error))
        # A 404 is only believed when a poll lists the page all the same.
        if times == isinstance(error, PageUnreachableError):
            self._refused_boxes.add(job, str(error))
        return True

    async def _uploads(self, tx: Tx, sources: list[str]) -> datetime | None:
        now = self.flows.first.now()
        most = _UPLOADS * 2 + len(self._delays(Task.UPLOAD))
        for job in await claims.uploading(tx, now, sources, limit=most):
            free = len(self.uploading) < _UPLOADS and job.id not in self.uploading
            if free and not self._told_first(job) and not self.uploading.waits(job):
                self.uploading.start(job)
        return await claims.next_due(tx, State.UPLOADING, now, sources)

    def _told_first(self, job: Job) -> bool:
        return job.id in self.paying and job.owed == "waiting"

    def _delays(self, *tasks: Task) -> Sequence[Delay]:
        return self.flows.first.delays.of(*tasks)

    def _next_try(self) -> datetime | None:
        """Return when the first of the tasks that failed may be tried again."""
        flow = self.flows.first
        kinds = (Task.UPLOAD, Task.UNTICK, Task.NOTE, Task.READ)
        left = flow.delays.soonest(flow.clock.elapsed(), *kinds)
        return flow.now() + left if left is not None else None
