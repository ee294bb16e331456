"""The input of provider selection and retry policy for one job.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.models import Attempt, ImageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainInput:
    """One job, or one manually requested image, that needs a provider.

    Attributes:
        number: Number of the next image within the job.
        tried: All attempts of the job since a person last requested it.
        chain: Provider names in order.
        card_allowed: The page shows no image except a card of ours.
        keeps_image: The page shows an image that is not a card of ours.
        shows_image: The page shows any image, cards included.
        page_today: Calls for this page today that were charged or included.
        made: Existing images of the job for its current inputs.
        complete: All images of the job exist.
    """

    page_id: str = ""
    number: int = 1
    round: int = 0
    chain: Sequence[str]
    megapixels: float
    tried: Sequence[Attempt] = ()
    waited_since: datetime | None = None
    card_allowed: bool = True
    keeps_image: bool = False
    shows_image: bool = False
    page_today: int = 0
    made: Sequence[ImageRecord] = ()
    complete: bool = False

    @property
    def open_call(self) -> Attempt | None:
        """The call without a result, after a crash or shutdown during the call."""
        return next((call for call in self.tried if call.outcome is None), None)

    @property
    def was_tried_this_round(self) -> bool:
        """Whether a provider was called for this image in this round."""
        return bool(self.round_attempts)

    @property
    def round_attempts(self) -> list[Attempt]:
        """The attempts for this image in this round."""
        return [
            attempt
            for attempt in self.tried
            if attempt.round == self.round and attempt.number == self.number
        ]
