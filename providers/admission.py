"""How a breaker answers whoever wants to call its provider.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AdmissionKind(StrEnum):
    """What a breaker means to a job that comes now."""

    READY = "ready"  #: Asks it.
    PROBE = "probe"  #: Asks it, as the one probe.
    RESTING = "resting"  #: Not before `Admission.until`.
    PROBING = "probing"  #: Another job is the probe.


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The answer of a breaker.

    Attributes:
        until: When that may change by itself; None: it will not.
        back: When it serves again for all that is known, whoever may ask earlier.
        waitable: It is waited for: the model is loading, or we were too fast.
        unseen: Its time has come after it did not answer properly, and nobody has
            looked since: a server that can be greeted is, before a job is tried.
        why: For people; empty when ready.
    """

    kind: AdmissionKind
    until: datetime | None = None
    back: datetime | None = None
    waitable: bool = False
    unseen: bool = False
    why: str = ""
