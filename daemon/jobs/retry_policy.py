"""Decide about a job after a round without an image.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from daemon.formatting import format_time
from db.models import Attempt, Job
from db.states import JobReason
from providers.charges import FREE
from providers.outcomes import Outcome

#: Pauses between rounds through the chain; the last pause repeats.
PAUSES = (timedelta(minutes=1), timedelta(minutes=10))
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
        reasons: Provider and reason, for the note.
        tries: Maximum number of rounds that may cost money (`posts.tries`).
    """

    job: Job
    calls: Sequence[Attempt]
    has_images: bool
    keeps_image: bool
    shows_image: bool
    hopeless: bool
    until: datetime | None
    reasons: Sequence[tuple[str, str]]
    tries: int


def decide_after_round(ended: RoundResult, now: datetime) -> Verdict:
    """Return what follows a round without an image."""
    why = format_reasons(ended.reasons)
    # Some variants exist and are delivered.
    if ended.has_images:
        return DeliverPartial()
    # An automatic replacement leaves its card.
    if ended.job.reason is JobReason.REPLACE:
        return Fail(why=f"no service made it ({why})", note="", cancel=True)
    # No provider can ever generate the image.
    if ended.hopeless:
        return Fail(why=why, note=no_image_note(why, shows_image=ended.shows_image))
    counts = any(may_have_cost(attempt) for attempt in ended.calls)
    tries = ended.job.tries + counts
    # All tries were used by calls that may have cost money.
    if tries >= ended.tries:
        note = no_image_note(
            why, shows_image=ended.shows_image, after=f" after {tries} tries"
        )
        return Fail(why=f"{tries} tries: {why}", note=note)
    # A request time in the future, from a wrong clock, counts as now.
    patience_ends = min(requested_at(ended.job), now) + PATIENCE
    # The page shows an image, and its patience has ended.
    if ended.keeps_image and now >= patience_ends:
        return Fail(
            why=f"nobody within an hour: {why}", note=_kept_image_note(ended, why)
        )
    # A page that shows no image has no such limit.
    limits = [patience_ends] if ended.keeps_image else []
    # No provider was called, so no round is used up.
    if not ended.calls:
        times = [ended.until, *limits] if ended.until else limits
        return Idle(until=min(times, default=None))
    pause = PAUSES[min(ended.job.rounds, len(PAUSES) - 1)]
    return RetryAt(due_at=min([now + pause, *limits]), counts=counts, why=why)


def _kept_image_note(ended: RoundResult, why: str) -> str:
    when = ""
    if ended.until:
        when = f" (until {format_time(ended.until, UTC, padded=True)} UTC)"
    return no_image_note(f"{why}{when}", shows_image=True, advice="Tick again later.")


def format_reasons(reasons: Sequence[tuple[str, str]]) -> str:
    """Format reasons for people, like "flux: credits used up; replicate: ..."."""
    return "; ".join(f"{name}: {why}" for name, why in reasons) or "nobody to ask"


def may_have_cost(attempt: Attempt) -> bool:
    """Return whether *attempt* has ended with an outcome that may be charged."""
    return attempt.outcome is not None and Outcome(attempt.outcome) not in FREE


def requested_at(job: Job) -> datetime:
    """Return when the job was last requested: created, un-ticked or reopened."""
    times = (job.created_at, job.acked_at, job.reopened_at)
    return max(time for time in times if time is not None)


#: Tells readers that the image they still see is not the failed one.
KEPT = "The current image was kept."


def no_image_note(
    why: str, *, shows_image: bool, after: str = "", advice: str = ""
) -> str:
    """Return a note that says why there is no image, or no new image.

    Args:
        why: The reason; a trailing full stop is removed.
        after: The effort, like " after 3 tries".
        advice: A sentence that says what to do.
    """
    start = "No new image" if shows_image else "No image"
    sentences = [f"{start}{after}: {why.rstrip('.')}.", KEPT if shows_image else ""]
    return " ".join(filter(None, [*sentences, advice]))
