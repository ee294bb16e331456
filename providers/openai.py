"""OpenAI's images API (gpt-image-1), whose response format other services use.

Protocol: https://platform.openai.com/docs/api-reference/images.  The service accepts
three sizes, no seed and no steps, and sends base64.  Price: OpenAI's list for quality
"medium", rounded up.
"""

from __future__ import annotations

from providers.base import (
    HttpCall,
    ImageRequest,
    ImageSize,
    JsonValue,
    ProviderTraits,
    flat_price,
)
from providers.outcomes import OutOfCreditsError, PromptRefusedError, UnauthorizedError
from providers.provider import Provider
from providers.request_fitting import RequestSize, nearest_size
from providers.responses import ErrorRule

_SIZES = (
    RequestSize(width=1024, height=1024),
    RequestSize(width=1536, height=1024),
    RequestSize(width=1024, height=1536),
)


class OpenAi(Provider):
    """The provider kind `openai`."""

    defaults = ProviderTraits(
        label="OpenAI",
        prefix="openai",
        price=flat_price(0.07),
        price_source="OpenAI's list, medium quality, the larger sizes",
        base_url="https://api.openai.com",
        max_prompt=32000,
    )
    error_rules = (
        ErrorRule(OutOfCreditsError, text="billing_hard_limit_reached"),
        ErrorRule(OutOfCreditsError, text="insufficient_quota"),
        ErrorRule(PromptRefusedError, text="moderation_blocked"),
        # 403 or 400: only a verified organisation may use the model.
        ErrorRule(UnauthorizedError, text="must be verified"),
    )
    token_check_path = "/v1/models"  # noqa: S105 - a path

    def supported_size(self, request: ImageSize) -> RequestSize:
        """Return the size whose shape is nearest to the requested shape."""
        return nearest_size(request, _SIZES)

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request that generates the image."""
        body: dict[str, JsonValue] = {
            "model": self._settings.model or "gpt-image-1",
            "prompt": request.prompt,
            "size": str(self.supported_size(request)),
            "quality": "medium",
            "output_format": "png",
            "n": 1,
        }
        return self._image_call("/v1/images/generations", body, self._read_openai)
