"""The end of a job, and the next wish of its page, in one transaction."""

from __future__ import annotations

from daemon.flow.context import Flow
from db import jobs, posts
from db.engine import Tx
from db.records import Job, NewJob
from db.states import Event, Reason


async def end_job(
    tx: Tx,
    flow: Flow,
    job: Job,
    event: Event,
    *,
    why: str,
    note: str = "",
    by_person: bool = False,
) -> Job:
    """Move *job* to its final state; a wish noted on it becomes the next job.

    Args:
        note: What the page is to say about a failure; empty: nothing.
        by_person: A person cancelled it: its inputs are answered.

    Raises:
        MovedElsewhereError: Somebody else moved it first.
    """
    now = flow.now()
    current = await jobs.get(tx, job.id) or job
    changes: dict[str, object] = {"outcome": why, "again": None, "waits_for": None}
    # The next job starts with the un-tick itself; else the failure is owed.
    if current.again is not None and current.owed == "untick":
        changes |= {"owed": "", "owed_note": ""}
    elif event is Event.ABANDONED and note and current.again is None:
        changes |= {"owed": "failed", "owed_note": note}
    ended = await jobs.move(tx, job, event, now=now, why=why, **changes)
    answered = event is Event.ABANDONED or by_person
    if answered and job.reason in {Reason.NEW, Reason.EDITED}:
        await posts.change(tx, job.source, job.page_id, answered=job.fingerprint)
    if current.again is not None:
        await _start_next(tx, flow, current)
    flow.kick.set()
    return ended


async def _start_next(tx: Tx, flow: Flow, job: Job) -> None:
    again = job.again or {}
    reason = Reason(again["reason"])
    unticked = job.owed != "untick"
    ticked = reason is Reason.REGENERATE
    await jobs.create(
        tx,
        NewJob(
            source=job.source,
            page_id=job.page_id,
            title=again["title"],
            reason=reason,
            due_at=flow.now(),
            fingerprint=again["fingerprint"],
            inputs=again["inputs"],
            owed="untick" if ticked and not unticked else "",
            acked_at=flow.now() if ticked and unticked else None,
        ),
        now=flow.now(),
        why=f"wished for while job {job.id} was in work",
    )
