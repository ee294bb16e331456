"""Tasks, one a job: what breaks one of them does not break the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from daemon.flow import storage
from daemon.flow.context import Flow
from daemon.flow.flows import Flows
from daemon.notion.errors import NotionError, PageGoneError
from db.errors import DatabaseError
from db.records import Job

_TROUBLE_PAUSE = timedelta(seconds=30)

Step: TypeAlias = Callable[[Flow, Job], Awaitable[None]]


def _nothing(_job: Job) -> None:
    """What most have to tidy up."""


@dataclass(slots=True)
class Workers:
    """Does one step for several jobs at once.

    Attributes:
        tasks: By job id.
        later: By job, until when it is left alone: nothing could be written, or read.
        dropped: A worker ended in the middle: nobody else puts its job back.
        ended: Called after each, however it ended.
    """

    flows: Flows
    step: Step
    ended: Callable[[Job], None] = _nothing
    tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    later: dict[int, datetime] = field(default_factory=dict)
    _sources: dict[int, str] = field(default_factory=dict)
    dropped: bool = False

    def __len__(self) -> int:
        return len(self.tasks)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self.tasks

    def start(self, job: Job) -> None:
        """Begin; `Flow.kick` is set when it has ended."""
        flow = self.flows.by_source[job.source]

        async def run() -> None:
            try:
                await self._guarded(flow, job)
            finally:
                self.tasks.pop(job.id, None)
                self._sources.pop(job.id, None)
                self.ended(job)
                flow.kick.set()

        self._sources[job.id] = job.source
        name = getattr(self.step, "__name__", "step")
        self.tasks[job.id] = asyncio.create_task(run(), name=f"{name} {job.id}")

    def leave(self, source: str) -> None:
        """Cut off the work of a source."""
        for job_id, of in self._sources.items():
            if of == source:
                self.tasks[job_id].cancel()

    async def _guarded(self, flow: Flow, job: Job) -> None:
        try:
            await self.step(flow, job)
        except PageGoneError:
            flow.log.warning("page.gone", summary=f"job {job.id}", job=job.id)
        except NotionError as error:
            flow.outage.failed(error, flow.steady(), flow.log)
        except Exception as error:
            self.dropped = True
            if storage.is_trouble(error):
                storage.say_trouble(flow, error)
                self.later[job.id] = flow.steady() + _TROUBLE_PAUSE
            elif isinstance(error, DatabaseError):
                flow.log.error(  # noqa: TRY400 - the words say it all
                    "database.failed", summary=str(error), job=job.id
                )
            # One job must not take the others with it.
            else:
                flow.log.exception("job.broke", summary=f"job {job.id}", job=job.id)
