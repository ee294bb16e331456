"""Cloudflare Workers AI, FLUX.1-schnell: a free allowance every day.

Protocol and error codes: Cloudflare's Workers AI documentation (page "errors",
2026-07-29).  FLUX.1-schnell accepts a prompt and steps, and rejects a seed or a size.
The FLUX.2 models accept a multipart form with a prompt and a size (changelog of 28
January 2026).
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar
from urllib.parse import quote

from providers import outcomes
from providers.base import (
    HttpCall,
    ImageRequest,
    ImageSize,
    JsonValue,
    ProviderTraits,
    Response,
    Step,
)
from providers.provider import Provider
from providers.request_fitting import (
    ModelPrice,
    RequestSize,
    fit_to_side,
    flat_price,
    merge_body,
)
from providers.responses import (
    ErrorRule,
    image_from_base64,
    image_from_bytes,
    looks_like_image,
    missing_image_error,
    parse_object,
)

_MODEL = "@cf/black-forest-labs/flux-1-schnell"
#: 10,000 neurons a day are free, 1,000 more cost $0.011 (Workers AI's page "pricing",
#: read in November 2026).
_DOLLARS_PER_NEURON = 0.011 / 1000
_NEURONS_PER_DAY = 10_000
_SOURCE = "Cloudflare's price per neuron"


def _neurons(count: float) -> ModelPrice:
    return ModelPrice(flat_price(_DOLLARS_PER_NEURON * count), _SOURCE)


#: The same page: 4.80 neurons per 512x512 tile and 9.60 per step; an image has four of
#: each.
_SCHNELL = _neurons(4 * 4.80 + 4 * 9.60)


class CloudflareAccount(Provider):
    """The checks of token and model, at the account that is in their paths."""

    # Verifies the token, but not its right to use Workers AI.
    token_check_path = "/user/tokens/verify"  # noqa: S105 - a path

    def token_check_calls(self) -> tuple[HttpCall, ...]:
        """Return the checks of a token of a user, and of one that an account owns."""
        account = self._api_call(f"{self._account_path}/tokens/verify")
        return (*super().token_check_calls(), account)

    def model_check_call(self) -> HttpCall:
        """Return the request for the models with this name."""
        query = quote(self.model.rpartition("/")[2])
        return self._api_call(f"{self._account_path}/ai/models/search?search={query}")

    @property
    def _account_path(self) -> str:
        return f"/accounts/{self._settings.account or ''}"


class Cloudflare(CloudflareAccount):
    """The provider kind `cloudflare`."""

    defaults = ProviderTraits(
        label="Cloudflare FLUX",
        prefix="cloudflare",
        price=_SCHNELL.price,
        price_source=_SOURCE,
        base_url="https://api.cloudflare.com/client/v4",
        included=_DOLLARS_PER_NEURON * _NEURONS_PER_DAY,
        included_per="day",
        credits_reset="daily",
        max_prompt=2048,
        supported_options=frozenset({"steps"}),
    )
    default_model = _MODEL
    model_prices: ClassVar = {
        _MODEL: _SCHNELL,
        # 26.05 neurons per 512x512 tile.
        "@cf/black-forest-labs/flux-2-klein-4b": _neurons(4 * 26.05),
        # Up to 1024x1024 pixels.
        "@cf/black-forest-labs/flux-2-klein-9b": _neurons(1363.64),
    }
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

    def supported_size(self, request: ImageSize) -> RequestSize:
        """Return the only size of the model, or four tiles at most for FLUX.2."""
        if self._takes_form:
            return fit_to_side(request, 64, 1024)
        return RequestSize(width=1024, height=1024)

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Return the options of *request* that will be ignored, in a few words each."""
        dropped = super().dropped_options(request)
        # The klein models have a fixed number of steps.
        return (*dropped, "steps") if self._takes_form else dropped

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request that generates the image."""
        path = f"{self._account_path}/ai/run/{self.model}"
        if not self._takes_form:
            body: dict[str, JsonValue] = {"prompt": request.prompt, "steps": 4}
            return self._image_call(path, body, self._read_image)
        size = self.supported_size(request)
        body = {"prompt": request.prompt, "width": size.width, "height": size.height}
        form = merge_body(body, self._settings.extra)
        fields = {name: str(value) for name, value in form.items()}
        call = self._image_call(path, {}, self._read_image)
        return replace(call, json=None, form=fields)

    @property
    def _takes_form(self) -> bool:
        return "/flux-2-" in self.model

    def _read_image(self, response: Response) -> Step:
        # The response of some models is the file itself.
        if looks_like_image(response.body):
            return image_from_bytes(response.body)
        result = parse_object(response).get("result")
        if not isinstance(result, dict) or not result.get("image"):
            raise missing_image_error(response)
        return image_from_base64(result["image"])
