"""Decide about a job after a round without an image.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from daemon.formatting import format_count
from db.models import Attempt, Job
from db.states import JobReason
from providers.charges import FREE
from providers.outcomes import Outcome

#: Pauses between rounds through the chain; the last pause repeats.
PAUSES = (timedelta(minutes=1), timedelta(minutes=10))
#: A page is told of a wait that lasts longer.
TELL_AFTER = timedelta(seconds=15)
#: How long a page that shows a generated image waits for another one.
PATIENCE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAt:
    """Retry at `due_at`.  `counts` is true if the round used one of `posts.tries`."""

    due_at: datetime
    counts: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Wait until `until` without a write: no provider was called in this round."""

    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverPartial:
    """Deliver the existing variants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """End the job as failed, or cancelled if `cancel`, and put `note` on the page."""

    why: str
    note: str
    cancel: bool = False


Verdict: TypeAlias = RetryAt | Idle | DeliverPartial | Fail


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundResult:
    """A round through the chain that ended without an image.

    Attributes:
        calls: The calls for the missing image in this round.
        has_images: Some variants of the job exist.
        keeps_image: The page shows an image that is not a card of ours.
        shows_image: The page shows any image, cards included.
        hopeless: Every provider is permanently excluded for this job.
        until: When a provider may become available; None: unknown.
        why: Why no provider is available, for people.
        tries: Maximum number of rounds that may cost money (`posts.tries`).
    """

    job: Job
    calls: Sequence[Attempt]
    has_images: bool
    keeps_image: bool
    shows_image: bool
    hopeless: bool
    until: datetime | None
    why: str
    tries: int


def decide_after_round(ended: RoundResult, now: datetime) -> Verdict:
    """Return what follows a round without an image."""
    why = ended.why
    # Some variants exist and are delivered.
    if ended.has_images:
        return DeliverPartial()
    # An automatic replacement leaves its card.
    if ended.job.reason is JobReason.REPLACE:
        return Fail(why=f"the card was not replaced: {why}", note="", cancel=True)
    # No provider can ever generate the image.
    if ended.hopeless:
        note = no_image_note(why, shows_image=ended.shows_image, advice=EDIT_ADVICE)
        return Fail(why=why, note=note)
    counts = any(may_have_cost(attempt) for attempt in ended.calls)
    tries = ended.job.tries + counts
    # All tries were used by calls that may have cost money.
    if tries >= ended.tries:
        why = f"no result after {format_count(tries, 'attempt')}: {why}"
        note = no_image_note(why, shows_image=ended.shows_image, advice=TICK_ADVICE)
        return Fail(why=why, note=note)
    # A request time in the future, from a wrong clock, counts as now.
    patience_ends = min(requested_at(ended.job), now) + PATIENCE
    # The page shows an image, and its patience has ended.
    if ended.keeps_image and now >= patience_ends:
        note = no_image_note(why, shows_image=True, advice=LATER_ADVICE)
        return Fail(why=f"no service was available for an hour: {why}", note=note)
    # A page that shows no image has no such limit.
    limits = [patience_ends] if ended.keeps_image else []
    # No provider was called, so no round is used up.
    if not ended.calls:
        times = [ended.until, *limits] if ended.until else limits
        return Idle(until=min(times, default=None))
    pause = PAUSES[min(ended.job.rounds, len(PAUSES) - 1)]
    return RetryAt(due_at=min([now + pause, *limits]), counts=counts, why=why)


def may_have_cost(attempt: Attempt) -> bool:
    """Return whether *attempt* has ended with an outcome that may be charged."""
    return attempt.outcome is not None and Outcome(attempt.outcome) not in FREE


def requested_at(job: Job) -> datetime:
    """Return when the job was last requested: created, un-ticked or reopened."""
    times = (job.created_at, job.acked_at, job.reopened_at)
    return max(time for time in times if time is not None)


#: Tells readers that the image they still see is not the failed one.
KEPT = "The current image was kept."
EDIT_ADVICE = "Edit the post and tick Regenerate to try again."
TICK_ADVICE = "Tick Regenerate to try again."
LATER_ADVICE = "Tick Regenerate later to try again."


def needs_waiting_note(job: Job, since: datetime, until: datetime) -> bool:
    """Return whether a page is told that its job waits from *since* to *until*."""
    # The page was told, or another write comes first.
    if job.waiting_notified_at or job.pending_write:
        return False
    # An automatic replacement leaves its card and adds no note.
    return job.reason is not JobReason.REPLACE and until - since >= TELL_AFTER


def waiting_note(why: str) -> str:
    """Return a note that says why the image of a page has to wait."""
    return f"Waiting: {why.rstrip('.')}. postbrush will try again automatically."


def no_image_note(why: str, *, shows_image: bool, advice: str = "") -> str:
    """Return a note that says why the page gets no image, or no new image.

    Args:
        why: The reason; its first letter is capitalized, and it gets one full stop.
        advice: A sentence that says what to do.
    """
    reason = f"{why[:1].upper()}{why[1:].rstrip('.')}."
    return " ".join(filter(None, [reason, KEPT if shows_image else "", advice]))
