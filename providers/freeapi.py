"""The card: free, made here, always works.

The provider kind `freeapi`; what a card looks like is `providers.card`.
"""

from __future__ import annotations

import threading
from datetime import datetime

from providers.base import Call, CardSettings, Image, Order, ProviderSettings, Traits

#: FreeType's fonts are not made for several threads.
_ONE_AT_A_TIME = threading.Lock()


class FreeApi:
    """Letters the post's own words."""

    def __init__(self, settings: ProviderSettings, card: CardSettings) -> None:
        self._look = card
        self.traits = Traits(
            name=settings.name,
            label=settings.label or "Card",
            prefix="freeapi",
            price=lambda _megapixels: 0.0,
            price_source="made here",
            timeout=settings.timeout or 60.0,
            concurrency=settings.concurrency or 2,
            honours=frozenset({"size", "seed"}),
            is_card=True,
        )

    def start(self, order: Order, now: datetime) -> Image:
        """Return the card as a PNG.

        Raises:
            RejectedError: No words, or no font can letter them.
        """
        del now
        from providers.card.letter import card  # noqa: PLC0415 - fonts, only when needed

        with _ONE_AT_A_TIME:
            return Image(data=card(order, self._look), seed=order.seed)

    def dropped(self, order: Order) -> tuple[str, ...]:
        """Everything is honoured."""
        del order
        return ()

    def resume(self, remote: str) -> Call | None:
        """Nothing is ever left to ask for."""
        del remote
        return None

    def cancel(self, remote: str) -> Call | None:
        """Nothing runs elsewhere."""
        del remote
        return None
