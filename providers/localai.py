"""LocalAI, or any other self-hosted server with OpenAI's images API.

Protocol: LocalAI's source (`/v1/images/generations`), stable-diffusion.cpp's
sd-server.  The first request loads the model, which may take minutes.
"""

from __future__ import annotations

from datetime import datetime

from providers.base import FollowUp, HttpCall, ImageRequest, JsonValue, Response, Step
from providers.base_http import FREE, BaseProvider
from providers.openai import read_openai
from providers.prompt_sanitizer import without_bars, without_tags, without_weights
from providers.responses import parse_object
from providers.settings import ProviderSettings
from providers.sizes import RequestSize, fit_to_side

#: Parts of the names of image models, for servers with models of several types.
_IMAGE_MODELS = ("flux", "diffusion", "sd-", "sd3", "sdxl", "z-image", "dreamshaper")


class LocalAi(BaseProvider):
    """The provider kind `localai`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            label="LocalAI",
            prefix="localai",
            price=FREE,
            price_source="your own server",
            base_url="",
            timeout=600.0,
            concurrency=1,
            honours=frozenset({"size", "seed"}),
        )
        # The owner may have configured the URL with or without /v1.
        self._v1 = "" if self.traits.base_url.endswith("/v1") else "/v1"

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return a size in steps of 16, to which such servers round, up to 2048."""
        return fit_to_side(request, 16, most=2048)

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request for an image, or for the list of models if none is set."""
        del now
        if self._settings.model:
            return self._generation_call(request, self._settings.model)
        return self._api_call(
            f"{self._v1}/models",
            lambda response: FollowUp(
                call=self._generation_call(request, choose_image_model(response))
            ),
            # Without a list, request the image from the server's default model.
            failed=lambda _error: FollowUp(call=self._generation_call(request, "")),
        )

    def health_check_call(self) -> HttpCall:
        """Return the request for the list of models."""
        return self._api_call(f"{self._v1}/models")

    def token_check_call(self) -> HttpCall:
        """Return the request for the list of models."""
        return self.health_check_call()

    def _generation_call(self, request: ImageRequest, model: str) -> HttpCall:
        body: dict[str, JsonValue] = {
            "prompt": without_weights(without_tags(without_bars(request.prompt))),
            "size": str(self.supported_size(request)),
            "seed": request.seed,
            "n": 1,
            "response_format": "b64_json",
        }
        if model:
            body["model"] = model
        return self._image_call(
            f"{self._v1}/images/generations", body, self._read_image
        )

    def _read_image(self, response: Response) -> Step:
        return read_openai(response, self._download_call)


def choose_image_model(response: Response) -> str:
    """Return the first image model of a list, else its first model, else ""."""
    models = parse_object(response).get("data")
    names = [
        str(model["id"])
        for model in (models if isinstance(models, list) else [])
        if isinstance(model, dict) and model.get("id")
    ]
    for name in names:
        if any(part in name.casefold() for part in _IMAGE_MODELS):
            return name
    return names[0] if names else ""
