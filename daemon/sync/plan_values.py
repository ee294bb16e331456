"""The values of the rows that planned actions write.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from daemon.jobs.prompt import seed_input
from daemon.sync.plan_types import MergeIntoQueued, PageSnapshot, ScheduleNext
from db.models import Job, NewJob
from db.states import JobReason


def new_job(
    source: str, snapshot: PageSnapshot, reason: JobReason, due_at: datetime
) -> NewJob:
    """Return the values of a new job for a page."""
    return NewJob(
        source=source,
        page_id=snapshot.page.id,
        title=snapshot.page.title,
        reason=reason,
        due_at=due_at,
        fingerprint=snapshot.fingerprint,
        inputs=snapshot.inputs.to_dict(),
        pending_write="untick" if reason is JobReason.REGENERATE else "",
    )


def merged_values(
    snapshot: PageSnapshot, job: Job, action: MergeIntoQueued
) -> Mapping[str, object]:
    """Return the new values of a queued job that a newer request joins."""
    changes: dict[str, object] = {
        **_image_values(snapshot),
        "reason": min(action.reason, job.reason, key=lambda reason: reason.rank),
        "due_at": action.due_at,
    }
    if action.ticked:
        return changes | {"pending_write": "untick", "acked_at": None}
    # An edit changes the text of a request, not the seed that a person has named.
    seed = seed_input(job.inputs.get("seed"))
    return changes | {"inputs": snapshot.inputs.to_dict() | seed}


def next_request_values(
    snapshot: PageSnapshot, action: ScheduleNext
) -> Mapping[str, object]:
    """Return the new values of a running job that a newer request follows."""
    again = {"reason": action.reason, **_image_values(snapshot)}
    return {"again": again} | ({"pending_write": "untick"} if action.ticked else {})


def _image_values(snapshot: PageSnapshot) -> Mapping[str, object]:
    return {
        "title": snapshot.page.title,
        "fingerprint": snapshot.fingerprint,
        "inputs": snapshot.inputs.to_dict(),
    }
