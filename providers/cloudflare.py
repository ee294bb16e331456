"""Cloudflare Workers AI, FLUX.1-schnell: a free allowance every day.

Protocol and error codes: Cloudflare's Workers AI documentation (page "errors",
2026-07-29).  The service accepts a prompt and steps; it rejects a seed or a size.
"""

from __future__ import annotations

from providers import outcomes
from providers.base import (
    HttpCall,
    ImageRequest,
    ImageSize,
    ProviderTraits,
    Response,
    Step,
    flat_price,
)
from providers.provider import Provider
from providers.request_fitting import RequestSize
from providers.responses import (
    ErrorRule,
    image_from_base64,
    image_from_bytes,
    looks_like_image,
    missing_image_error,
    parse_object,
)

_MODEL = "@cf/black-forest-labs/flux-1-schnell"
#: 10,000 neurons a day are free, 1,000 more cost $0.011; an image takes about 60.
_DOLLARS_PER_NEURON = 0.011 / 1000
_NEURONS_PER_IMAGE = 60
_NEURONS_PER_DAY = 10_000


class Cloudflare(Provider):
    """The provider kind `cloudflare`."""

    defaults = ProviderTraits(
        label="Cloudflare FLUX",
        prefix="cloudflare",
        price=flat_price(_DOLLARS_PER_NEURON * _NEURONS_PER_IMAGE),
        price_source="Cloudflare's price per neuron, about 60 an image",
        base_url="https://api.cloudflare.com/client/v4",
        included=_DOLLARS_PER_NEURON * _NEURONS_PER_DAY,
        included_per="day",
        credits_reset="daily",
        max_prompt=2048,
        supported_options=frozenset({"steps"}),
    )
    error_rules = (
        ErrorRule(outcomes.OutOfCreditsError, text="daily free allocation"),
        ErrorRule(outcomes.OutOfCreditsError, status=429, text='"code":3036'),
        ErrorRule(outcomes.OutOfCreditsError, status=429, text='"code":4006'),
        # Cloudflare is out of capacity; the account is not.
        ErrorRule(outcomes.UnavailableError, status=429, text='"code":3040'),
        ErrorRule(outcomes.TimedOutError, text='"code":3007'),
        ErrorRule(outcomes.TimedOutError, text='"code":3008'),
        ErrorRule(outcomes.BadRequestError, text='"code":3006'),
        ErrorRule(outcomes.NotFoundError, text='"code":3042'),
        ErrorRule(outcomes.NotFoundError, text='"code":5007'),
        ErrorRule(outcomes.UnauthorizedError, text='"code":10000'),
        # The account in the path does not exist or is not the token's.
        ErrorRule(outcomes.UnauthorizedError, text='"code":7003'),
    )
    # Verifies the token, but not its right to use Workers AI.
    token_check_path = "/user/tokens/verify"  # noqa: S105 - a path

    def supported_size(self, request: ImageSize) -> RequestSize:
        """Return the only size of the service."""
        del request
        return RequestSize(width=1024, height=1024)

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request that generates the image."""
        account, model = self._settings.account or "", self._settings.model or _MODEL
        return self._image_call(
            f"/accounts/{account}/ai/run/{model}",
            {"prompt": request.prompt, "steps": 4},
            self._read_image,
        )

    def _read_image(self, response: Response) -> Step:
        # The response of some models is the file itself.
        if looks_like_image(response.body):
            return image_from_bytes(response.body)
        result = parse_object(response).get("result")
        if not isinstance(result, dict) or not result.get("image"):
            raise missing_image_error(response)
        return image_from_base64(result["image"])
