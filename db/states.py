"""The states of a job.  `TRANSITIONS` lists every change of state that can happen."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class JobState(StrEnum):
    """The state of a job.  A waiting job is queued, with a later `due_at`."""

    #: Waits for its `due_at`, without a worker.  A crash does not change it.
    QUEUED = "queued"
    #: A worker calls the providers of the chain.  After a crash the job is rescued and
    #: its open attempts are resumed.
    GENERATING = "generating"
    #: All its images are stored, but not uploaded to Notion.  After a crash it resumes.
    UPLOADING = "uploading"
    #: The page shows the image.
    DONE = "done"
    #: No image: the reason is on the page and in the history.
    FAILED = "failed"
    #: Cancelled by a person, or because the page was removed or shows an image.
    CANCELLED = "cancelled"


class JobReason(StrEnum):
    """Why an image is requested, strongest first."""

    REGENERATE = "regenerate"  #: The box was ticked, or `regenerate` was called.
    NEW = "new"  #: The page shows no image, and none was generated.
    EDITED = "edited"  #: The inputs changed since the image was generated.
    REPLACE = "replace"  #: The image is our card, and a provider is available again.

    @property
    def rank(self) -> int:
        """Position in the order of strength, 0 for the strongest."""
        return list(JobReason).index(self)


class JobEventType(StrEnum):
    """What happened to a job.  Several events can lead to the same state."""

    CLAIMED = "claimed"  #: A worker claimed the job.
    GENERATED = "generated"  #: All its images are stored.
    UPLOADED = "uploaded"  #: Notion confirmed the write that shows the images.
    RETRIED = "retried"  #: A round through the chain ended without an image.
    SNOOZED = "snoozed"  #: It waits for a provider or Notion; this is not a try.
    RESCUED = "rescued"  #: The daemon that had claimed it ended.
    ABANDONED = "abandoned"  #: No try is left, or another try cannot help.
    CANCELLED = "cancelled"  #: See `JobState.CANCELLED`.
    REOPENED = "reopened"  #: A person asked for another try, or for its image again.
    REPEATED = "repeated"  #: Ticked again before the image was shown: same request.
    FOLDED = "folded"  #: A newer request was merged into the queued job.
    NOTED = "noted"  #: A newer request will run after this job.
    ACKNOWLEDGED = "acknowledged"  #: Notion confirmed the un-tick.


OPEN = frozenset({JobState.QUEUED, JobState.GENERATING, JobState.UPLOADING})
#: A job leaves these only when a person reopens it (`REOPENED`).
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
        IllegalTransitionError: *event* is not in `TRANSITIONS` for this state.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransitionError(state, event) from None
