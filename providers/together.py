"""Together AI, FLUX.1-schnell: OpenAI's response format with width, height, steps.

Protocol: Together's documentation and client 3.1.  Newer pages say that schnell
accepts an aspect ratio instead of a size, so a rejected size is sent as a ratio.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from providers.base import HttpCall, ImageRequest, JsonValue, Response, Step
from providers.base_http import (
    BaseProvider,
    price_per_megapixel,
    with_fallback,
)
from providers.openai import read_openai
from providers.outcomes import BadRequestError, ProviderError
from providers.settings import ProviderSettings
from providers.sizes import RequestSize, fit_to_side, nearest_ratio

_MODEL = "black-forest-labs/FLUX.1-schnell"
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


class Together(BaseProvider):
    """The provider kind `together`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            label="Together FLUX",
            prefix="together",
            price=price_per_megapixel(0.0027),
            price_source="Together's price per megapixel, as reported in 2026",
            base_url="https://api.together.xyz",
            max_prompt=2000,
            honours=frozenset({"size", "seed", "steps"}),
            file_hosts=("api.together.ai", "api.together.xyz"),
        )

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return a size in steps of 16, up to 1440 a side."""
        return fit_to_side(request, 16)

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request that generates the image."""
        del now
        body = build_together_body(
            request, self.supported_size(request), self._settings.model or _MODEL
        )
        by_ratio = {key: body[key] for key in body if key not in _SIZE_OPTIONS}
        by_ratio["aspect_ratio"] = nearest_ratio(request, _RATIOS)
        return with_fallback(
            self._generation_call(body),
            BadRequestError,
            self._generation_call(by_ratio),
            _concerns_size,
        )

    def token_check_call(self) -> HttpCall:
        """Return the request for the list of models, which is free."""
        return self._api_call("/v1/models")

    def _generation_call(self, body: Mapping[str, JsonValue]) -> HttpCall:
        return self._image_call("/v1/images/generations", body, self._read_image)

    def _read_image(self, response: Response) -> Step:
        return read_openai(response, self._download_call)


def _concerns_size(error: ProviderError) -> bool:
    return any(option in str(error).casefold() for option in _SIZE_OPTIONS)
