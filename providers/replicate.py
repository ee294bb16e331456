"""Replicate, FLUX.1-schnell: a prediction is created, waited for, and fetched.

Protocol: Replicate's HTTP API and its client 1.0 and 2.0.  The prediction's id is
committed before it is waited for; its own paths are used, not the addresses it
names, so that the token goes nowhere else.
"""

from __future__ import annotations

import math
from datetime import datetime

from providers.base import FollowUp, HttpCall, ImageRequest, JsonValue, Response, Step
from providers.base_http import BaseProvider, build_traits, flat_price, is_job_id
from providers.outcomes import (
    PromptRefusedError,
    RemoteJobFailedError,
    RemoteJobLostError,
)
from providers.responses import (
    Fetch,
    follow_url,
    is_refusal,
    missing_image_error,
    parse_object,
    sanitize_text,
)
from providers.settings import ProviderSettings
from providers.sizes import RequestSize, nearest_ratio

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


def build_replicate_body(request: ImageRequest) -> dict[str, JsonValue]:
    """Return the input of FLUX.1-schnell as Replicate runs it: a ratio, no size."""
    return {
        "input": {
            "prompt": request.prompt,
            "aspect_ratio": nearest_ratio(request, RATIOS),
            "num_outputs": 1,
            "num_inference_steps": 4,
            "seed": request.seed,
            "output_format": "png",
            "megapixels": "1",
        }
    }


def read_prediction(response: Response, fetch: Fetch, *, remember: bool) -> Step | None:
    """Read a prediction: its output, or None while it is under way.

    Raises:
        RefusedError, RemoteFailedError: It failed, and why.
        UnavailableError: It ended without any output.
    """
    data = parse_object(response)
    output = data.get("output")
    url = output[0] if isinstance(output, list) and output else output
    # A prediction may carry its output while it still says "processing".
    if isinstance(url, str) and url:
        return follow_url(url, fetch, remember=remember)
    status = str(data.get("status"))
    if status in _ENDED:
        error = sanitize_text(str(data.get("error") or ""))
        if is_refusal(error):
            raise PromptRefusedError(error)
        raise RemoteJobFailedError(error or f"the prediction {status}")
    if status in {"starting", "processing"}:
        return None
    raise missing_image_error(response)


class Replicate(BaseProvider):
    """The provider kind `replicate`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            build_traits(
                settings,
                label="Replicate FLUX",
                prefix="replicate",
                # 6 a minute and no burst below $5 of credit; and a 429 under
                # concurrency can hide a 402.
                concurrency=1,
                price=flat_price(0.003),
                price_source="Replicate's $3 for 1000 images",
                base_url="https://api.replicate.com",
                max_prompt=2000,
                honours=frozenset({"seed", "steps"}),
                file_hosts=FILE_HOSTS,
            ),
        )

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Only shapes can be asked for."""
        return (f"size: {nearest_ratio(request, RATIOS)} of a megapixel is asked for",)

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return about what comes: a megapixel of the nearest ratio."""
        wide, _, high = nearest_ratio(request, RATIOS).partition(":")
        side = math.sqrt(2**20 / (int(wide) * int(high)))
        return RequestSize(
            width=round(int(wide) * side), height=round(int(high) * side)
        )

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request that creates the prediction."""
        del now
        return self._image_call(
            f"/v1/models/{self._settings.model or MODEL}/predictions",
            build_replicate_body(request),
            self._read_submitted,
            # Whatever becomes of us, it ends; with a minute for a late look.
            {"Cancel-After": f"{math.ceil(self.traits.timeout) + 60}s"},
        )

    def cancel(self, remote: str) -> HttpCall | None:
        """Return the call that cancels the prediction."""
        if not is_job_id(remote):
            return None
        return self._api_call(f"/v1/predictions/{remote}/cancel", method="POST")

    def token_check_call(self) -> HttpCall:
        """Ask whose token it is."""
        return self._api_call("/v1/account")

    def _poll_call(self, name: str) -> HttpCall:
        return self._api_call(
            f"/v1/predictions/{name}",
            lambda response: self._read_status(name, response),
            waits=True,
        )

    def _read_submitted(self, response: Response) -> Step:
        name = str(parse_object(response).get("id") or "")
        if not is_job_id(name):
            return read_prediction(
                response, self._download_call, remember=True
            ) or _raise_lost(response)
        ready = read_prediction(response, self._download_call, remember=False)
        if ready is None:
            return FollowUp(
                call=self._poll_call(name), seconds=_POLL_SECONDS, remote=name
            )
        return _with_remote_id(ready, name)

    def _read_status(self, name: str, response: Response) -> Step:
        ready = read_prediction(response, self._download_call, remember=False)
        return ready or FollowUp(call=self._poll_call(name), seconds=_POLL_SECONDS)


def _with_remote_id(step: Step, name: str) -> Step:
    """Commit the id before the file is fetched, too."""
    if isinstance(step, FollowUp):
        return FollowUp(call=step.call, seconds=step.seconds, remote=name)
    return step


def _raise_lost(response: Response) -> Step:
    raise RemoteJobLostError("a prediction without an id", status=response.status)
