"""OpenAI's images API (gpt-image-1), whose response format other services use.

Protocol: https://platform.openai.com/docs/api-reference/images.  The service accepts
three sizes, no seed and no steps, and sends base64.  Price: OpenAI's list for quality
"medium", rounded up.
"""

from __future__ import annotations

from datetime import datetime

from providers.base import HttpCall, ImageRequest, JsonValue, Response, Step
from providers.base_http import BaseProvider, flat_price
from providers.outcomes import (
    OutOfCreditsError,
    PromptRefusedError,
    UnauthorizedError,
)
from providers.responses import (
    ErrorRule,
    Fetch,
    follow_url,
    image_from_base64,
    missing_image_error,
    parse_object,
)
from providers.settings import ProviderSettings
from providers.sizes import RequestSize, nearest_size

_SIZES = (
    RequestSize(width=1024, height=1024),
    RequestSize(width=1536, height=1024),
    RequestSize(width=1024, height=1536),
)


def read_openai(response: Response, fetch: Fetch) -> Step:
    """Read `{"data": [{"b64_json" | "url"}]}`.

    Raises:
        ProviderError: The response has no image.
    """
    data = parse_object(response).get("data")
    first = data[0] if isinstance(data, list) and data else None
    if not isinstance(first, dict):
        raise missing_image_error(response)
    if first.get("b64_json"):
        return image_from_base64(first["b64_json"])
    return follow_url(first.get("url"), fetch)


class OpenAi(BaseProvider):
    """The provider kind `openai`."""

    error_rules = (
        ErrorRule(means=OutOfCreditsError, words="billing_hard_limit_reached"),
        ErrorRule(means=OutOfCreditsError, words="insufficient_quota"),
        ErrorRule(means=PromptRefusedError, words="moderation_blocked"),
        # 403 or 400: only a verified organisation may use the model.
        ErrorRule(means=UnauthorizedError, words="must be verified"),
    )

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            label="OpenAI",
            prefix="openai",
            price=flat_price(0.07),
            price_source="OpenAI's list, medium quality, the larger sizes",
            base_url="https://api.openai.com",
            max_prompt=32000,
        )

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return the size whose shape is nearest to the requested shape."""
        return nearest_size(request, _SIZES)

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request that generates the image."""
        del now
        body: dict[str, JsonValue] = {
            "model": self._settings.model or "gpt-image-1",
            "prompt": request.prompt,
            "size": str(self.supported_size(request)),
            "quality": "medium",
            "output_format": "png",
            "n": 1,
        }
        return self._image_call("/v1/images/generations", body, self._read_image)

    def token_check_call(self) -> HttpCall:
        """Return the request for the list of models, which is free."""
        return self._api_call("/v1/models")

    def _read_image(self, response: Response) -> Step:
        return read_openai(response, self._download_call)
