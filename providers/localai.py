"""LocalAI, or any other self-hosted server with OpenAI's images API.

Protocol: LocalAI's source (`/v1/images/generations`), stable-diffusion.cpp's
sd-server.  The first request loads the model, which may take minutes.
"""

from __future__ import annotations

from providers.base import (
    FollowUp,
    HttpCall,
    ImageRequest,
    JsonValue,
    ProviderTraits,
    Response,
)
from providers.provider import Provider
from providers.request_fitting import (
    flat_price,
    without_bars,
    without_tags,
    without_weights,
)
from providers.responses import parse_object

#: Parts of the names of image models, for servers with models of several types.
_IMAGE_MODELS = ("flux", "diffusion", "sd-", "sd3", "sdxl", "z-image", "dreamshaper")


class LocalAi(Provider):
    """The provider kind `localai`."""

    defaults = ProviderTraits(
        label="LocalAI",
        prefix="localai",
        price=flat_price(0.0),
        price_source="your own server",
        is_own_server=True,
        timeout=600.0,
        concurrency=1,
        supported_options=frozenset({"size", "seed"}),
    )
    version_path = "/v1"
    # Such servers round to 16.
    max_side = 2048

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request for an image, or for the list of models if none is set."""
        if self._settings.model:
            return self._generation_call(request, self._settings.model)
        return self._api_call(
            "/v1/models",
            lambda response: FollowUp(
                call=self._generation_call(request, choose_image_model(response))
            ),
            # Without a list, request the image from the server's default model.
            on_error=lambda _error: FollowUp(call=self._generation_call(request, "")),
        )

    def health_check_call(self) -> HttpCall:
        """Return the request for the list of models."""
        return self._api_call("/v1/models")

    def model_check_call(self) -> HttpCall | None:
        """Return the request for the list of models, if the owner names a model."""
        return self.health_check_call() if self.model else None

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
            **({"model": model} if model else {}),
        }
        path = "/v1/images/generations"
        return self._image_call(path, body, self._read_openai)


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
