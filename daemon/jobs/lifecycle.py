"""Build a job, end it or return it to the queue.

A request stored on the job is kept in the same transaction: it becomes the next job,
or the queued job takes it over.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from daemon.jobs.prompt import seed_input
from daemon.jobs.retry_policy import may_have_cost
from db import attempts, images, jobs, posts
from db.engine import Tx
from db.models import Job, NewJob, Post
from db.states import JobEventType, JobReason


def build_job(
    post: Post,
    reason: JobReason,
    now: datetime,
    *,
    acked_at: datetime | None = None,
    seed: int | None = None,
) -> NewJob:
    """Return a job that is due at once, with the stored inputs of its page.

    Args:
        acked_at: When the un-tick was confirmed; None if there is none.
        seed: A person's seed for its first image; None for random ones.
    """
    return NewJob(
        source=post.source,
        page_id=post.page_id,
        reason=reason,
        due_at=now,
        acked_at=acked_at,
        **newest_inputs(post, seed),
    )


def newest_inputs(post: Post, seed: int | None = None) -> dict[str, Any]:
    """Return the columns of a job that hold the stored inputs of its page.

    Args:
        seed: A person's seed, which is no input of the page.
    """
    return {
        "title": post.title,
        "fingerprint": post.fingerprint,
        "inputs": {**post.inputs, **seed_input(seed)},
    }


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
    """Move *job* to its final state; a request stored on it becomes the next job.

    Args:
        note: Text for the page about the failure; empty: none.
        is_answer: The inputs of the job must not start another automatic job, because
            a person cancelled it or Notion lists its page but refuses to return it.

    Raises:
        StaleJobError: Another writer moved the job first.
    """
    current = await jobs.get(tx, job.id) or job
    changes: dict[str, object] = {
        "outcome": why,
        "again": None,
        "waiting_for_provider": None,
    }
    # The next job begins with the un-tick; otherwise the failure note is pending.
    if current.again is not None and current.pending_write == "untick":
        changes |= {"pending_write": "", "pending_note": ""}
    elif event is JobEventType.ABANDONED and note and current.again is None:
        changes |= {"pending_write": "failed", "pending_note": note}
    # The job has ended, so a pending note about its wait is outdated.
    elif current.pending_write == "waiting":
        changes |= {"pending_write": "", "pending_note": ""}
    ended = await jobs.apply_event(tx, job, event, now=now, why=why, **changes)
    if event is JobEventType.ABANDONED or is_answer:
        await _save_rejected_fingerprint(tx, job)
    elif event is JobEventType.CANCELLED:
        await reject_if_charged_without_image(tx, ended)
    if current.again is not None:
        await _create_next_job(tx, current, now)
    return ended


async def _save_rejected_fingerprint(tx: Tx, job: Job) -> None:
    """Store that the inputs of *job* must not start another automatic job."""
    if job.reason in {JobReason.NEW, JobReason.EDITED}:
        await posts.update_fields(
            tx, job.source, job.page_id, rejected_fingerprint=job.fingerprint
        )


async def reject_if_charged_without_image(tx: Tx, job: Job) -> None:
    """Block automatic jobs for the inputs of a cancelled job that left no image.

    They are blocked only if the job may have been charged.  An existing image is reused
    by the next job for the same inputs, free of charge.  A running call is checked when
    it ends.
    """
    calls = [call for call in await attempts.of_job(tx, job.id) if call.is_for_image]
    if any(call.outcome is None for call in calls):
        return
    charged = any(may_have_cost(call) for call in calls)
    has_image = any(
        image.fingerprint == job.fingerprint and not image.is_card
        for image in await images.of_job(tx, job.id)
    )
    if charged and not has_image:
        await _save_rejected_fingerprint(tx, job)


async def _create_next_job(tx: Tx, job: Job, now: datetime) -> None:
    next_request = job.again or {}
    reason = JobReason(next_request["reason"])
    is_unticked = job.pending_write != "untick"
    is_ticked = reason is JobReason.REGENERATE
    await jobs.create(
        tx,
        NewJob(
            source=job.source,
            page_id=job.page_id,
            title=next_request["title"],
            reason=reason,
            due_at=now,
            fingerprint=next_request["fingerprint"],
            inputs=next_request["inputs"],
            pending_write="untick" if is_ticked and not is_unticked else "",
            acked_at=now if is_ticked and is_unticked else None,
        ),
        now=now,
        why=f"requested while job {job.id} was running",
    )


async def requeue_job(
    tx: Tx, job: Job, event: JobEventType, *, now: datetime, why: str, **changes: object
) -> Job:
    """Return *job* to the queue; it takes over a request stored on it.

    Args:
        changes: Further column values.

    Raises:
        StaleJobError: Another writer moved the job first.
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
            "waiting_for_provider": None,
            "first_waited_at": None,
        }
        # A newer tick must be confirmed before the next provider call.
        if current.pending_write == "untick":
            changes["acked_at"] = None
    return await jobs.apply_event(tx, job, event, now=now, why=why, **changes)
