"""Together AI, FLUX.1-schnell: OpenAI's shape with width, height and steps.

Protocol: Together's documentation and client 3.1.  Newer pages say that schnell
takes an aspect ratio instead of a size: asked for when the size is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from providers.base import Call, JsonValue, Order, Reply, Step
from providers.openai import read_openai
from providers.outcomes import ProviderError, RejectedError
from providers.service import Service, or_else, per_megapixel, traits_of
from providers.settings import ProviderSettings
from providers.sizes import Size, fitting, nearest_ratio

_MODEL = "black-forest-labs/FLUX.1-schnell"
_RATIOS = ("1:1", "16:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16")
_ABOUT_SIZE = ("width", "height", "aspect_ratio")


def together_body(order: Order, size: Size, model: str) -> dict[str, JsonValue]:
    """Return the body, as Hugging Face's own client sends it too."""
    return {
        "prompt": order.prompt,
        "model": model,
        "width": size.width,
        "height": size.height,
        "steps": 4,
        "seed": order.seed,
        "response_format": "base64",
    }


class Together(Service):
    """The provider kind `together`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            traits_of(
                settings,
                label="Together FLUX",
                prefix="together",
                price=per_megapixel(0.0027),
                price_source="Together's price per megapixel, as reported in 2026",
                base_url="https://api.together.xyz",
                max_prompt=2000,
                honours=frozenset({"size", "seed", "steps"}),
                file_hosts=("api.together.ai", "api.together.xyz"),
            ),
        )

    def size(self, order: Order) -> Size:
        """Return a size in steps of 16."""
        return fitting(order, 16)

    def start(self, order: Order, now: datetime) -> Call:
        """Return the request for an image."""
        del now
        body = together_body(order, self.size(order), self._settings.model or _MODEL)
        shaped = {key: value for key, value in body.items() if key not in _ABOUT_SIZE}
        shaped["aspect_ratio"] = nearest_ratio(order, _RATIOS)
        return or_else(
            self._generation(body), RejectedError, self._generation(shaped), _about_size
        )

    def account(self) -> Call:
        """The list of models is free."""
        return self._ask("/v1/models")

    def _generation(self, body: Mapping[str, JsonValue]) -> Call:
        return self._order("/v1/images/generations", body, self._read)

    def _read(self, reply: Reply) -> Step:
        return read_openai(reply, self._fetch)


def _about_size(error: ProviderError) -> bool:
    return any(word in str(error).casefold() for word in _ABOUT_SIZE)
