"""Records: frozen copies of rows, one class per table.

Field names are the column names of `db.tables`, which explains each column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from db.states import OPEN, JobReason, JobState

Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What is stored of one source; a row of `sync`."""

    source: str
    data_source: str
    title: str
    columns: Mapping[str, str]
    sweep_scope: str
    watermark: datetime | None = None
    last_sweep_at: datetime | None = None
    access_error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What is stored of one page; a row of `posts`."""

    id: int = 0
    source: str
    page_id: str
    url: str
    title: str
    date: str
    created_at: datetime
    seen_at: datetime
    changed_at: datetime
    fingerprint: str
    inputs: Json
    shown_files: tuple[str, ...]
    matches_only: bool
    matches_skip: bool
    removed: bool = False
    rejected_fingerprint: str | None = None
    image_fingerprint: str | None = None
    our_alt_text: str | None = None
    unticked_at: datetime | None = None
    replace_tried_at: datetime | None = None
    interim_status: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPost:
    """One post that waits for approval; a row of `held`."""

    id: int
    source: str
    page_id: str
    reason: JobReason
    held_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """The values that `db.jobs.create` needs for a new job."""

    source: str
    page_id: str
    title: str
    reason: JobReason
    due_at: datetime
    fingerprint: str
    inputs: Json
    pending_write: str = ""
    acked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request for an image; a row of `jobs`."""

    id: int
    source: str
    page_id: str
    title: str
    reason: JobReason
    state: JobState
    created_at: datetime
    due_at: datetime
    moved_at: datetime
    fingerprint: str
    inputs: Json
    rounds: int = 0
    tries: int = 0
    first_waited_at: datetime | None = None
    waiting_for_provider: str | None = None
    acked_at: datetime | None = None
    pending_write: str = ""
    pending_note: str = ""
    waiting_notified_at: datetime | None = None
    reopened_at: datetime | None = None
    again: Json | None = None
    outcome: str = ""
    claimed_by: str = ""
    read_at: datetime | None = None
    written: Json | None = None

    @property
    def is_open(self) -> bool:
        """Whether the job is queued, generating or uploading."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent:
    """One row of `events`.

    Attributes:
        event: A `JobEventType`, or "queued" when the job was created, "delayed" when
            a step failed and will be retried, "resumed" when it succeeded.
    """

    id: int
    source: str
    job_id: int
    at: datetime
    event: str
    state: JobState
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call of an image service or a prompt writer; a row of `attempts`."""

    id: int
    source: str
    page_id: str
    job_id: int | None
    number: int
    round: int
    provider: str
    model: str | None = None
    generation: int
    price: float
    cost: float
    included_cost: float
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None
    http_status: int | None = None
    remote_id: str | None = None
    seed: int
    file_name: str
    error: str = ""

    @property
    def is_for_image(self) -> bool:
        """Whether an image was requested, and not a prompt."""
        return self.number > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """One stored image; a row of `images`."""

    id: int
    source: str
    page_id: str
    job_id: int | None
    attempt_id: int
    number: int
    provider: str
    is_card: bool
    card_why: str
    replaceable: bool
    name: str
    width: int
    height: int
    bytes: int
    sha256: str
    seed: int
    model: str | None
    prompt: str
    fingerprint: str
    made_at: datetime
    upload_id: str | None = None
    shown_at: datetime | None = None
    pruned_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A source that a person has paused; `until` None: until it is resumed."""

    source: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRecord:
    """One stored circuit breaker; `providers.breaker` has its logic."""

    source: str
    name: str
    state: str
    reason: str | None
    failures: int
    consecutive_opens: int
    opened_at: datetime | None
    until: datetime | None
    probe_at: datetime | None
    generation: int
    probe_owner: str | None
    probe_until: datetime | None
    settings: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """What the account of a provider said last; a row of `accounts`."""

    provider: str
    settings: str
    asked_at: datetime
    included: float | None
    used: float | None
    spend_limit: float | None
    counted_until: datetime
    resets_at: datetime
    problem: str
    missing_rights: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonRecord:
    """One daemon; `heartbeat_count` counts its heartbeats, independent of its clock."""

    id: str
    name: str
    started_at: datetime
    renewed_at: datetime
    heartbeat_count: int = 0
    roles: str = ""
    store: str = ""
