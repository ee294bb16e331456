"""Which provider of the chain a job asks next: pure, time passed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from providers.admission import Admission, AdmissionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One provider as one job sees it now.

    Attributes:
        busy: At its concurrency.
        greets: It can be asked whether it is up, without a job.
        out: Why it will not serve this job (any more), or None.
        budget_until: Over budget until then.
    """

    name: str
    standing: Admission
    is_card: bool = False
    busy: bool = False
    greets: bool = False
    out: str | None = None
    budget_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallProvider:
    """Ask this one, as the probe of its breaker or not."""

    name: str
    probe: bool


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Its model is loading, or it was asked too fast: worth waiting for."""

    name: str
    until: datetime


@dataclass(frozen=True, slots=True)
class AtCapacity:
    """It is at its concurrency, or a probe we wait for is out: until a call ends."""

    name: str


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """It was away, and its time has come: see whether it is up, then decide again."""

    name: str


@dataclass(frozen=True, slots=True)
class Exhausted:
    """Nobody serves.  `until`: when something may change by itself."""

    until: datetime | None
    reasons: tuple[tuple[str, str], ...]


Decision: TypeAlias = CallProvider | WaitUntil | AtCapacity | HealthCheck | Exhausted


def decide_next(
    links: Sequence[Candidate],
    *,
    now: datetime,
    waited_since: datetime | None,
    loading_wait: timedelta,
    card_allowed: bool,
) -> Decision:
    """Return what a job does next; the first of *links* that serves is asked."""
    patience_ends = (waited_since or now) + loading_wait
    reasons: list[tuple[str, str]] = []
    times: list[datetime] = []
    for link in links:
        found = link.standing
        # A card never replaces a real image.
        if link.is_card and not card_allowed:
            continue
        # It has declined this job, or wasted too much on it.
        if link.out is not None:
            reasons.append((link.name, link.out))
            continue
        # Over budget: a check, not a breaker.
        if link.budget_until is not None:
            reasons.append((link.name, "over its budget"))
            times.append(link.budget_until)
            continue
        match found.kind:
            # A worker's place is not free: wait for it rather than pass it over.
            case AdmissionKind.READY | AdmissionKind.PROBE if link.busy:
                return AtCapacity(link.name)
            # The owner's own server was away: no job is tried on it before it is up.
            case AdmissionKind.PROBE if link.greets and found.unseen:
                return HealthCheck(link.name)
            # It serves, or its time has come and this job is the probe.
            case AdmissionKind.READY | AdmissionKind.PROBE:
                return CallProvider(link.name, probe=found.kind is AdmissionKind.PROBE)
            # Loading, and the probe is out: wait for its verdict, within patience.
            case AdmissionKind.PROBING if found.waitable and now < patience_ends:
                return AtCapacity(link.name)
            # Loading, and done before this job's patience ends.
            case AdmissionKind.RESTING if _is_worth_waiting(found, patience_ends):
                return WaitUntil(link.name, found.until or patience_ends)
        # Resting for longer, or another job is its probe: the next one.
        reasons.append((link.name, _blocked_reason(found, now)))
        if found.until is not None:
            times.append(found.until)
    return Exhausted(min(times, default=None), tuple(reasons))


def _is_worth_waiting(found: Admission, patience_ends: datetime) -> bool:
    return found.waitable and found.until is not None and found.until <= patience_ends


def _blocked_reason(found: Admission, now: datetime) -> str:
    if found.kind is AdmissionKind.PROBING:
        return f"{found.why}, being asked again now"
    back = found.back
    if back is None:
        return found.why
    # In UTC, like the notes on pages: the reader may be anywhere.
    far = (back - now) > timedelta(hours=20)
    when = f"{back.day} {back:%b %H:%M}" if far else f"{back:%H:%M}"
    return f"{found.why}, resting until {when} UTC"
