"""The life of a job, as data: a move that is not in `TRANSITIONS` cannot happen."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
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


class Reason(StrEnum):
    """Why an image is wanted, strongest first."""

    REGENERATE = "regenerate"  #: The box was ticked, or `regenerate` was called.
    NEW = "new"  #: No image on the page and none made.
    EDITED = "edited"  #: Inputs changed since its image.
    REPLACE = "replace"  #: Its image is our card, and a service is back.

    @property
    def rank(self) -> int:
        """0 for the strongest."""
        return list(Reason).index(self)


class Event(StrEnum):
    """Why a job moved, or what happened to it.  Several may lead to one state."""

    CLAIMED = "claimed"  #: A worker took it.
    GENERATED = "generated"  #: Its images are on disk.
    UPLOADED = "uploaded"  #: Notion confirmed the write that shows them.
    RETRIED = "retried"  #: A round through the chain ended with nothing.
    SNOOZED = "snoozed"  #: Waits for a service or Notion; costs no try.
    RESCUED = "rescued"  #: The daemon died while holding it.
    ABANDONED = "abandoned"  #: No try is left, or none would help.
    CANCELLED = "cancelled"  #: See `State.CANCELLED`.
    REOPENED = "reopened"  #: A person asked for another try, or for its image again.
    REPEATED = "repeated"  #: Ticked again before its image was there: the same wish.
    FOLDED = "folded"  #: A newer wish joined it while it waited.
    NOTED = "noted"  #: A newer wish waits for its end.
    ACKNOWLEDGED = "acknowledged"  #: Notion confirmed the un-tick.


OPEN = frozenset({State.QUEUED, State.GENERATING, State.UPLOADING})
#: Left only when a person asks for another try (`REOPENED`).
FINAL = frozenset({State.DONE, State.FAILED, State.CANCELLED})

TRANSITIONS = MappingProxyType(
    {
        (State.QUEUED, Event.CLAIMED): State.GENERATING,
        (State.QUEUED, Event.SNOOZED): State.QUEUED,
        (State.QUEUED, Event.FOLDED): State.QUEUED,
        (State.QUEUED, Event.REPEATED): State.QUEUED,
        (State.QUEUED, Event.ACKNOWLEDGED): State.QUEUED,
        (State.QUEUED, Event.CANCELLED): State.CANCELLED,
        (State.GENERATING, Event.GENERATED): State.UPLOADING,
        (State.GENERATING, Event.RETRIED): State.QUEUED,
        (State.GENERATING, Event.SNOOZED): State.QUEUED,
        (State.GENERATING, Event.RESCUED): State.QUEUED,
        (State.GENERATING, Event.REPEATED): State.GENERATING,
        (State.GENERATING, Event.NOTED): State.GENERATING,
        (State.GENERATING, Event.ACKNOWLEDGED): State.GENERATING,
        (State.GENERATING, Event.ABANDONED): State.FAILED,
        (State.GENERATING, Event.CANCELLED): State.CANCELLED,
        (State.UPLOADING, Event.UPLOADED): State.DONE,
        (State.UPLOADING, Event.SNOOZED): State.UPLOADING,
        (State.UPLOADING, Event.RESCUED): State.UPLOADING,
        (State.UPLOADING, Event.REPEATED): State.UPLOADING,
        (State.UPLOADING, Event.NOTED): State.UPLOADING,
        (State.UPLOADING, Event.ACKNOWLEDGED): State.UPLOADING,
        (State.UPLOADING, Event.ABANDONED): State.FAILED,
        (State.UPLOADING, Event.CANCELLED): State.CANCELLED,
        (State.DONE, Event.REOPENED): State.UPLOADING,
        (State.FAILED, Event.REOPENED): State.QUEUED,
        (State.CANCELLED, Event.REOPENED): State.QUEUED,
    }
)


class IllegalMoveError(Exception):
    """This event cannot happen to a job in this state."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"a {state} job cannot be {event}")


def after(state: State, event: Event) -> State:
    """Return the state that *event* leads to.

    Raises:
        IllegalMoveError: The move is not in the table.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalMoveError(state, event) from None
