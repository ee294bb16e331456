"""What the configuration says of one provider.  Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from providers.base import JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSettings:
    """`[card]` of the configuration: how the card looks.

    Attributes:
        tag: A small line at the foot, the brand; empty: none.
        background: "#rrggbb" or None: chosen from the text.
        color: Of the letters, likewise.
        accent: Likewise.
        font: Path of a TrueType or OpenType font to use before the bundled ones.
        logo: Path of a PNG, JPEG or WebP for the foot.
    """

    tag: str = ""
    background: str | None = None
    color: str | None = None
    accent: str | None = None
    font: str | None = None
    logo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """`[providers.NAME]` of the configuration, with its secret; None: the default.

    Attributes:
        token: The service's key; never in a repr.
        account: Whose account, where a service wants to know.
        timeout: Seconds.
        price: Dollars per image.
        extra: Merged into the request body, tables into tables.
        card: For the kind that letters it.
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
