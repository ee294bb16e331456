"""What a job takes from the page it is about: the values of its row.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from daemon.flow.wants import Fold, Note, Sight
from db.records import Job, NewJob
from db.states import Reason


def new_job(source: str, sight: Sight, reason: Reason, due_at: datetime) -> NewJob:
    """Return a job for a page."""
    return NewJob(
        source=source,
        page_id=sight.page.id,
        title=sight.page.title,
        reason=reason,
        due_at=due_at,
        fingerprint=sight.fingerprint,
        inputs=sight.inputs.stored(),
        owed="untick" if reason is Reason.REGENERATE else "",
    )


def folded(sight: Sight, job: Job, action: Fold) -> Mapping[str, object]:
    """Return what a queued job takes from a request that joins it."""
    changes: dict[str, object] = {
        "title": sight.page.title,
        "reason": min(action.reason, job.reason, key=lambda reason: reason.rank),
        "due_at": action.due_at,
        "fingerprint": sight.fingerprint,
        "inputs": sight.inputs.stored(),
    }
    if action.ticked:
        changes |= {"owed": "untick", "acked_at": None}
    return changes


def noted(sight: Sight, action: Note) -> Mapping[str, object]:
    """Return what a job in work keeps of the request that comes after it."""
    changes: dict[str, object] = {
        "again": {
            "reason": action.reason,
            "title": sight.page.title,
            "fingerprint": sight.fingerprint,
            "inputs": sight.inputs.stored(),
        }
    }
    return changes | ({"owed": "untick"} if action.ticked else {})
