"""Cloudflare Workers AI, FLUX.1-schnell: a free allowance every day.

Protocol and error codes: Cloudflare's Workers AI documentation (page "errors",
2026-07-29).  Takes a prompt and steps, nothing else: a seed or a size is refused.
"""

from __future__ import annotations

from datetime import datetime

from providers.answers import Spelling
from providers.base import Call, JsonValue, Order, Reply, Step
from providers.outcomes import (
    BadTokenError,
    GoneError,
    OutOfCreditsError,
    RejectedError,
    TimedOutError,
    UnavailableError,
)
from providers.replies import as_object
from providers.results import (
    from_base64,
    image_of,
    looks_like_image,
    without_image,
)
from providers.service import Service, flat, traits_of
from providers.settings import ProviderSettings
from providers.sizes import Size

_MODEL = "@cf/black-forest-labs/flux-1-schnell"
#: 10,000 neurons a day are free, 1,000 more cost $0.011; an image takes about 60.
_DOLLARS_PER_NEURON = 0.011 / 1000
_NEURONS_PER_IMAGE = 60
_NEURONS_PER_DAY = 10_000
_MADE = Size(width=1024, height=1024)


def _code(number: int) -> str:
    return f'"code":{number}'


class Cloudflare(Service):
    """The provider kind `cloudflare`."""

    spellings = (
        Spelling(means=OutOfCreditsError, words="daily free allocation"),
        Spelling(means=OutOfCreditsError, status=429, words=_code(3036)),
        Spelling(means=OutOfCreditsError, status=429, words=_code(4006)),
        # Out of capacity: theirs, not ours.
        Spelling(means=UnavailableError, status=429, words=_code(3040)),
        Spelling(means=TimedOutError, words=_code(3007)),
        Spelling(means=TimedOutError, words=_code(3008)),
        Spelling(means=RejectedError, words=_code(3006)),
        Spelling(means=GoneError, words=_code(3042)),
        Spelling(means=GoneError, words=_code(5007)),
        Spelling(means=BadTokenError, words=_code(10000)),
        # A path with an account that does not exist, or is not the token's.
        Spelling(means=BadTokenError, words=_code(7003)),
    )

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            traits_of(
                settings,
                label="Cloudflare FLUX",
                prefix="cloudflare",
                price=flat(_DOLLARS_PER_NEURON * _NEURONS_PER_IMAGE),
                price_source="Cloudflare's price per neuron, about 60 an image",
                base_url="https://api.cloudflare.com/client/v4",
                included=_DOLLARS_PER_NEURON * _NEURONS_PER_DAY,
                included_per="day",
                credits_reset="daily",
                max_prompt=2048,
                honours=frozenset({"steps"}),
            ),
        )
        self._path = (
            f"/accounts/{settings.account or ''}/ai/run/{settings.model or _MODEL}"
        )

    def size(self, order: Order) -> Size:
        """Return the one size it makes."""
        del order
        return _MADE

    def start(self, order: Order, now: datetime) -> Call:
        """Return the request for an image."""
        del now
        body: dict[str, JsonValue] = {"prompt": order.prompt, "steps": 4}
        return self._order(self._path, body, self._read)

    def account(self) -> Call:
        """Ask whether the token is valid; not whether it may use Workers AI."""
        return self._ask("/user/tokens/verify")

    def _read(self, reply: Reply) -> Step:
        # Some of its models answer with the file itself.
        if looks_like_image(reply.body):
            return image_of(reply.body)
        result = as_object(reply).get("result")
        if not isinstance(result, dict) or not result.get("image"):
            raise without_image(reply)
        return from_base64(result["image"])
