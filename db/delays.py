"""Failed steps of a job that are retried, as events of the job's history."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.jobs import record_event
from db.models import Job, JobEvent
from db.tables import events

_NEWEST_EVENT = (
    sa.select(events)
    .where(events.c.job_id == sa.bindparam("which"))
    .order_by(events.c.id.desc())
    .limit(1)
)


async def record_delay(
    tx: Tx, job: Job, *, now: datetime, why: str, over: bool = False
) -> None:
    """Add an event to a job's history: a step failed and will be retried.

    Args:
        over: The step has succeeded: the event is "resumed" instead of "delayed".
    """
    await record_event(tx, job, "resumed" if over else "delayed", now, why)


async def newest_delay(tx: Tx, job: Job) -> str:
    """Return why a step of a job is retried; empty if none is."""
    if not (job.is_open or job.owed):
        return ""
    newest = await mapping.fetch_one(tx, JobEvent, _NEWEST_EVENT, which=job.id)
    return newest.reason if newest and newest.event == "delayed" else ""
