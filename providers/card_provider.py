"""The provider kind `freeapi`: a card, rendered locally and free of charge.

`providers.card` decides what a card looks like.
"""

from __future__ import annotations

import threading
from datetime import datetime

from providers.base import GeneratedImage, ImageRequest
from providers.base_http import FREE, BaseProvider
from providers.settings import ProviderSettings

#: FreeType's fonts are not thread-safe.
_FONT_LOCK = threading.Lock()


class CardProvider(BaseProvider):
    """Renders the words of the post as a card."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            label="Card",
            prefix="freeapi",
            price=FREE,
            price_source="made here",
            base_url="",
            concurrency=2,
            honours=frozenset({"size", "seed", "steps"}),
            is_card=True,
        )

    def start(self, request: ImageRequest, now: datetime) -> GeneratedImage:
        """Return the card as a PNG.

        Raises:
            BadRequestError: There are no words, or no font has their characters.
        """
        del now
        from providers.card.compose import render_card  # noqa: PLC0415 - fonts, only when needed

        with _FONT_LOCK:
            return GeneratedImage(
                data=render_card(request, self._settings.card), seed=request.seed
            )
