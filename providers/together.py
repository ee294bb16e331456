"""Together AI, FLUX.1-schnell: OpenAI's response format with width, height, steps.

Protocol: Together's documentation and client 3.1.  Newer pages say that schnell
accepts an aspect ratio instead of a size, so a rejected size is sent as a ratio.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from providers.base import HttpCall, ImageRequest, JsonValue, ProviderTraits
from providers.outcomes import BadRequestError, ProviderError
from providers.provider import Provider, with_fallback
from providers.request_fitting import (
    ModelPrice,
    RequestSize,
    nearest_ratio,
    price_per_megapixel,
)

_MODEL = "black-forest-labs/FLUX.1-schnell"
#: Together's documentation (serverless models, FLUX pricing; read in November 2026):
#: width x height / 1,000,000 x price, for up to 4 steps.  Price as of 11 May 2026.
PRICE = price_per_megapixel(0.0027)
_SOURCE = "Together's price per megapixel, as reported in May 2026"
#: From its error: "width must be between 64 and 1792".
MAX_SIDE = 1792
_RATIOS = ("1:1", "16:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16")
_SIZE_OPTIONS = ("width", "height", "aspect_ratio")


def build_together_body(
    request: ImageRequest, size: RequestSize, model: str
) -> dict[str, JsonValue]:
    """Return the request body, which Hugging Face's client sends as well."""
    return {
        "prompt": request.prompt,
        "model": model,
        "width": size.width,
        "height": size.height,
        "steps": 4,
        "seed": request.seed,
        "response_format": "base64",
    }


class Together(Provider):
    """The provider kind `together`."""

    defaults = ProviderTraits(
        label="Together FLUX",
        prefix="together",
        price=PRICE,
        price_source=_SOURCE,
        base_url="https://api.together.xyz",
        max_prompt=2000,
        supported_options=frozenset({"size", "seed", "steps"}),
        file_hosts=("api.together.ai", "api.together.xyz"),
    )
    version_path = "/v1"
    max_side = MAX_SIDE
    default_model = _MODEL
    model_prices: ClassVar = {_MODEL: ModelPrice(PRICE, _SOURCE)}
    token_check_path = model_list_path = "/v1/models"  # noqa: S105 - a path

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request that generates the image."""
        body = build_together_body(request, self.supported_size(request), self.model)
        by_ratio = {key: body[key] for key in body if key not in _SIZE_OPTIONS}
        by_ratio["aspect_ratio"] = nearest_ratio(request, _RATIOS)
        return with_fallback(
            self._generation_call(body),
            BadRequestError,
            self._generation_call(by_ratio),
            _concerns_size,
        )

    def _generation_call(self, body: Mapping[str, JsonValue]) -> HttpCall:
        return self._image_call("/v1/images/generations", body, self._read_openai)


def _concerns_size(error: ProviderError) -> bool:
    return any(option in str(error).casefold() for option in _SIZE_OPTIONS)
