"""The steps of a job that failed and are tried again, in the job's history."""

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
    """Write into a job's history that a step failed and is tried again.

    Args:
        over: The step has succeeded by now.
    """
    await record_event(tx, job, "resumed" if over else "delayed", now, why)


async def newest_delay(tx: Tx, job: Job) -> str:
    """Return why a step of a job is tried again; empty: none failed last."""
    if not (job.is_open or job.owed):
        return ""
    newest = await mapping.fetch_one(tx, JobEvent, _NEWEST_EVENT, which=job.id)
    return newest.reason if newest and newest.event == "delayed" else ""
