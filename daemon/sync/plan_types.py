"""What the planner is given, and the actions it returns.  No behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from daemon.jobs.inputs import Inputs
from daemon.notion.model import Page
from db.models import ImageRecord, Job, Post
from db.states import JobReason


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """What we remember of a page.

    Attributes:
        known: Files that are ours among those the page shows, by name, made for
            whatever page.
    """

    post: Post | None = None
    job: Job | None = None
    known: Mapping[str, ImageRecord] = field(
        default_factory=lambda: MappingProxyType({})
    )
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSnapshot:
    """The page now, read."""

    page: Page
    inputs: Inputs
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SavePost:
    """Store what the page shows."""

    post: Post


@dataclass(frozen=True, slots=True)
class CreateJob:
    """Make a job."""

    reason: JobReason
    due_at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class MergeIntoQueued:
    """Let a waiting job take the newest inputs and the strongest reason."""

    reason: JobReason
    due_at: datetime
    ticked: bool
    why: str


@dataclass(frozen=True, slots=True)
class ScheduleNext:
    """Remember the next wish on a job that is in work."""

    reason: JobReason
    ticked: bool
    why: str


@dataclass(frozen=True, slots=True)
class AcknowledgeRepeat:
    """The same wish once more: un-tick again, nothing else."""


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Cancel the open job."""

    why: str


Action: TypeAlias = (
    SavePost
    | CreateJob
    | MergeIntoQueued
    | ScheduleNext
    | AcknowledgeRepeat
    | CancelJob
)
