"""The life of a job, as data: a move that is not in `TRANSITIONS` cannot happen."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class JobState(StrEnum):
    """Where a job stands.  Waiting is not a state: it is `due_at` in the future."""

    #: Waits for its `due_at`.  Holds no worker; survives a crash as it is.
    QUEUED = "queued"
    #: A worker asks the chain.  After a crash: rescued, open attempts looked into.
    GENERATING = "generating"
    #: All its images are on disk, Notion has not got them.  After a crash: goes on.
    UPLOADING = "uploading"
    #: The page shows the image.
    DONE = "done"
    #: Gave up; the reason is on the page and in the history.
    FAILED = "failed"
    #: No longer wanted: by a person, or the page is gone, or it shows an image.
    CANCELLED = "cancelled"


class JobReason(StrEnum):
    """Why an image is wanted, strongest first."""

    REGENERATE = "regenerate"  #: The box was ticked, or `regenerate` was called.
    NEW = "new"  #: No image on the page and none made.
    EDITED = "edited"  #: Inputs changed since its image.
    REPLACE = "replace"  #: Its image is our card, and a service is back.

    @property
    def rank(self) -> int:
        """0 for the strongest."""
        return list(JobReason).index(self)


class JobEventType(StrEnum):
    """Why a job moved, or what happened to it.  Several may lead to one state."""

    CLAIMED = "claimed"  #: A worker took it.
    GENERATED = "generated"  #: Its images are on disk.
    UPLOADED = "uploaded"  #: Notion confirmed the write that shows them.
    RETRIED = "retried"  #: A round through the chain ended with nothing.
    SNOOZED = "snoozed"  #: Waits for a service or Notion; costs no try.
    RESCUED = "rescued"  #: The daemon died while holding it.
    ABANDONED = "abandoned"  #: No try is left, or none would help.
    CANCELLED = "cancelled"  #: See `JobState.CANCELLED`.
    REOPENED = "reopened"  #: A person asked for another try, or for its image again.
    REPEATED = "repeated"  #: Ticked again before its image was there: the same wish.
    FOLDED = "folded"  #: A newer wish joined it while it waited.
    NOTED = "noted"  #: A newer wish waits for its end.
    ACKNOWLEDGED = "acknowledged"  #: Notion confirmed the un-tick.


OPEN = frozenset({JobState.QUEUED, JobState.GENERATING, JobState.UPLOADING})
#: Left only when a person asks for another try (`REOPENED`).
FINAL = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})

TRANSITIONS = MappingProxyType(
    {
        (JobState.QUEUED, JobEventType.CLAIMED): JobState.GENERATING,
        (JobState.QUEUED, JobEventType.SNOOZED): JobState.QUEUED,
        (JobState.QUEUED, JobEventType.FOLDED): JobState.QUEUED,
        (JobState.QUEUED, JobEventType.REPEATED): JobState.QUEUED,
        (JobState.QUEUED, JobEventType.ACKNOWLEDGED): JobState.QUEUED,
        (JobState.QUEUED, JobEventType.CANCELLED): JobState.CANCELLED,
        (JobState.GENERATING, JobEventType.GENERATED): JobState.UPLOADING,
        (JobState.GENERATING, JobEventType.RETRIED): JobState.QUEUED,
        (JobState.GENERATING, JobEventType.SNOOZED): JobState.QUEUED,
        (JobState.GENERATING, JobEventType.RESCUED): JobState.QUEUED,
        (JobState.GENERATING, JobEventType.REPEATED): JobState.GENERATING,
        (JobState.GENERATING, JobEventType.NOTED): JobState.GENERATING,
        (JobState.GENERATING, JobEventType.ACKNOWLEDGED): JobState.GENERATING,
        (JobState.GENERATING, JobEventType.ABANDONED): JobState.FAILED,
        (JobState.GENERATING, JobEventType.CANCELLED): JobState.CANCELLED,
        (JobState.UPLOADING, JobEventType.UPLOADED): JobState.DONE,
        (JobState.UPLOADING, JobEventType.SNOOZED): JobState.UPLOADING,
        (JobState.UPLOADING, JobEventType.RESCUED): JobState.UPLOADING,
        (JobState.UPLOADING, JobEventType.REPEATED): JobState.UPLOADING,
        (JobState.UPLOADING, JobEventType.NOTED): JobState.UPLOADING,
        (JobState.UPLOADING, JobEventType.ACKNOWLEDGED): JobState.UPLOADING,
        (JobState.UPLOADING, JobEventType.ABANDONED): JobState.FAILED,
        (JobState.UPLOADING, JobEventType.CANCELLED): JobState.CANCELLED,
        (JobState.DONE, JobEventType.REOPENED): JobState.UPLOADING,
        (JobState.FAILED, JobEventType.REOPENED): JobState.QUEUED,
        (JobState.CANCELLED, JobEventType.REOPENED): JobState.QUEUED,
    }
)


class IllegalTransitionError(Exception):
    """This event cannot happen to a job in this state."""

    def __init__(self, state: JobState, event: JobEventType) -> None:
        super().__init__(f"a {state} job cannot be {event}")


def next_state(state: JobState, event: JobEventType) -> JobState:
    """Return the state that *event* leads to.

    Raises:
        IllegalMoveError: The move is not in the table.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransitionError(state, event) from None
