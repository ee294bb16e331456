"""OpenAI's images API (GPT Image), whose response format other services use.

Protocol: https://platform.openai.com/docs/api-reference/images.  The service accepts
three sizes, no seed and no steps, and sends base64.

Models end: OpenAI shut gpt-image-1 down on 23 October 2026, ends 1.5 and 1-mini on
1 December 2026, and recommends gpt-image-2.6-flare or -sunburst instead
(developers.openai.com/api/docs/deprecations, November 2026).
"""

from __future__ import annotations

from typing import ClassVar

from providers.base import HttpCall, ImageRequest, ImageSize, JsonValue, ProviderTraits
from providers.outcomes import OutOfCreditsError, PromptRefusedError, UnauthorizedError
from providers.provider import Provider
from providers.request_fitting import ModelPrice, RequestSize, flat_price, nearest_size
from providers.responses import ErrorRule

_SIZES = (
    RequestSize(width=1024, height=1024),
    RequestSize(width=1536, height=1024),
    RequestSize(width=1024, height=1536),
)


_SOURCE = "OpenAI's price per token, medium quality, at most"


def _model_price(dollars: float) -> ModelPrice:
    return ModelPrice(flat_price(dollars), _SOURCE)


#: OpenAI bills tokens: $30 a million of the image, $5 a million of the prompt.  An
#: image of medium quality has up to 1,584 tokens with 1.5 ($32 a million), 1,756 with 2
#: and 439 with 2.5 (reports of 2026), and resellers take $0.045 for 2.6 (November
#: 2026).  Each price is rounded up, and has a cent for the prompt.
_NEWEST_PRICE = _model_price(0.05)


class OpenAi(Provider):
    """The provider kind `openai`."""

    defaults = ProviderTraits(
        label="OpenAI",
        prefix="openai",
        price=_NEWEST_PRICE.price,
        price_source=_SOURCE,
        base_url="https://api.openai.com",
        # OpenAI accepts 32,000 characters, which would cost more than the image.
        max_prompt=4000,
    )
    version_path = "/v1"
    default_model = "gpt-image-2.6-flare"
    model_prices: ClassVar = {
        "gpt-image-2.6-flare": _NEWEST_PRICE,
        "gpt-image-2.6-sunburst": _NEWEST_PRICE,
        "gpt-image-2.5-flare": _model_price(0.03),
        "gpt-image-2.5-sunburst": _model_price(0.03),
        "gpt-image-2": _model_price(0.07),
        "*": _model_price(0.07),
    }
    error_rules = (
        ErrorRule(OutOfCreditsError, text="billing_hard_limit_reached"),
        ErrorRule(OutOfCreditsError, text="insufficient_quota"),
        ErrorRule(PromptRefusedError, text="moderation_blocked"),
        # 403 or 400: only a verified organisation may use the model.
        ErrorRule(UnauthorizedError, text="must be verified"),
    )
    token_check_path = model_list_path = "/v1/models"  # noqa: S105 - a path

    def supported_size(self, request: ImageSize) -> RequestSize:
        """Return the size whose shape is nearest to the requested shape."""
        return nearest_size(request, _SIZES)

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request that generates the image."""
        body: dict[str, JsonValue] = {
            "model": self.model,
            "prompt": request.prompt,
            "size": str(self.supported_size(request)),
            "quality": "medium",
            "output_format": "png",
            "n": 1,
        }
        return self._image_call("/v1/images/generations", body, self._read_openai)
