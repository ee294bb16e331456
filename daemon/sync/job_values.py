"""What a job takes from the page it is about: the values of its row.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from daemon.sync.plan_types import MergeIntoQueued, PageSnapshot, ScheduleNext
from db.models import Job, NewJob
from db.states import JobReason


def new_job(
    source: str, sight: PageSnapshot, reason: JobReason, due_at: datetime
) -> NewJob:
    """Return a job for a page."""
    return NewJob(
        source=source,
        page_id=sight.page.id,
        title=sight.page.title,
        reason=reason,
        due_at=due_at,
        fingerprint=sight.fingerprint,
        inputs=sight.inputs.to_dict(),
        owed="untick" if reason is JobReason.REGENERATE else "",
    )


def merged_values(
    sight: PageSnapshot, job: Job, action: MergeIntoQueued
) -> Mapping[str, object]:
    """Return what a queued job takes from a request that joins it."""
    changes: dict[str, object] = {
        "title": sight.page.title,
        "reason": min(action.reason, job.reason, key=lambda reason: reason.rank),
        "due_at": action.due_at,
        "fingerprint": sight.fingerprint,
        "inputs": sight.inputs.to_dict(),
    }
    if action.ticked:
        changes |= {"owed": "untick", "acked_at": None}
    return changes


def next_request_values(
    sight: PageSnapshot, action: ScheduleNext
) -> Mapping[str, object]:
    """Return what a job in work keeps of the request that comes after it."""
    changes: dict[str, object] = {
        "again": {
            "reason": action.reason,
            "title": sight.page.title,
            "fingerprint": sight.fingerprint,
            "inputs": sight.inputs.to_dict(),
        }
    }
    return changes | ({"owed": "untick"} if action.ticked else {})
