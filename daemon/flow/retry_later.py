"""An upload that Notion does not take yet is tried again after a growing pause."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from db import jobs
from db.engine import Tx
from db.records import History, Job
from db.states import Event

_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=30)


async def postpone_upload(tx: Tx, job: Job, *, now: datetime, why: str) -> int:
    """Let *job* wait in `uploading`; return how often it has waited in a row.

    Raises:
        MovedElsewhereError: Somebody else moved it first.
    """
    times = count_refusals(await jobs.history(tx, job.id))
    due_at = now + pause_after(times)
    await jobs.move(tx, job, Event.SNOOZED, now=now, why=why, due_at=due_at)
    return times + 1


def count_refusals(history: list[History]) -> int:
    """Return how often a job was postponed since its images were last on disk."""
    times = 0
    for row in history:
        if row.event == Event.SNOOZED:
            times += 1
        elif row.event in {Event.GENERATED, Event.REOPENED}:
            times = 0
    return times


def pause_after(times: int) -> timedelta:
    """Return how long to wait: 5 s, doubling to half an hour."""
    seconds = math.ldexp(_FIRST_PAUSE.total_seconds(), min(times, 10))
    return min(_LONGEST_PAUSE, timedelta(seconds=seconds))
