"""Types of one provider call: image spec, admitted call, result."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.config.parsing import ImageFormat
from db.models import Attempt
from providers.base import ImageRequest
from providers.outcomes import Outcome
from providers.provider import Provider

#: Reason of a card found after a crash, whose own reason was not recorded.
NOBODY_ANSWERED = "no service answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """The image to generate and the page it belongs to.

    Attributes:
        job_id: None for `generate` and `test`.
        prompt: The image prompt, before it is cut to the provider's limit.
        words: The text of the post, which a card shows.
        card_why: Reason of a card; empty if the chain has no image service.
        replaceable: A service may generate the image later, as it was unavailable
            and did not refuse the prompt.
        seed: None for a random one.
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
    """A committed attempt, ready to be sent.

    Attributes:
        was_cut: The prompt was longer than the provider accepts.
    """

    attempt: Attempt
    provider: Provider
    order: ImageRequest
    spec: ImageSpec
    was_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """How a call ended.

    Attributes:
        outcome: None if `interrupted`.
        interrupted: A stop interrupted the wait; the call resumes after the restart.
    """

    outcome: Outcome | None
    why: str = ""
    interrupted: bool = False
