"""Replicate, FLUX.1-schnell: a prediction is created, polled and downloaded.

Protocol: Replicate's HTTP API and its client 1.0 and 2.0.  Polls use known paths
rather than the URLs in the response, so that the token goes to no other host.
"""

from __future__ import annotations

import math
from dataclasses import replace

from providers.base import (
    FollowUp,
    HttpCall,
    ImageRequest,
    JsonValue,
    ProviderTraits,
    Response,
    Step,
)
from providers.image_finder import find_images
from providers.outcomes import (
    PromptRefusedError,
    RateLimitedError,
    RemoteJobFailedError,
    RemoteJobLostError,
)
from providers.provider import JobProvider, flat_price, job_id_in
from providers.refusals import is_refusal
from providers.request_fitting import RequestSize, nearest_ratio
from providers.responses import (
    ErrorRule,
    Fetch,
    follow_url,
    missing_image_error,
    parse_object,
    sanitize_text,
)

MODEL = "black-forest-labs/flux-schnell"
RATIOS = (
    *("1:1", "16:9", "21:9", "3:2", "2:3", "4:5"),
    *("5:4", "3:4", "4:3", "9:16", "9:21"),
)
FILE_HOSTS = ("replicate.delivery", ".replicate.delivery")


def build_replicate_body(request: ImageRequest) -> dict[str, JsonValue]:
    """Return the request body of FLUX.1-schnell on Replicate: a ratio, no size."""
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


def read_prediction(response: Response, fetch: Fetch, *, commit: bool) -> Step | None:
    """Return the output of a prediction, or None while it runs.

    Raises:
        PromptRefusedError: Moderation refused the prompt.
        RemoteJobFailedError: The prediction failed.
        InvalidImageError: The prediction ended without output.
    """
    data = parse_object(response)
    # Models have an address, a list, or an object of them as their output, and a
    # prediction may carry it while it still says "processing".
    if url := next(find_images(data.get("output")), None):
        return follow_url(url, fetch, commit=commit)
    status = str(data.get("status"))
    if status in {"failed", "canceled", "aborted"}:
        error = sanitize_text(str(data.get("error") or ""))
        if is_refusal(error):
            raise PromptRefusedError(error)
        raise RemoteJobFailedError(error or f"the prediction {status}")
    if status in {"starting", "processing"}:
        return None
    raise missing_image_error(response, is_final=status == "succeeded")


class Replicate(JobProvider):
    """The provider kind `replicate`."""

    defaults = ProviderTraits(
        label="Replicate FLUX",
        prefix="replicate",
        # Below $5 of credit the limit is 6 a minute without bursts, and a 429 under
        # concurrency can hide a 402.
        concurrency=1,
        price=flat_price(0.003),
        price_source="Replicate's $3 for 1000 images",
        base_url="https://api.replicate.com",
        max_prompt=2000,
        supported_options=frozenset({"seed", "steps"}),
        file_hosts=FILE_HOSTS,
    )
    # All slots of a model are busy.
    error_rules = (ErrorRule(RateLimitedError, status=409, text="at capacity"),)
    token_check_path = "/v1/account"  # noqa: S105 - a path

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Return the size: the service accepts an aspect ratio only."""
        return (f"size: {nearest_ratio(request, RATIOS)} of a megapixel is asked for",)

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return about the size of the image: a megapixel of the nearest ratio."""
        wide, _, high = nearest_ratio(request, RATIOS).partition(":")
        unit = math.sqrt(2**20 / (int(wide) * int(high)))
        return RequestSize(
            width=round(int(wide) * unit), height=round(int(high) * unit)
        )

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request that creates the prediction."""
        return self._image_call(
            f"/v1/models/{self._settings.model or MODEL}/predictions",
            build_replicate_body(request),
            self._read_submitted,
            # Replicate ends the prediction a minute after our timeout.
            {"Cancel-After": f"{math.ceil(self.traits.timeout) + 60}s"},
        )

    def _cancel_call(self, job_id: str) -> HttpCall:
        return self._api_call(f"{self._poll_path(job_id)}/cancel", method="POST")

    def _poll_path(self, job_id: str) -> str:
        return f"/v1/predictions/{job_id}"

    def _read_submitted(self, response: Response) -> Step:
        if job_id := job_id_in(response):
            return self._read_status(job_id, response)
        ready = read_prediction(response, self._download_call, commit=True)
        if ready is None:
            text = "a prediction without an id"
            raise RemoteJobLostError(text, status=response.status)
        return ready

    def _read_status(self, job_id: str, response: Response) -> Step:
        ready = read_prediction(response, self._download_call, commit=False)
        if isinstance(ready, FollowUp):
            return replace(ready, remote_id=job_id)
        return ready or self._poll_later(job_id)
