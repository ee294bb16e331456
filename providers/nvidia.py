"""NVIDIA's hosted FLUX.1-schnell (build.nvidia.com): the response is the image.

Protocol: NVIDIA's API reference (`POST /v1/genai/black-forest-labs/...`, August 2026)
and published clients: both sides are multiples of 64 from 768 to 1344, schnell takes
`mode = "base"` and `cfg_scale = 0`, and the response is
`{"artifacts": [{"base64", "finishReason", "seed"}]}`.
"""

from __future__ import annotations

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
from providers.request_fitting import RequestSize, fit_to_side, flat_price
from providers.responses import (
    ErrorRule,
    first_item,
    image_from_base64,
    missing_image_error,
)

_FILTERED = "CONTENT_FILTERED"
#: The shortest side in pixels.
_MIN_SIDE = 768


class Nvidia(Provider):
    """The provider kind `nvidia`."""

    defaults = ProviderTraits(
        label="NVIDIA FLUX",
        prefix="nvidia",
        # NVIDIA charges nothing for its trial, which is limited to some 40 requests a
        # minute and to development (terms of the API catalog, 2026).
        price=flat_price(0.0),
        price_source="NVIDIA's trial, for development only",
        base_url="https://ai.api.nvidia.com",
        max_prompt=2000,
        supported_options=frozenset({"size", "seed", "steps"}),
    )
    version_path = "/v1"
    default_model = "black-forest-labs/flux.1-schnell"
    error_rules = (
        # The trial of the account has ended.
        ErrorRule(outcomes.OutOfCreditsError, text="credits expired"),
        ErrorRule(outcomes.NotFoundError, text="not found for account"),
    )
    size_multiple, max_side = 64, 1344

    def supported_size(self, request: ImageSize) -> RequestSize:
        """Return the nearest size with sides from 768 to 1344 pixels."""
        return fit_to_side(request, self.size_multiple, self.max_side, _MIN_SIDE)

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request that generates the image."""
        size = self.supported_size(request)
        body: dict[str, JsonValue] = {
            "prompt": request.prompt,
            "width": size.width,
            "height": size.height,
            "seed": request.seed,
            "steps": 4,
        }
        # FLUX.2 has neither.
        if "flux.1" in self.model:
            body |= {"mode": "base", "cfg_scale": 0}
        headers = {"Accept": "application/json"}
        path = f"/v1/genai/{self.model}"
        return self._image_call(path, body, self._read_image, headers)

    def _read_image(self, response: Response) -> Step:
        first = first_item(response, "artifacts")
        if not isinstance(first, dict):
            raise missing_image_error(response)
        # A filtered image is sent in black.
        if first.get("finishReason") == _FILTERED:
            raise outcomes.PromptRefusedError("its filter blocked the image")
        if not first.get("base64"):
            raise missing_image_error(response)
        return image_from_base64(first["base64"])
