"""What becomes of a job when its chain is spent.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from daemon.jobs.chain_input import ChainInput
from daemon.jobs.page_notes import no_image_note
from db.models import Attempt, Job
from db.states import JobReason
from providers.outcomes import FREE, Outcome

#: Between rounds through the chain; the last one stays.
PAUSES = (timedelta(minutes=1), timedelta(minutes=10))
#: How long a page with a real image waits for a service to make another.
PATIENCE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAt:
    """Another round at `due_at`; `counts`: it used up one of `posts.tries`."""

    due_at: datetime
    counts: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Nobody was asked, because all rest: nothing to write, look again then."""

    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverPartial:
    """Some variants exist: those are the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """Failed, or cancelled when nobody asked for it; the note goes on the page."""

    why: str
    note: str
    cancel: bool = False


Verdict: TypeAlias = RetryAt | Idle | DeliverPartial | Fail


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainResult:
    """A round through the chain that ended without an image.

    Attributes:
        hopeless: No provider will ever serve this job.
        until: When something could change, if anything will by itself.
        reasons: One per provider, in words, for the note.
        tries: How many rounds that may have cost money a job has.
    """

    job: Job
    case: ChainInput
    hopeless: bool
    until: datetime | None
    reasons: Sequence[tuple[str, str]]
    tries: int


def decide_after_round(ended: ChainResult, now: datetime) -> Verdict:
    """Decide what a round that brought nothing means for its job."""
    why = format_reasons(ended.reasons)
    case = ended.case
    # Some variants exist: better than none.
    if case.made:
        return DeliverPartial()
    # A replacement nobody asked for: the card stays.
    if ended.job.reason is JobReason.REPLACE:
        return Fail(why=f"no service made it ({why})", note="", cancel=True)
    # Nobody will ever do it.
    if ended.hopeless:
        return Fail(why=why, note=no_image_note(why, shows_image=case.shows_image))
    counts = any(_may_have_cost(one) for one in _round_attempts(case))
    tries = ended.job.tries + counts
    # Every try was used up on calls that may have cost money.
    if tries >= ended.tries:
        note = no_image_note(
            why, shows_image=case.shows_image, after=f" after {tries} tries"
        )
        return Fail(why=f"{tries} tries: {why}", note=note)
    # Asked for when the clock was ahead: it counts from now.
    patience_ends = min(requested_at(ended.job), now) + PATIENCE
    # The page has its image, and waiting longer helps nobody.
    if case.keeps_image and now >= patience_ends:
        return Fail(
            why=f"nobody within an hour: {why}", note=_kept_image_note(ended, why)
        )
    # Nobody was asked: no round was used up, and no row is touched.
    if not case.was_tried_this_round:
        return Idle(
            until=_wake_time(ended.until, patience_ends, keeps_image=case.keeps_image)
        )
    pause = PAUSES[min(ended.job.rounds, len(PAUSES) - 1)]
    due = min(now + pause, patience_ends) if case.keeps_image else now + pause
    return RetryAt(due_at=due, counts=counts, why=why)


def _wake_time(
    until: datetime | None, patience_ends: datetime, *, keeps_image: bool
) -> datetime | None:
    if not keeps_image:
        return until
    return min(until, patience_ends) if until else patience_ends


def _kept_image_note(ended: ChainResult, why: str) -> str:
    when = f" (until {ended.until:%d %b %H:%M} UTC)" if ended.until else ""
    return no_image_note(f"{why}{when}", shows_image=True, advice="Tick again later.")


def format_reasons(reasons: Sequence[tuple[str, str]]) -> str:
    """Return "flux: credits used up; replicate: ..." for people."""
    return "; ".join(f"{name}: {why}" for name, why in reasons) or "nobody to ask"


def _round_attempts(case: ChainInput) -> list[Attempt]:
    return [
        one
        for one in case.tried
        if one.round == case.round and one.number == case.number
    ]


def _may_have_cost(attempt: Attempt) -> bool:
    return attempt.outcome is not None and Outcome(attempt.outcome) not in FREE


def requested_at(job: Job) -> datetime:
    """Return when the wish was made: the last un-tick that was confirmed, or before."""
    times = (job.created_at, job.acked_at, job.reopened_at)
    return max(time for time in times if time is not None)
