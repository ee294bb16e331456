"""A job leaves its work: it ends, or goes back to the queue.

Either way the wish that was noted on it meanwhile is not lost: it becomes the next
job in the same transaction, or the waiting job takes it over.
"""

from __future__ import annotations

from datetime import datetime

from db import attempts, images, jobs, posts
from db.engine import Tx
from db.models import Job, NewJob
from db.states import JobEventType, JobReason
from providers.outcomes import FREE, Outcome


async def end_job(
    tx: Tx,
    job: Job,
    event: JobEventType,
    *,
    now: datetime,
    why: str,
    note: str = "",
    is_answer: bool = False,
) -> Job:
    """Move *job* to its final state; a wish noted on it becomes the next job.

    Args:
        note: What the page is to say about a failure; empty: nothing.
        is_answer: A person cancelled it, or Notion does not let us have the page
            although a query may list it: its inputs are answered.

    Raises:
        MovedElsewhereError: Somebody else moved it first.
    """
    current = await jobs.get(tx, job.id) or job
    changes: dict[str, object] = {"outcome": why, "again": None, "waits_for": None}
    # The next job starts with the un-tick itself; else the failure is owed.
    if current.again is not None and current.owed == "untick":
        changes |= {"owed": "", "owed_note": ""}
    elif event is JobEventType.ABANDONED and note and current.again is None:
        changes |= {"owed": "failed", "owed_note": note}
    # It waits no longer: a note that says so would come too late.
    elif current.owed == "waiting":
        changes |= {"owed": "", "owed_note": ""}
    ended = await jobs.apply_event(tx, job, event, now=now, why=why, **changes)
    if event is JobEventType.ABANDONED or is_answer:
        await _save_rejected_fingerprint(tx, job)
    elif event is JobEventType.CANCELLED:
        await reject_if_charged_without_image(tx, ended)
    if current.again is not None:
        await _create_next_job(tx, current, now)
    return ended


async def _save_rejected_fingerprint(tx: Tx, job: Job) -> None:
    """Inputs that a job has answered make no other one automatically."""
    if job.reason in {JobReason.NEW, JobReason.EDITED}:
        await posts.update_fields(tx, job.source, job.page_id, answered=job.fingerprint)


async def reject_if_charged_without_image(tx: Tx, job: Job) -> None:
    """Do so if *job*, which was cancelled, cost something and left no image.

    An image that it left is used by the next job of these inputs, which costs nothing;
    a call that is still under way is looked at when it ends.
    """
    calls = await attempts.of_job(tx, job.id)
    if any(call.outcome is None for call in calls):
        return
    charged = any(Outcome(call.outcome) not in FREE for call in calls if call.outcome)
    made = [one for one in await images.of_job(tx, job.id) if not one.is_card]
    if charged and not any(one.fingerprint == job.fingerprint for one in made):
        await _save_rejected_fingerprint(tx, job)


async def _create_next_job(tx: Tx, job: Job, now: datetime) -> None:
    again = job.again or {}
    reason = JobReason(again["reason"])
    unticked = job.owed != "untick"
    ticked = reason is JobReason.REGENERATE
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


async def requeue_job(
    tx: Tx, job: Job, event: JobEventType, *, now: datetime, why: str, **changes: object
) -> Job:
    """Move *job* from its work to the queue; it takes over what was noted on it.

    Raises:
        MovedElsewhereError: Somebody else moved it first.
    """
    current = await jobs.get(tx, job.id) or job
    if current.again is not None:
        reasons = (JobReason(current.again["reason"]), current.reason)
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
    return await jobs.apply_event(tx, job, event, now=now, why=why, **changes)
