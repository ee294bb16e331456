"""AUTOMATIC1111's web UI, Forge or SD.Next, started with `--api`.

Protocol: `modules/api` of AUTOMATIC1111.  Answers with the image in the same call;
the model is whatever is loaded there, so steps and the rest are its own: set them
with `extra` (`extra = { steps = 4, cfg_scale = 1 }` for FLUX.1-schnell).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from providers.base import HttpCall, ImageRequest, JsonValue, Response, Step
from providers.base_http import FREE, BaseProvider, basic_auth_header, build_traits
from providers.outcomes import NotFoundError
from providers.prompt_sanitizer import escape_syntax
from providers.responses import (
    ErrorRule,
    image_from_base64,
    missing_image_error,
    parse_object,
)
from providers.settings import ProviderSettings
from providers.sizes import RequestSize, fit_to_side

_STEPS = 20


class A1111(BaseProvider):
    """The provider kind `a1111`."""

    # What a server answers that was started without --api.
    spellings = (ErrorRule(means=NotFoundError, status=404),)

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            build_traits(
                settings,
                label="Stable Diffusion",
                prefix="a1111",
                price=FREE,
                price_source="your own server",
                base_url="",
                timeout=600.0,
                concurrency=1,
                honours=frozenset({"size", "seed", "steps"}),
            ),
        )

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return a size in steps of 8, which its models need."""
        return fit_to_side(request, 8, most=2048)

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request for an image."""
        del now
        size = self.supported_size(request)
        body: dict[str, JsonValue] = {
            "prompt": escape_syntax(request.prompt),
            "width": size.width,
            "height": size.height,
            "seed": request.seed,
            "steps": _STEPS,
            "batch_size": 1,
            "save_images": False,
        }
        if self._settings.model:
            body["override_settings"] = {
                "sd_model_checkpoint": self._settings.model,
            }
        return self._image_call("/sdapi/v1/txt2img", body, self._read_image)

    def health_check_call(self) -> HttpCall:
        """Ask how far it is with its work."""
        return self._api_call("/sdapi/v1/progress?skip_current_image=true")

    def token_check_call(self) -> HttpCall:
        """The same: it wants its password there, too."""
        return self.health_check_call()

    def _auth_headers(self) -> Mapping[str, str]:
        token = self._settings.token
        return {"Authorization": basic_auth_header(token)} if token else {}

    def _read_image(self, response: Response) -> Step:
        images = parse_object(response).get("images")
        first = images[0] if isinstance(images, list) and images else None
        if first is None:
            raise missing_image_error(response)
        return image_from_base64(first)
