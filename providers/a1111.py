"""AUTOMATIC1111's web UI, Forge or SD.Next, started with `--api`.

Protocol: `modules/api` of AUTOMATIC1111.  The response to the request is the image.
The server uses the model it has loaded, so the owner sets steps and other options
with `extra` (`extra = { steps = 4, cfg_scale = 1 }` for FLUX.1-schnell).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from providers.base import HttpCall, ImageRequest, JsonValue, Response, Step
from providers.base_http import FREE, BaseProvider, basic_auth_header
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

    # A server started without --api has no such path.
    error_rules = (ErrorRule(means=NotFoundError, status=404),)

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            label="Stable Diffusion",
            prefix="a1111",
            price=FREE,
            price_source="your own server",
            base_url="",
            timeout=600.0,
            concurrency=1,
            honours=frozenset({"size", "seed", "steps"}),
        )

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return a size in steps of 8, which the models need, up to 2048 a side."""
        return fit_to_side(request, 8, most=2048)

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request that generates the image."""
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
        """Return the request for the server's progress."""
        return self._api_call("/sdapi/v1/progress?skip_current_image=true")

    def token_check_call(self) -> HttpCall:
        """Return the health check, which requires the password."""
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
