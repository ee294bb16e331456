"""Image services: what each can do, how it is asked, and which of them is asked."""

from __future__ import annotations

from providers.base import CardSettings, Provider, ProviderSettings

#: Every kind of service, in the order of the default chain; the card last.
KINDS = ("flux", "freeapi")


def build(settings: ProviderSettings, card: CardSettings) -> Provider:
    """Return the provider an entry of the configuration describes.

    Raises:
        ValueError: No such kind; the configuration has checked that.
    """
    match settings.kind:
        case "flux":
            from providers.flux import Flux  # noqa: PLC0415 - only what is configured

            return Flux(settings)
        case "freeapi":
            from providers.freeapi import FreeApi  # noqa: PLC0415 - the same

            return FreeApi(settings, card)
        case kind:
            raise ValueError(f"no kind of service is called {kind!r}")
