"""One job as the chain and the verdict see it.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.models import Attempt, ImageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainInput:
    """One job, or one image by hand, that wants a provider.

    Attributes:
        number: Of the image within the job that is wanted next.
        tried: All attempts of the job since a person last asked for it.
        chain: Provider names in order.
        card_allowed: The page shows no image that is not our card.
        keeps_image: The page shows an image that is not our card.
        shows_image: The page shows any image, cards included.
        page_today: Calls for this page today that cost or were included.
        made: Its images that exist, of the inputs it has now.
        complete: No further image is wanted.
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
        """A call whose result is still to be had: we died or stopped meanwhile."""
        return next((one for one in self.tried if one.outcome is None), None)

    @property
    def was_tried_this_round(self) -> bool:
        """Somebody was asked for this image in this round."""
        return any(
            one.round == self.round and one.number == self.number for one in self.tried
        )
