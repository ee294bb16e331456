"""The settings of one provider.  Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from providers.base import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSettings:
    """`[card]` of the configuration: the look of a card.

    Colours are "#rrggbb", or None to choose one from the text.

    Attributes:
        tag: A small line at the foot, such as a brand name; empty for none.
        background: Colour of the background.
        color: Colour of the text.
        accent: Colour of ornaments.
        font: Path of a TrueType or OpenType font to use before the bundled ones.
        logo: Path of a PNG, JPEG or WebP file for the foot.
    """

    tag: str = ""
    background: str | None = None
    color: str | None = None
    accent: str | None = None
    font: str | None = None
    logo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """`[providers.NAME]` of the configuration with its token; None means the default.

    Attributes:
        token: The service's API token; never in a repr.
        account: The account id, for services that need it.
        timeout: Seconds for one image.
        price: US dollars per image.
        included: US dollars that the plan includes.
        monthly_budget: US dollars a month.
        extra: Merged into the request body, tables recursively.
        card: The look of a card, for the kind that renders it.
    """

    name: str
    kind: str
    token: str | None = field(default=None, repr=False)
    base_url: str | None = None
    hub_url: str | None = None
    model: str | None = None
    route: str | None = None
    endpoint: str | None = None
    account: str | None = None
    label: str | None = None
    timeout: float | None = None
    price: float | None = None
    included: float | None = None
    monthly_budget: float | None = None
    credits_reset: Literal["monthly", "daily", "manual"] | float | None = None
    concurrency: int | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=lambda: MappingProxyType({}))
    card: CardSettings = CardSettings()
