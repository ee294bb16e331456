"""Replicate, FLUX.1-schnell: a prediction is created, waited for, and fetched.

Protocol: Replicate's HTTP API and its client 1.0 and 2.0.  The prediction's id is
committed before it is waited for; its own paths are used, not the addresses it
names, so that the token goes nowhere else.
"""

from __future__ import annotations

import math
from datetime import datetime

from providers.base import Again, Call, JsonValue, Order, Reply, Step
from providers.outcomes import LostError, RefusedError, RemoteFailedError
from providers.replies import as_object, clean, is_refusal
from providers.results import Fetch, at, without_image
from providers.service import Service, flat, is_job_id, traits_of
from providers.settings import ProviderSettings
from providers.sizes import Size, nearest_ratio

MODEL = "black-forest-labs/flux-schnell"
RATIOS = (
    "1:1",
    "16:9",
    "21:9",
    "3:2",
    "2:3",
    "4:5",
    "5:4",
    "3:4",
    "4:3",
    "9:16",
    "9:21",
)
FILE_HOSTS = ("replicate.delivery", ".replicate.delivery")
_ENDED = frozenset({"failed", "canceled", "aborted"})
_POLL_SECONDS = 1.0


def replicate_body(order: Order) -> dict[str, JsonValue]:
    """Return the input of FLUX.1-schnell as Replicate runs it: a ratio, no size."""
    return {
        "input": {
            "prompt": order.prompt,
            "aspect_ratio": nearest_ratio(order, RATIOS),
            "num_outputs": 1,
            "num_inference_steps": 4,
            "seed": order.seed,
            "output_format": "png",
            "megapixels": "1",
        }
    }


def read_output(reply: Reply, fetch: Fetch, *, remember: bool) -> Step | None:
    """Read a prediction: its output, or None while it is under way.

    Raises:
        RefusedError, RemoteFailedError: It failed, and why.
        UnavailableError: It ended without any output.
    """
    data = as_object(reply)
    output = data.get("output")
    url = output[0] if isinstance(output, list) and output else output
    # A prediction may carry its output while it still says "processing".
    if isinstance(url, str) and url:
        return at(url, fetch, remember=remember)
    status = str(data.get("status"))
    if status in _ENDED:
        error = clean(str(data.get("error") or ""))
        if is_refusal(error):
            raise RefusedError(error)
        raise RemoteFailedError(error or f"the prediction {status}")
    if status in {"starting", "processing"}:
        return None
    raise without_image(reply)


class Replicate(Service):
    """The provider kind `replicate`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            traits_of(
                settings,
                label="Replicate FLUX",
                prefix="replicate",
                # 6 a minute and no burst below $5 of credit; and a 429 under
                # concurrency can hide a 402.
                concurrency=1,
                price=flat(0.003),
                price_source="Replicate's $3 for 1000 images",
                base_url="https://api.replicate.com",
                max_prompt=2000,
                honours=frozenset({"seed", "steps"}),
                file_hosts=FILE_HOSTS,
            ),
        )

    def dropped(self, order: Order) -> tuple[str, ...]:
        """Only shapes can be asked for."""
        return (f"size: {nearest_ratio(order, RATIOS)} of a megapixel is asked for",)

    def size(self, order: Order) -> Size:
        """Return about what comes: a megapixel of the nearest ratio."""
        wide, _, high = nearest_ratio(order, RATIOS).partition(":")
        side = math.sqrt(2**20 / (int(wide) * int(high)))
        return Size(width=round(int(wide) * side), height=round(int(high) * side))

    def start(self, order: Order, now: datetime) -> Call:
        """Return the request that creates the prediction."""
        del now
        return self._order(
            f"/v1/models/{self._settings.model or MODEL}/predictions",
            replicate_body(order),
            self._created,
            # Whatever becomes of us, it ends; with a minute for a late look.
            {"Cancel-After": f"{math.ceil(self.traits.timeout) + 60}s"},
        )

    def cancel(self, remote: str) -> Call | None:
        """Return the call that cancels the prediction."""
        if not is_job_id(remote):
            return None
        return self._ask(f"/v1/predictions/{remote}/cancel", method="POST")

    def account(self) -> Call:
        """Ask whose token it is."""
        return self._ask("/v1/account")

    def _look(self, name: str) -> Call:
        return self._ask(
            f"/v1/predictions/{name}",
            lambda reply: self._seen(name, reply),
            waits=True,
        )

    def _created(self, reply: Reply) -> Step:
        name = str(as_object(reply).get("id") or "")
        if not is_job_id(name):
            return read_output(reply, self._fetch, remember=True) or _lost(reply)
        ready = read_output(reply, self._fetch, remember=False)
        if ready is None:
            return Again(call=self._look(name), seconds=_POLL_SECONDS, remote=name)
        return _after(ready, name)

    def _seen(self, name: str, reply: Reply) -> Step:
        ready = read_output(reply, self._fetch, remember=False)
        return ready or Again(call=self._look(name), seconds=_POLL_SECONDS)


def _after(step: Step, name: str) -> Step:
    """Commit the id before the file is fetched, too."""
    if isinstance(step, Again):
        return Again(call=step.call, seconds=step.seconds, remote=name)
    return step


def _lost(reply: Reply) -> Step:
    raise LostError("a prediction without an id", status=reply.status)
