"""AUTOMATIC1111's web UI, Forge or SD.Next, started with `--api`.

Protocol: `modules/api` of AUTOMATIC1111.  The response to the request is the image.
The server uses the model it has loaded, so the owner sets steps and other options
with `extra` (`extra = { steps = 4, cfg_scale = 1 }` for FLUX.1-schnell).
"""

from __future__ import annotations

from collections.abc import Mapping

from providers.base import (
    HttpCall,
    ImageRequest,
    JsonValue,
    ProviderTraits,
    Response,
    Step,
)
from providers.outcomes import NotFoundError
from providers.provider import Provider, basic_auth_header
from providers.request_fitting import escape_syntax, flat_price
from providers.responses import (
    ErrorRule,
    first_item,
    image_from_base64,
    missing_image_error,
)

_STEPS = 20
_PROGRESS = "/sdapi/v1/progress?skip_current_image=true"


class A1111(Provider):
    """The provider kind `a1111`."""

    defaults = ProviderTraits(
        label="Stable Diffusion",
        prefix="a1111",
        price=flat_price(0.0),
        price_source="your own server",
        is_own_server=True,
        timeout=600.0,
        concurrency=1,
        supported_options=frozenset({"size", "seed", "steps"}),
    )
    # A server started without --api has no such path.
    error_rules = (ErrorRule(NotFoundError, status=404),)
    version_path = "/sdapi/v1"
    # The models need sizes in steps of 8.
    size_multiple, max_side = 8, 2048
    # Requires the password.
    health_check_path = token_check_path = _PROGRESS
    model_list_path = "/sdapi/v1/sd-models"

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request that generates the image."""
        size, model = self.supported_size(request), self._settings.model
        body: dict[str, JsonValue] = {
            "prompt": escape_syntax(request.prompt),
            "width": size.width,
            "height": size.height,
            "seed": request.seed,
            "steps": _STEPS,
            "batch_size": 1,
            "save_images": False,
            **({"override_settings": {"sd_model_checkpoint": model}} if model else {}),
        }
        return self._image_call("/sdapi/v1/txt2img", body, self._read_image)

    def _auth_headers(self) -> Mapping[str, str]:
        token = self._settings.token or self._userinfo
        return {"Authorization": basic_auth_header(token)} if token else {}

    def _read_image(self, response: Response) -> Step:
        image = first_item(response, "images")
        if image is None:
            raise missing_image_error(response)
        return image_from_base64(image)
