"""Cloudflare Workers AI, FLUX.1-schnell: a free allowance every day.

Protocol and error codes: Cloudflare's Workers AI documentation (page "errors",
2026-07-29).  The service accepts a prompt and steps; it rejects a seed or a size.
"""

from __future__ import annotations

from datetime import datetime

from providers.base import HttpCall, ImageRequest, JsonValue, Response, Step
from providers.base_http import BaseProvider, flat_price
from providers.outcomes import (
    BadRequestError,
    NotFoundError,
    OutOfCreditsError,
    TimedOutError,
    UnauthorizedError,
    UnavailableError,
)
from providers.responses import (
    ErrorRule,
    image_from_base64,
    image_from_bytes,
    looks_like_image,
    missing_image_error,
    parse_object,
)
from providers.settings import ProviderSettings
from providers.sizes import RequestSize

_MODEL = "@cf/black-forest-labs/flux-1-schnell"
#: 10,000 neurons a day are free, 1,000 more cost $0.011; an image takes about 60.
_DOLLARS_PER_NEURON = 0.011 / 1000
_NEURONS_PER_IMAGE = 60
_NEURONS_PER_DAY = 10_000
_SIZE = RequestSize(width=1024, height=1024)


def _code_pattern(number: int) -> str:
    return f'"code":{number}'


class Cloudflare(BaseProvider):
    """The provider kind `cloudflare`."""

    error_rules = (
        ErrorRule(means=OutOfCreditsError, words="daily free allocation"),
        ErrorRule(means=OutOfCreditsError, status=429, words=_code_pattern(3036)),
        ErrorRule(means=OutOfCreditsError, status=429, words=_code_pattern(4006)),
        # Cloudflare is out of capacity; the account is not.
        ErrorRule(means=UnavailableError, status=429, words=_code_pattern(3040)),
        ErrorRule(means=TimedOutError, words=_code_pattern(3007)),
        ErrorRule(means=TimedOutError, words=_code_pattern(3008)),
        ErrorRule(means=BadRequestError, words=_code_pattern(3006)),
        ErrorRule(means=NotFoundError, words=_code_pattern(3042)),
        ErrorRule(means=NotFoundError, words=_code_pattern(5007)),
        ErrorRule(means=UnauthorizedError, words=_code_pattern(10000)),
        # The account in the path does not exist or is not the token's.
        ErrorRule(means=UnauthorizedError, words=_code_pattern(7003)),
    )

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            label="Cloudflare FLUX",
            prefix="cloudflare",
            price=flat_price(_DOLLARS_PER_NEURON * _NEURONS_PER_IMAGE),
            price_source="Cloudflare's price per neuron, about 60 an image",
            base_url="https://api.cloudflare.com/client/v4",
            included=_DOLLARS_PER_NEURON * _NEURONS_PER_DAY,
            included_per="day",
            credits_reset="daily",
            max_prompt=2048,
            honours=frozenset({"steps"}),
        )
        self._path = (
            f"/accounts/{settings.account or ''}/ai/run/{settings.model or _MODEL}"
        )

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return the only size of the service."""
        del request
        return _SIZE

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request that generates the image."""
        del now
        body: dict[str, JsonValue] = {"prompt": request.prompt, "steps": 4}
        return self._image_call(self._path, body, self._read_image)

    def token_check_call(self) -> HttpCall:
        """Return the request that verifies the token, but not its Workers AI right."""
        return self._api_call("/user/tokens/verify")

    def _read_image(self, response: Response) -> Step:
        # The response of some models is the file itself.
        if looks_like_image(response.body):
            return image_from_bytes(response.body)
        result = parse_object(response).get("result")
        if not isinstance(result, dict) or not result.get("image"):
            raise missing_image_error(response)
        return image_from_base64(result["image"])
