"""The card: free, made here, always works.

The provider kind `freeapi`; what a card looks like is `providers.card`.
"""

from __future__ import annotations

import threading
from datetime import datetime

from providers.base import GeneratedImage, ImageRequest
from providers.base_http import FREE, BaseProvider, build_traits
from providers.settings import ProviderSettings

#: FreeType's fonts are not made for several threads.
_ONE_AT_A_TIME = threading.Lock()


class CardProvider(BaseProvider):
    """Letters the post's own words."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            build_traits(
                settings,
                label="Card",
                prefix="freeapi",
                price=FREE,
                price_source="made here",
                base_url="",
                concurrency=2,
                honours=frozenset({"size", "seed", "steps"}),
                is_card=True,
            ),
        )

    def start(self, request: ImageRequest, now: datetime) -> GeneratedImage:
        """Return the card as a PNG.

        Raises:
            RejectedError: No words, or no font can letter them.
        """
        del now
        from providers.card.compose import render_card  # noqa: PLC0415 - fonts, only when needed

        with _ONE_AT_A_TIME:
            return GeneratedImage(
                data=render_card(request, self._settings.card), seed=request.seed
            )
