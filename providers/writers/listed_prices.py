"""Reads the price of a model in a service's list.  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from providers.writers.base import TokenPrice

#: A larger number is not a price.
_MOST_DOLLARS = 1e6


def price_in_list(entry: Mapping[str, object], source: str) -> TokenPrice | None:
    """Return the price in an entry of a list of models, None if it has none.

    Hugging Face and Together state US dollars for a million tokens as numbers,
    OpenRouter for one token as texts.
    """
    pricing = entry.get("pricing")
    if not isinstance(pricing, dict):
        return None
    scale, names = 1.0, ("input", "output")
    if "prompt" in pricing:
        scale, names = 1e6, ("prompt", "completion")
    given, taken = (_dollars(pricing.get(name)) for name in names)
    if given is None or taken is None:
        return None
    return TokenPrice(scale * given, scale * taken, source)


def _dollars(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    with suppress(ValueError):
        if 0 <= (dollars := float(value)) < _MOST_DOLLARS:
            return dollars
    return None
