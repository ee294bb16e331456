"""AUTOMATIC1111's web UI, Forge or SD.Next, started with `--api`.

Protocol: `modules/api` of AUTOMATIC1111.  Answers with the image in the same call;
the model is whatever is loaded there, so steps and the rest are its own: set them
with `extra` (`extra = { steps = 4, cfg_scale = 1 }` for FLUX.1-schnell).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from providers.answers import Spelling
from providers.base import Call, JsonValue, Order, Reply, Step
from providers.outcomes import GoneError
from providers.plain import escaped
from providers.replies import as_object
from providers.results import from_base64, without_image
from providers.service import FREE, Service, basic, traits_of
from providers.settings import ProviderSettings
from providers.sizes import Size, fitting

_STEPS = 20


class A1111(Service):
    """The provider kind `a1111`."""

    # What a server answers that was started without --api.
    spellings = (Spelling(means=GoneError, status=404),)

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            traits_of(
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

    def size(self, order: Order) -> Size:
        """Return a size in steps of 8, which its models need."""
        return fitting(order, 8, most=2048)

    def start(self, order: Order, now: datetime) -> Call:
        """Return the request for an image."""
        del now
        size = self.size(order)
        body: dict[str, JsonValue] = {
            "prompt": escaped(order.prompt),
            "width": size.width,
            "height": size.height,
            "seed": order.seed,
            "steps": _STEPS,
            "batch_size": 1,
            "save_images": False,
        }
        if self._settings.model:
            body["override_settings"] = {
                "sd_model_checkpoint": self._settings.model,
            }
        return self._order("/sdapi/v1/txt2img", body, self._read)

    def greet(self) -> Call:
        """Ask how far it is with its work."""
        return self._ask("/sdapi/v1/progress?skip_current_image=true")

    def account(self) -> Call:
        """The same: it wants its password there, too."""
        return self.greet()

    def _headers(self) -> Mapping[str, str]:
        token = self._settings.token
        return {"Authorization": basic(token)} if token else {}

    def _read(self, reply: Reply) -> Step:
        images = as_object(reply).get("images")
        first = images[0] if isinstance(images, list) and images else None
        if first is None:
            raise without_image(reply)
        return from_base64(first)
