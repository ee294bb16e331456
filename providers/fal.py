"""fal.ai, FLUX.1-schnell: the request is queued and polled, the image downloaded.

Protocol: fal's queue API and client 1.0.  The paths of status and result contain the
app's name, which is the first two parts of the model's (`fal-ai/flux`, not
`fal-ai/flux/schnell`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from providers import outcomes
from providers.base import (
    FollowUp,
    HttpCall,
    ImageRequest,
    ImageSize,
    JsonValue,
    ProviderSettings,
    ProviderTraits,
    Response,
    Step,
)
from providers.job_provider import JobProvider, job_id_in
from providers.request_fitting import (
    ModelPrice,
    RequestSize,
    fit_to_whole_megapixels,
    price_per_whole_megapixel,
)
from providers.responses import (
    ErrorRule,
    Fetch,
    error_text,
    first_item,
    follow_url,
    missing_image_error,
    parse_object,
)

MODEL = "fal-ai/flux/schnell"
#: fal's page of the model: "$0.003 per megapixel. Images are billed by rounding up to
#: the nearest megapixel." (read on 2 October 2026).
PRICE = price_per_whole_megapixel(0.003)
_SOURCE = "fal's price per whole megapixel"
#: Enough for a story.  fal's schema (ImageSize) allows 14142.
MAX_SIDE = 1920
FILE_HOSTS = ("fal.media", ".fal.media")
_OK = 200


def build_fal_body(request: ImageRequest, size: RequestSize) -> dict[str, JsonValue]:
    """Return the request body of FLUX.1-schnell on fal."""
    return {
        "prompt": request.prompt,
        "image_size": {"width": size.width, "height": size.height},
        "num_inference_steps": 4,
        "seed": request.seed,
        "num_images": 1,
        "output_format": "png",
    }


def read_fal(response: Response, fetch: Fetch, *, commit: bool = True) -> Step:
    """Read `{"images": [{"url"}], "has_nsfw_concepts": [...]}`.

    Raises:
        PromptRefusedError: The filter of fal has blackened the image.
        ProviderError: The response has no image.
    """
    flagged = parse_object(response).get("has_nsfw_concepts")
    if isinstance(flagged, list) and any(flagged):
        raise outcomes.PromptRefusedError("its filter flagged the image")
    first = first_item(response, "images")
    if not isinstance(first, dict):
        raise missing_image_error(response, is_final=True)
    return follow_url(first.get("url"), fetch, commit=commit)


class Fal(JobProvider):
    """The provider kind `fal`."""

    defaults = ProviderTraits(
        label="fal FLUX",
        prefix="fal",
        # The limit of a new account.
        concurrency=2,
        price=PRICE,
        price_source=_SOURCE,
        base_url="https://queue.fal.run",
        max_prompt=2000,
        supported_options=frozenset({"size", "seed", "steps"}),
        file_hosts=FILE_HOSTS,
    )
    default_model = MODEL
    model_prices: ClassVar = {
        MODEL: ModelPrice(PRICE, _SOURCE),
        # fal's guide to FLUX.2 [klein] of 16 January 2026; the dearer of its variants.
        "fal-ai/flux-2/klein/4b": ModelPrice(price_per_whole_megapixel(0.014), _SOURCE),
    }
    error_rules = (
        ErrorRule(outcomes.OutOfCreditsError, status=403, text="exhausted balance"),
        ErrorRule(outcomes.ModelLoadingError, text="runner_scheduling_failure"),
        ErrorRule(outcomes.ModelLoadingError, text="startup_timeout"),
        ErrorRule(outcomes.TimedOutError, text="request_timeout"),
        ErrorRule(outcomes.PromptRefusedError, text="content_policy_violation"),
        ErrorRule(outcomes.NotFoundError, status=404, text="application"),
    )
    auth_scheme = "Key"
    max_side = MAX_SIDE

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings)
        self._requests = f"/{'/'.join(self.model.split('/')[:2])}/requests"

    def supported_size(self, request: ImageSize) -> RequestSize:
        """Return the size to request: a square is one megapixel instead of two."""
        return fit_to_whole_megapixels(request, self.size_multiple, self.max_side)

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request that queues the job."""
        body = build_fal_body(request, self.supported_size(request))
        return self._image_call(f"/{self.model}", body, self._read_submitted)

    def _cancel_call(self, job_id: str) -> HttpCall:
        return self._api_call(f"{self._requests}/{job_id}/cancel", method="PUT")

    def _poll_path(self, job_id: str) -> str:
        return f"{self._requests}/{job_id}/status"

    def _read_submitted(self, response: Response) -> Step:
        if job_id := job_id_in(response, "request_id"):
            return self._poll_later(job_id)
        # A proxy that returns the image at once, as fal.run does.
        return read_fal(response, self._download_call)

    def _read_status(self, job_id: str, response: Response) -> Step:
        status = str(parse_object(response).get("status") or "")
        if status in {"IN_QUEUE", "IN_PROGRESS"}:
            return self._poll_later(job_id)
        if status != "COMPLETED":
            raise missing_image_error(response)
        result = self._api_call(f"{self._requests}/{job_id}", is_poll=True)
        # Without `_with_error_check`, since an error here is the job's result.
        return FollowUp(call=replace(result, read=self._read_result))

    def _read_result(self, response: Response) -> Step:
        if response.status == _OK:
            return read_fal(response, self._download_call, commit=False)
        try:
            self.raise_for_error(response)
        except (outcomes.PromptRefusedError, outcomes.TimedOutError):
            raise
        # The error rules match, but the error is about a job that ran.
        except outcomes.ProviderError as error:
            text = error_text(response)
            raise outcomes.RemoteJobFailedError(text, status=response.status) from error
        raise missing_image_error(response)
