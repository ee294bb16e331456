"""Inputs and actions of the planner.  No behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from daemon.jobs.prompt import Inputs
from daemon.notion.model import Page
from db.models import ImageRecord, Job, Post
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
