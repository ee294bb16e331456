"""The provider kind `freeapi`: a card, rendered locally and free of charge.

`providers.card` decides what a card looks like.
"""

from __future__ import annotations

import threading
from datetime import datetime

from providers.base import GeneratedImage, ImageRequest, ProviderTraits
from providers.provider import Provider
from providers.request_fitting import flat_price

#: FreeType's fonts are not thread-safe.
FONT_LOCK = threading.Lock()


class CardProvider(Provider):
    """Renders the words of the post as a card."""

    defaults = ProviderTraits(
        label="Card",
        prefix="freeapi",
        price=flat_price(0.0),
        price_source="rendered on this machine",
        concurrency=2,
        supported_options=frozenset({"size", "seed", "steps"}),
        is_card=True,
    )

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Return nothing: a card has any size."""
        del request
        return ()

    def start(self, request: ImageRequest, now: datetime) -> GeneratedImage:
        """Return the card as a PNG.

        Raises:
            BadRequestError: There are no words, or no font has their characters.
        """
        del now
        from providers.card.compose import render_card  # noqa: PLC0415 - saves 4 MB until then

        with FONT_LOCK:
            return GeneratedImage(
                data=render_card(request, self._settings.card), seed=request.seed
            )

    def describe(self, request: ImageRequest) -> str:
        """Return the words that the card for *request* shows, for its alt text.

        Raises:
            BadRequestError: See `start`.
        """
        from providers.card.compose import describe_card  # noqa: PLC0415 - the same

        with FONT_LOCK:
            return describe_card(request, self._settings.card)
