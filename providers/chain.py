"""Which provider of the chain a job calls next: pure, time passed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from providers.admission import Admission, AdmissionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """The state of one provider of the chain, for one job.

    Attributes:
        admission: The decision of the provider's breaker.
        is_busy: The provider is at its concurrency.
        excluded_reason: Why the provider is excluded for this job, or None.
        budget_until: The end of the period whose budget is used up, or None.
    """

    name: str
    admission: Admission
    is_card: bool = False
    is_busy: bool = False
    has_health_check: bool = False
    excluded_reason: str | None = None
    budget_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallProvider:
    """Call the provider; `probe` is True for the probe of its breaker."""

    name: str
    probe: bool


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Wait for the provider, whose model is loading or whose rate limit is reached.

    Attributes:
        why: What follows the label of the provider, as "is loading the model".
    """

    name: str
    until: datetime
    why: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class AtCapacity:
    """Wait until a call of the provider ends: it is busy, or its probe is running."""

    name: str


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Check whether the provider is up after its pause, then decide again."""

    name: str


class BlockedReason(NamedTuple):
    """Why a provider is not available.

    Attributes:
        why: What follows the label of the provider, as "is out of credits".
        until: The end of its pause, if it is known.
    """

    name: str
    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Exhausted:
    """No provider is available.

    Attributes:
        until: When that may change without a reset, or None.
        reasons: One for each provider, in the order of the chain.
    """

    until: datetime | None
    reasons: tuple[BlockedReason, ...]


Decision: TypeAlias = CallProvider | WaitUntil | AtCapacity | HealthCheck | Exhausted


def decide_next(
    candidates: Sequence[Candidate],
    *,
    now: datetime,
    first_waited_at: datetime | None,
    loading_wait: timedelta,
    card_allowed: bool,
) -> Decision:
    """Return what a job does next; the first available candidate is called.

    Args:
        first_waited_at: When the job began to wait for a loading model, or None.
        loading_wait: The longest time that a job waits for a loading model.
        card_allowed: False if the page shows a real image.
    """
    wait_ends = (first_waited_at or now) + loading_wait
    reasons: list[BlockedReason] = []
    times: list[datetime | None] = []
    for candidate in candidates:
        admission = candidate.admission
        # A card never replaces a real image.
        if candidate.is_card and not card_allowed:
            continue
        # The provider has declined this job, or has cost too much on it.
        if candidate.excluded_reason is not None:
            reasons.append(BlockedReason(candidate.name, candidate.excluded_reason))
        elif candidate.budget_until is not None:
            renews_at = candidate.budget_until
            reasons.append(BlockedReason(candidate.name, "is over budget", renews_at))
            times.append(renews_at)
        elif (decision := _decide_candidate(candidate, now, wait_ends)) is not None:
            return decision
        # Paused for longer, or another job is the probe: try the next candidate.
        else:
            reasons.append(_blocked_reason(candidate.name, admission))
            times.append(admission.until)
    until = min((time for time in times if time is not None), default=None)
    return Exhausted(until, tuple(reasons))


def _decide_candidate(
    candidate: Candidate, now: datetime, wait_ends: datetime
) -> Decision | None:
    """Return what the job does with one provider, or None: it tries the next one."""
    admission, name = candidate.admission, candidate.name
    match admission.kind:
        # At its concurrency: wait for the provider rather than skip it.
        case AdmissionKind.READY | AdmissionKind.PROBE if candidate.is_busy:
            return AtCapacity(name)
        # The owner's server was down: check its health before a job is tried.
        case AdmissionKind.PROBE if (
            candidate.has_health_check and admission.needs_health_check
        ):
            return HealthCheck(name)
        # Available, or this job is the probe.
        case AdmissionKind.READY | AdmissionKind.PROBE:
            return CallProvider(name, probe=admission.kind is AdmissionKind.PROBE)
        # Loading, and the probe is running: wait for its result.
        case AdmissionKind.PROBE_RUNNING if admission.is_waitable and now < wait_ends:
            return AtCapacity(name)
        # Loading, and ready before this job's wait ends.
        case AdmissionKind.PAUSED if (
            admission.is_waitable and admission.until and admission.until <= wait_ends
        ):
            return WaitUntil(name, admission.until, admission.reason)
        case _:
            return None


def _blocked_reason(name: str, admission: Admission) -> BlockedReason:
    if admission.kind is AdmissionKind.PROBE_RUNNING:
        return BlockedReason(name, f"{admission.reason} and is being tested again")
    return BlockedReason(name, admission.reason, admission.available_at)
