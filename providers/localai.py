"""LocalAI, or any other self-hosted server with OpenAI's images API.

Protocol: LocalAI's source (`/v1/images/generations`), stable-diffusion.cpp's
sd-server.  The first request loads the model, which may take minutes.

sd-server ignores `seed` in the body and uses its own, always the same one.  It reads a
seed from `<sd_cpp_extra_args>` in the prompt, which other servers would paint, so its
list of models (one, `sd-cpp-local`) is read first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from providers.base import (
    FollowUp,
    HttpCall,
    ImageRequest,
    JsonValue,
    ProviderSettings,
    ProviderTraits,
    Response,
)
from providers.model_list import list_entries
from providers.provider import Provider
from providers.request_fitting import (
    flat_price,
    without_bars,
    without_tags,
    without_weights,
)

#: The only model that sd-server lists.
_SD_SERVER_MODEL = "sd-cpp-local"
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
    health_check_path = token_check_path = model_list_path = "/v1/models"  # noqa: S105 - a path
    # Such servers round to 16.
    max_side = 2048

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings)
        # Whether a server could be told by its list of models; None before the first.
        self._is_identified: bool | None = None

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request for the list of models, which tells what the server is."""
        return self._api_call(
            self.model_list_path,
            lambda response: self._use_models(request, list_models(response)),
            # Without a list, request the image from the server's default model.
            on_error=lambda _error: self._use_models(request, []),
        )

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Return the options of *request* that the server may ignore."""
        dropped = super().dropped_options(request)
        if self._is_identified is False:
            return ("seed: the server does not list its models", *dropped)
        return dropped

    def _use_models(self, request: ImageRequest, models: Sequence[str]) -> FollowUp:
        self._is_identified = bool(models)
        model = self._settings.model or choose_image_model(models)
        is_sd_server = _SD_SERVER_MODEL in models
        return FollowUp(
            call=self._generation_call(request, model, is_sd_server=is_sd_server)
        )

    def _generation_call(
        self, request: ImageRequest, model: str, *, is_sd_server: bool
    ) -> HttpCall:
        prompt = without_weights(without_tags(without_bars(request.prompt)))
        # After the prompt was cleaned, so that no post can set these options.
        if is_sd_server:
            options = json.dumps({"seed": request.seed})
            prompt += f"<sd_cpp_extra_args>{options}</sd_cpp_extra_args>"
        body: dict[str, JsonValue] = {
            "prompt": prompt,
            "size": str(self.supported_size(request)),
            "seed": request.seed,
            "n": 1,
            "response_format": "b64_json",
            **({"model": model} if model else {}),
        }
        path = "/v1/images/generations"
        return self._image_call(path, body, self._read_openai)


def list_models(response: Response) -> list[str]:
    """Return the names in a server's list of models."""
    entries = list_entries(response) or []
    return [str(entry["id"]) for entry in entries if entry.get("id")]


def choose_image_model(names: Sequence[str]) -> str:
    """Return the first image model of a list, else its first model, else ""."""
    for name in names:
        if any(part in name.casefold() for part in _IMAGE_MODELS):
            return name
    return names[0] if names else ""
