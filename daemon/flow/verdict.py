"""What becomes of a job when its chain is spent, or a call declined it.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from db.records import Attempt, Job
from db.states import Reason
from providers.base import FREE, Outcome

#: Between rounds through the chain; the last one stays.
PAUSES = (timedelta(minutes=1), timedelta(minutes=10))
#: How long a page with a real image waits for a service to make another.
PATIENCE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Another round at `due_at`; `counts`: it used up one of `posts.tries`."""

    due_at: datetime
    counts: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """Some variants exist: those are the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """Failed, or cancelled when nobody asked for it; the note goes on the page."""

    why: str
    note: str
    cancel: bool = False


Verdict: TypeAlias = Retry | Deliver | GiveUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """A round through the chain that ended without an image.

    Attributes:
        tried: All attempts of the job for the image it is at.
        made: Variants that exist.
        hopeless: No provider will ever serve this job.
        until: When something could change, if anything will by itself.
        reasons: One per provider, in words, for the note.
        keeps_image: The page shows an image that is not our card.
    """

    job: Job
    tried: Sequence[Attempt]
    made: int
    hopeless: bool
    until: datetime | None
    reasons: Sequence[tuple[str, str]]
    keeps_image: bool
    tries: int


def judge(ended: Round, now: datetime) -> Verdict:
    """Decide what a round that brought nothing means for its job."""
    why = in_words(ended.reasons)
    # Some variants exist: better than none.
    if ended.made:
        return Deliver()
    # A replacement nobody asked for: the card stays.
    if ended.job.reason is Reason.REPLACE:
        return GiveUp(why=f"no service made it ({why})", note="", cancel=True)
    # Nobody will ever do it.
    if ended.hopeless:
        return GiveUp(why=why, note=f"No image: {why}.")
    counts = any(_costs(one) for one in ended.tried if one.round == ended.job.rounds)
    tries = ended.job.tries + counts
    # Every try was used up on calls that may have cost money.
    if tries >= ended.tries:
        note = f"No image after {tries} tries: {why}."
        return GiveUp(why=f"{tries} tries: {why}", note=note)
    # The page has its image, and waiting longer helps nobody.
    if ended.keeps_image and now - _asked_at(ended.job) >= PATIENCE:
        return GiveUp(why=f"nobody within an hour: {why}", note=keep_note(ended, why))
    pause = PAUSES[min(ended.job.rounds, len(PAUSES) - 1)]
    due = now + pause
    # Nothing was asked because all rest: sooner is no use, later would be late.
    if ended.until is not None and not _called(ended):
        due = max(now, ended.until)
    if ended.keeps_image:
        due = min(due, _asked_at(ended.job) + PATIENCE)
    return Retry(due_at=due, counts=counts, why=why)


def keep_note(ended: Round, why: str) -> str:
    """Say that the page keeps its image, until when, and what to do."""
    when = f" (until {ended.until:%d %b %H:%M} UTC)" if ended.until else ""
    return f"No new image: {why}{when}. The old one stays; tick again later."


def in_words(reasons: Sequence[tuple[str, str]]) -> str:
    """Return "flux: credits used up; replicate: ..." for people."""
    return "; ".join(f"{name}: {why}" for name, why in reasons) or "nobody to ask"


def _costs(attempt: Attempt) -> bool:
    return attempt.outcome is not None and Outcome(attempt.outcome) not in FREE


def _called(ended: Round) -> bool:
    return any(one.round == ended.job.rounds for one in ended.tried)


def _asked_at(job: Job) -> datetime:
    return max(job.created_at, job.acked_at or job.created_at)
