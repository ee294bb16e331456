"""What the breaker of a provider decides about a job.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AdmissionKind(StrEnum):
    """What a breaker means to a job now."""

    READY = "ready"  #: The job may call the provider.
    PROBE = "probe"  #: The job may call the provider, as the only probe.
    PAUSED = "paused"  #: No job may call the provider before `Admission.until`.
    PROBE_RUNNING = "probe_running"  #: Another job is the probe.


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A breaker's decision on one job.

    Attributes:
        until: When the decision may change without a reset; None if it does not.
        available_at: When the provider is expected to be available.  An earlier
            probe is possible.
        is_waitable: Jobs wait for it: its model is loading, or its rate is limited.
        needs_health_check: The provider returned errors, and its pause is over.  A
            server that has a health check gets one before a job.
        reason: The reason in words; empty when ready.
    """

    kind: AdmissionKind
    until: datetime | None = None
    available_at: datetime | None = None
    is_waitable: bool = False
    needs_health_check: bool = False
    reason: str = ""
