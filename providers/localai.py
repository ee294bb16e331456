"""LocalAI, or any other server of your own that speaks OpenAI's images API.

Protocol: LocalAI's source (`/v1/images/generations`), stable-diffusion.cpp's
sd-server.  The first request loads the model and may take minutes; one at a time.
"""

from __future__ import annotations

from datetime import datetime

from providers.base import Again, Call, JsonValue, Order, Reply, Step
from providers.openai import read_openai
from providers.plain import without_bars, without_tags, without_weights
from providers.replies import as_object
from providers.service import FREE, Service, traits_of
from providers.settings import ProviderSettings
from providers.sizes import Size, fitting

#: What a model is called that paints, when a server has several of all sorts.
_PAINTERS = ("flux", "diffusion", "sd-", "sd3", "sdxl", "z-image", "dreamshaper")


class LocalAi(Service):
    """The provider kind `localai`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            traits_of(
                settings,
                label="LocalAI",
                prefix="localai",
                price=FREE,
                price_source="your own server",
                base_url="",
                timeout=600.0,
                concurrency=1,
                honours=frozenset({"size", "seed"}),
            ),
        )
        # People paste it with and without.
        self._v1 = "" if self.traits.base_url.endswith("/v1") else "/v1"

    def size(self, order: Order) -> Size:
        """Return a size in the steps that such servers round to."""
        return fitting(order, 16, most=2048)

    def start(self, order: Order, now: datetime) -> Call:
        """Return the request for an image, or for the list of models before it."""
        del now
        if self._settings.model:
            return self._generation(order, self._settings.model)
        return self._ask(
            f"{self._v1}/models",
            lambda reply: Again(call=self._generation(order, painter(reply))),
            # It answers the request for an image itself then, or does not.
            failed=lambda _error: Again(call=self._generation(order, "")),
        )

    def greet(self) -> Call:
        """Ask for the list of models."""
        return self._ask(f"{self._v1}/models")

    def account(self) -> Call:
        """The same."""
        return self.greet()

    def _generation(self, order: Order, model: str) -> Call:
        body: dict[str, JsonValue] = {
            "prompt": without_weights(without_tags(without_bars(order.prompt))),
            "size": str(self.size(order)),
            "seed": order.seed,
            "n": 1,
            "response_format": "b64_json",
        }
        if model:
            body["model"] = model
        return self._order(f"{self._v1}/images/generations", body, self._read)

    def _read(self, reply: Reply) -> Step:
        return read_openai(reply, self._fetch)


def painter(reply: Reply) -> str:
    """Return the model of a list that paints, the first one if none is known to."""
    listed = as_object(reply).get("data")
    names = [
        str(one["id"])
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and one.get("id")
    ]
    for name in names:
        if any(word in name.casefold() for word in _PAINTERS):
            return name
    return names[0] if names else ""
