"""What one call of a provider is, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.config.formats import ImageFormat
from db.models import Attempt
from providers.base import ImageRequest, Provider
from providers.outcomes import Outcome

#: Why there is a card that was found after a crash: nothing else is known of it.
NOBODY_ANSWERED = "no service answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """What is to be painted, and for whom.

    Attributes:
        job_id: None for an image by hand.
        card_why: What a card made now stands in for; empty: it was asked for.
        replaceable: A service may do better later: it was away, not unwilling.
        seed: None: a fresh one.
    """

    page_id: str
    job_id: int | None
    prompt: str
    words: str
    size: ImageFormat
    fingerprint: str
    card_why: str = ""
    replaceable: bool = False
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedCall:
    """A committed attempt, ready to be sent."""

    attempt: Attempt
    provider: Provider
    order: ImageRequest
    subject: ImageSpec
    was_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """How a call ended; `interrupted`: it goes on after a restart."""

    outcome: Outcome | None
    why: str = ""
    interrupted: bool = False
