"""Replicate, FLUX.1-schnell: a prediction is created, polled and downloaded.

Protocol: Replicate's HTTP API and its client 1.0 and 2.0.  Polls use known paths
rather than the URLs in the response, so that the token goes to no other host.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

from providers.base import (
    FollowUp,
    HttpCall,
    ImageRequest,
    ImageSize,
    JsonValue,
    ProviderTraits,
    Response,
    Step,
)
from providers.job_provider import JobProvider, find_images, job_id_in
from providers.model_list import ModelEntry
from providers.outcomes import (
    NotFoundError,
    PromptRefusedError,
    RateLimitedError,
    RemoteJobFailedError,
    RemoteJobLostError,
)
from providers.refusals import is_refusal
from providers.request_fitting import ModelPrice, RequestSize, flat_price, nearest_ratio
from providers.responses import (
    ErrorRule,
    Fetch,
    follow_url,
    missing_image_error,
    parse_object,
    sanitize_text,
)

MODEL = "black-forest-labs/flux-schnell"
#: Replicate's page of the model: $3.00 for 1000 images (7 October 2026).
PRICE = flat_price(0.003)
_SOURCE = "Replicate's $3 for 1000 images"
RATIOS = (
    *("1:1", "16:9", "21:9", "3:2", "2:3", "4:5"),
    *("5:4", "3:4", "4:3", "9:16", "9:21"),
)
FILE_HOSTS = ("replicate.delivery", ".replicate.delivery")


def build_replicate_body(
    request: ImageRequest, model: str = MODEL
) -> dict[str, JsonValue]:
    """Return the request body of a FLUX model on Replicate: a ratio, no size."""
    if "/flux-2-" in model:
        return {
            "input": {
                "prompt": request.prompt,
                "aspect_ratio": nearest_ratio(request, RATIOS),
                "seed": request.seed,
                "output_format": "png",
                "output_megapixels": "1",
            }
        }
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
        price=PRICE,
        price_source=_SOURCE,
        base_url="https://api.replicate.com",
        max_prompt=2000,
        supported_options=frozenset({"seed", "steps"}),
        file_hosts=FILE_HOSTS,
    )
    version_path = "/v1"
    default_model = MODEL
    # All slots of a model are busy.
    error_rules = (ErrorRule(RateLimitedError, status=409, text="at capacity"),)
    token_check_path = "/v1/account"  # noqa: S105 - a path
    model_prices: ClassVar = {
        MODEL: ModelPrice(PRICE, _SOURCE),
        # Black Forest Labs' price list (docs.bfl.ai, 2026); Replicate's is not known.
        "black-forest-labs/flux-2-klein-4b": ModelPrice(
            flat_price(0.014), "Black Forest Labs' price of a megapixel"
        ),
    }

    def dropped_options(self, request: ImageRequest) -> tuple[str, ...]:
        """Return the size: the service accepts an aspect ratio only."""
        return (f"size: {nearest_ratio(request, RATIOS)} of a megapixel is asked for",)

    def supported_size(self, request: ImageSize) -> RequestSize:
        """Return about the size of the image: a megapixel of the nearest ratio."""
        wide, _, high = nearest_ratio(request, RATIOS).partition(":")
        unit = math.sqrt(2**20 / (int(wide) * int(high)))
        return RequestSize(
            width=round(int(wide) * unit), height=round(int(high) * unit)
        )

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request that creates the prediction."""
        return self._image_call(
            f"/v1/models/{self.model}/predictions",
            build_replicate_body(request, self.model),
            self._read_submitted,
            # Replicate ends the prediction a minute after our timeout.
            {"Cancel-After": f"{math.ceil(self.traits.timeout) + 60}s"},
        )

    def model_check_call(self) -> HttpCall:
        """Return the free request for the model itself."""
        return self._api_call(f"/v1/models/{self.model}")

    def find_model(self, response: Response) -> ModelEntry | None:
        """Return whether the model exists; the service names no end.

        Raises:
            ProviderError: The response is another error than that of a missing model.
        """
        try:
            self.raise_for_error(response)
        except NotFoundError:
            # A page of a proxy says nothing about the model.
            return ModelEntry(is_listed=False) if parse_object(response) else None
        return ModelEntry(is_listed=True)

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
