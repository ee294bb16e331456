"""The plan of a page: what the planner is given and returns, and the rows to write.

Pure: values only.  `daemon.sync.planner` decides, `daemon.sync.apply` writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from daemon.config.model import PostsSection
from daemon.jobs.prompt import Inputs, seed_input
from daemon.notion.filters import matches_filter
from daemon.notion.model import Page
from db.models import ImageRecord, Job, NewJob, Post
from db.states import JobReason


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """The stored state of a page.

    Attributes:
        job: The open job of the page.
        known: Images of ours that the page shows, by file name, including images
            that were made for other pages.
        held: The post waits for approval.
        variants: The images of the job whose images the page shows, by number.
    """

    post: Post | None = None
    job: Job | None = None
    known: Mapping[str, ImageRecord] = field(
        default_factory=lambda: MappingProxyType({})
    )
    held: bool = False
    variants: Sequence[ImageRecord] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSnapshot:
    """A page as Notion returned it, with its inputs and their fingerprint."""

    page: Page
    inputs: Inputs
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SavePost:
    """Store the post of the page."""

    post: Post


@dataclass(frozen=True, slots=True)
class CreateJob:
    """Create a job."""

    reason: JobReason
    due_at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class MergeIntoQueued:
    """Give the queued job the newest inputs and the strongest reason."""

    reason: JobReason
    due_at: datetime
    ticked: bool
    why: str


@dataclass(frozen=True, slots=True)
class ScheduleNext:
    """Store the next request on the running job."""

    reason: JobReason
    ticked: bool
    why: str


@dataclass(frozen=True, slots=True)
class AcknowledgeRepeat:
    """Clear the tick of a repeated request."""


@dataclass(frozen=True, slots=True)
class ShowVariants:
    """Show these of the images that a finished job has made.

    Attributes:
        job_id: The finished job.
        names: File names, in the order in which the page shows them.
    """

    job_id: int
    names: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class ReletterImages:
    """Put the new headline on the images that the page shows."""


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Cancel the open job."""

    why: str


@dataclass(frozen=True, slots=True)
class ReleasePost:
    """The post no longer waits for approval, as it needs no image now."""


Action: TypeAlias = (
    SavePost
    | CreateJob
    | MergeIntoQueued
    | ScheduleNext
    | AcknowledgeRepeat
    | ShowVariants
    | ReletterImages
    | CancelJob
    | ReleasePost
)


def merge_post(
    snapshot: PageSnapshot, old: Post | None, settings: PostsSection, now: datetime
) -> Post:
    """Return the post to store for a page, based on the stored post *old*."""
    page = snapshot.page
    base = old or Post(
        source="",
        page_id=page.id,
        url=page.url,
        title=page.title,
        date=page.date,
        created_at=page.created_at,
        seen_at=now,
        changed_at=now,
        fingerprint=snapshot.fingerprint,
        inputs={},
        shown_files=(),
        matches_only=True,
        matches_skip=False,
    )
    is_edited = base.fingerprint != snapshot.fingerprint
    return replace(
        base,
        url=page.url,
        title=page.title,
        date=page.date,
        changed_at=now if is_edited else base.changed_at,
        fingerprint=snapshot.fingerprint,
        inputs=snapshot.inputs.to_dict(),
        shown_files=tuple(file.name for file in page.image),
        matches_only=matches_filter(page.properties, settings.only),
        matches_skip=bool(settings.skip)
        and matches_filter(page.properties, settings.skip),
        removed=page.gone,
    )


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
        untick = {"pending_write": "untick", "acked_at": None}
        # The un-tick replaces the note about the wait.
        return changes | untick | {"waiting_notified_at": None}
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
