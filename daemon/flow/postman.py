"""What is owed to Notion: un-ticks and notes, images, and pages to be read again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.flow.context import Flow
from daemon.flow.debts import pay
from daemon.flow.flows import Flows, earliest
from daemon.flow.refusals import RefusedBoxes
from daemon.flow.reread import read_again
from daemon.flow.upload import upload
from daemon.flow.workers import Workers
from daemon.notion.errors import PageUnreachableError, RefusedWriteError
from db import claims
from db.engine import Tx
from db.records import Job
from db.states import State

_UPLOADS = 8
_DEBTS = 8
#: A write Notion refused is tried again after this, doubling.
_REFUSED_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(slots=True)
class Postman:
    """Brings Notion what it is owed, for the sources it is we who speak for."""

    flows: Flows
    uploading: Workers = field(init=False)
    paying: Workers = field(init=False)
    reading: Workers = field(init=False)
    _refused: dict[int, tuple[int, datetime]] = field(default_factory=dict)
    _refused_boxes: RefusedBoxes = field(default_factory=RefusedBoxes)

    def __post_init__(self) -> None:
        self.uploading = Workers(self.flows, upload)
        self.paying = Workers(self.flows, self._pay)
        self.reading = Workers(self.flows, read_again)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """All that is under way."""
        every = (self.uploading, self.paying, self.reading)
        return [task for workers in every for task in workers.tasks.values()]

    async def step(self, tx: Tx) -> datetime | None:
        """Start what can start; return when to look again if nothing kicks before."""
        now = self.flows.first.steady()
        # Not before it has answered once: its columns are not known until then.
        ours = [flow for flow in self.flows if flow.speaks and flow.schema]
        sources = [one.plan.source for one in ours if not one.outage.lasts(now)]
        away = earliest(one.asks_again_at for one in ours if one.outage.lasts(now))
        if not sources:
            return away
        return earliest(
            [away, await self._debts(tx, sources), await self._uploads(tx, sources)]
        )

    def read(self, waiting: Iterable[Job]) -> None:
        """Read the pages of these jobs again."""
        for job in waiting:
            if job.id not in self.reading:
                self.reading.start(job)

    def hush(self) -> None:
        """Leave everything as it is where it is somebody else now who speaks."""
        for flow in self.flows:
            if not flow.speaks:
                for workers in (self.uploading, self.paying, self.reading):
                    workers.leave(flow.plan.source)

    async def _debts(self, tx: Tx, sources: list[str]) -> datetime | None:
        owing = await claims.indebted(tx, sources, limit=_DEBTS + len(self._refused))
        now = self.flows.first.steady()
        later: list[datetime] = []
        for job in owing:
            _, again = self._refused.get(job.id, (0, now))
            if again > now:
                later.append(self.flows.first.clock.wall(again))
            elif job.id not in self.paying and len(self.paying) < _DEBTS:
                self.paying.start(job)
        # Fifty at once are one line: only when the last of them was tried.
        if not self.paying:
            for flow in self.flows:
                self._refused_boxes.report(flow, flow.plan.source)
        return earliest(later)

    async def _uploads(self, tx: Tx, sources: list[str]) -> datetime | None:
        clock, later = self.flows.first.clock, self.uploading.later
        now, steady = clock.now(), clock.steady()
        for job_id in [one for one, at in later.items() if at <= steady]:
            del later[job_id]
        most = _UPLOADS * 2 + len(later)
        for job in await claims.uploading(tx, now, sources, limit=most):
            free = len(self.uploading) < _UPLOADS and job.id not in later
            if free and job.id not in self.uploading:
                self.uploading.start(job)
        due = await claims.next_due(tx, State.UPLOADING, now, sources)
        return earliest([due, *(clock.wall(at) for at in later.values())])

    async def _pay(self, flow: Flow, job: Job) -> None:
        try:
            await pay(flow, job)
            self._refused.pop(job.id, None)
        except (RefusedWriteError, PageUnreachableError) as error:
            times, _ = self._refused.get(job.id, (0, flow.steady()))
            pause = min(_LONGEST_PAUSE, _REFUSED_PAUSE * 2 ** min(times, 10))
            self._refused[job.id] = (times + 1, flow.steady() + pause)
            # A 404 is only believed when a poll lists the page all the same.
            if times == isinstance(error, PageUnreachableError):
                self._refused_boxes.add(job, str(error))
