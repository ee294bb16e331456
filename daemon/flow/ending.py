"""A job leaves its work: it ends, or goes back to the queue.

Either way the wish that was noted on it meanwhile is not lost: it becomes the next
job in the same transaction, or the waiting job takes it over.
"""

from __future__ import annotations

from datetime import datetime

from db import jobs, posts
from db.engine import Tx
from db.records import Job, NewJob
from db.states import Event, Reason


async def end_job(
    tx: Tx,
    job: Job,
    event: Event,
    *,
    now: datetime,
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
    current = await jobs.get(tx, job.id) or job
    changes: dict[str, object] = {"outcome": why, "again": None, "waits_for": None}
    # The next job starts with the un-tick itself; else the failure is owed.
    if current.again is not None and current.owed == "untick":
        changes |= {"owed": "", "owed_note": ""}
    elif event is Event.ABANDONED and note and current.again is None:
        changes |= {"owed": "failed", "owed_note": note}
    # It waits no longer: a note that says so would come too late.
    elif current.owed == "waiting":
        changes |= {"owed": "", "owed_note": ""}
    ended = await jobs.move(tx, job, event, now=now, why=why, **changes)
    answered = event is Event.ABANDONED or by_person
    if answered and job.reason in {Reason.NEW, Reason.EDITED}:
        await posts.change(tx, job.source, job.page_id, answered=job.fingerprint)
    if current.again is not None:
        await _start_next(tx, current, now)
    return ended


async def _start_next(tx: Tx, job: Job, now: datetime) -> None:
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
            due_at=now,
            fingerprint=again["fingerprint"],
            inputs=again["inputs"],
            owed="untick" if ticked and not unticked else "",
            acked_at=now if ticked and unticked else None,
        ),
        now=now,
        why=f"wished for while job {job.id} was in work",
    )


async def back_to_queue(
    tx: Tx, job: Job, event: Event, *, now: datetime, why: str, **changes: object
) -> Job:
    """Move *job* from its work to the queue; it takes over what was noted on it.

    Raises:
        MovedElsewhereError: Somebody else moved it first.
    """
    current = await jobs.get(tx, job.id) or job
    if current.again is not None:
        reasons = (Reason(current.again["reason"]), current.reason)
        changes |= {
            "again": None,
            "reason": min(reasons, key=lambda reason: reason.rank),
            "title": current.again["title"],
            "fingerprint": current.again["fingerprint"],
            "inputs": current.again["inputs"],
            "due_at": now,
            "waits_for": None,
            "waited_since": None,
        }
        # Ticked meanwhile: nobody is asked before that un-tick is confirmed too.
        if current.owed == "untick":
            changes["acked_at"] = None
    return await jobs.move(tx, job, event, now=now, why=why, **changes)
