"""Whether a breaker admits a call of its provider.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AdmissionKind(StrEnum):
    """What a breaker means to a job now."""

    READY = "ready"  #: The job may call the provider.
    PROBE = "probe"  #: The job may call the provider, as the only probe.
    RESTING = "resting"  #: No job may call the provider before `Admission.until`.
    PROBING = "probing"  #: Another job is the probe.


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """A breaker's decision on one job.

    Attributes:
        until: When the decision may change without a reset; None if it does not.
        back: When the provider is expected to be available.  An earlier probe is
            possible.
        waitable: Jobs wait for the provider, because its model is loading or a rate
            limit was reached.
        unseen: The provider returned errors, its pause is over, and no call has been
            made since.  A server with a health check gets one before a job.
        why: The reason in words; empty when ready.
    """

    kind: AdmissionKind
    until: datetime | None = None
    back: datetime | None = None
    waitable: bool = False
    unseen: bool = False
    why: str = ""
