"""OpenAI's images API (gpt-image-1), and the shape others have taken from it.

Protocol: https://platform.openai.com/docs/api-reference/images.  Always base64; no
seed, no steps, three sizes.  Prices: OpenAI's list for quality "medium", rounded up.
"""

from __future__ import annotations

from datetime import datetime

from providers.answers import Spelling
from providers.base import Call, JsonValue, Order, Reply, Step
from providers.outcomes import (
    BadTokenError,
    OutOfCreditsError,
    RefusedError,
)
from providers.replies import as_object
from providers.results import Fetch, at, from_base64, without_image
from providers.service import Service, flat, traits_of
from providers.settings import ProviderSettings
from providers.sizes import Size, nearest

_SIZES = (
    Size(width=1024, height=1024),
    Size(width=1536, height=1024),
    Size(width=1024, height=1536),
)


def read_openai(reply: Reply, fetch: Fetch) -> Step:
    """Read `{"data": [{"b64_json" | "url"}]}`.

    Raises:
        ProviderError: There is no image in it.
    """
    data = as_object(reply).get("data")
    first = data[0] if isinstance(data, list) and data else None
    if not isinstance(first, dict):
        raise without_image(reply)
    if first.get("b64_json"):
        return from_base64(first["b64_json"])
    return at(first.get("url"), fetch)


class OpenAi(Service):
    """The provider kind `openai`."""

    spellings = (
        Spelling(means=OutOfCreditsError, words="billing_hard_limit_reached"),
        Spelling(means=OutOfCreditsError, words="insufficient_quota"),
        Spelling(means=RefusedError, words="moderation_blocked"),
        # 403 or 400: the organisation has to be verified before it may use the model.
        Spelling(means=BadTokenError, words="must be verified"),
    )

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            traits_of(
                settings,
                label="OpenAI",
                prefix="openai",
                price=flat(0.07),
                price_source="OpenAI's list, medium quality, the larger sizes",
                base_url="https://api.openai.com",
                max_prompt=32000,
            ),
        )

    def size(self, order: Order) -> Size:
        """Return the nearest of the three."""
        return nearest(order, _SIZES)

    def start(self, order: Order, now: datetime) -> Call:
        """Return the request for an image."""
        del now
        body: dict[str, JsonValue] = {
            "model": self._settings.model or "gpt-image-1",
            "prompt": order.prompt,
            "size": str(self.size(order)),
            "quality": "medium",
            "output_format": "png",
            "n": 1,
        }
        return self._order("/v1/images/generations", body, self._read)

    def account(self) -> Call:
        """The list of models is free."""
        return self._ask("/v1/models")

    def _read(self, reply: Reply) -> Step:
        return read_openai(reply, self._fetch)
