"""fal.ai, FLUX.1-schnell: the request is queued and polled, the image downloaded.

Protocol: fal's queue API and client 1.0.  The request's id is committed before the
first poll.  The paths of status and result contain the app's name, which is the
first two parts of the model's (`fal-ai/flux`, not `fal-ai/flux/schnell`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from providers.base import FollowUp, HttpCall, ImageRequest, JsonValue, Response, Step
from providers.base_http import (
    BaseProvider,
    is_job_id,
    price_per_megapixel,
)
from providers.outcomes import (
    ModelLoadingError,
    NotFoundError,
    OutOfCreditsError,
    PromptRefusedError,
    ProviderError,
    RemoteJobFailedError,
    TimedOutError,
)
from providers.responses import (
    ErrorRule,
    Fetch,
    error_text,
    follow_url,
    missing_image_error,
    parse_object,
)
from providers.settings import ProviderSettings
from providers.sizes import RequestSize, fit_to_side

MODEL = "fal-ai/flux/schnell"
FILE_HOSTS = ("fal.media", ".fal.media")
_POLL_SECONDS = 1.0
_WAITING = frozenset({"IN_QUEUE", "IN_PROGRESS"})
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
    data = parse_object(response)
    flagged = data.get("has_nsfw_concepts")
    if isinstance(flagged, list) and any(flagged):
        raise PromptRefusedError("its filter flagged the image")
    images = data.get("images")
    first = images[0] if isinstance(images, list) and images else None
    if not isinstance(first, dict):
        raise missing_image_error(response)
    return follow_url(first.get("url"), fetch, commit=commit)


class Fal(BaseProvider):
    """The provider kind `fal`."""

    error_rules = (
        ErrorRule(means=OutOfCreditsError, status=403, words="exhausted balance"),
        ErrorRule(means=ModelLoadingError, words="runner_scheduling_failure"),
        ErrorRule(means=ModelLoadingError, words="startup_timeout"),
        ErrorRule(means=TimedOutError, words="request_timeout"),
        ErrorRule(means=PromptRefusedError, words="content_policy_violation"),
        ErrorRule(means=NotFoundError, status=404, words="application"),
    )

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            label="fal FLUX",
            prefix="fal",
            # The limit of a new account.
            concurrency=2,
            price=price_per_megapixel(0.003),
            price_source="fal's price per megapixel",
            base_url="https://queue.fal.run",
            max_prompt=2000,
            honours=frozenset({"size", "seed", "steps"}),
            file_hosts=FILE_HOSTS,
        )
        self._model = settings.model or MODEL
        self._app = "/".join(self._model.split("/")[:2])

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return a size in steps of 16, up to 1440 a side."""
        return fit_to_side(request, 16)

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request that queues the job."""
        del now
        return self._image_call(
            f"/{self._model}",
            build_fal_body(request, self.supported_size(request)),
            self._read_submitted,
        )

    def _cancel_call(self, job_id: str) -> HttpCall:
        return self._api_call(f"/{self._app}/requests/{job_id}/cancel", method="PUT")

    def _auth_headers(self) -> Mapping[str, str]:
        token = self._settings.token
        return {"Authorization": f"Key {token}"} if token else {}

    def _poll_call(self, job_id: str) -> HttpCall:
        return self._api_call(
            f"/{self._app}/requests/{job_id}/status",
            lambda response: self._read_status(job_id, response),
            waits=True,
        )

    def _read_submitted(self, response: Response) -> Step:
        job_id = str(parse_object(response).get("request_id") or "")
        # A proxy that returns the image at once, as fal.run does.
        if not is_job_id(job_id):
            return read_fal(response, self._download_call)
        return FollowUp(
            call=self._poll_call(job_id), seconds=_POLL_SECONDS, remote=job_id
        )

    def _read_status(self, job_id: str, response: Response) -> Step:
        data = parse_object(response)
        status = str(data.get("status") or "")
        if status in _WAITING:
            return FollowUp(call=self._poll_call(job_id), seconds=_POLL_SECONDS)
        if status != "COMPLETED":
            raise missing_image_error(response)
        # Without `_with_error_check`, since an error here is the job's result.
        result = HttpCall(
            method="GET",
            url=f"{self.traits.base_url}/{self._app}/requests/{job_id}",
            headers=self._auth_headers(),
            read=self._read_result,
            waits=True,
        )
        return FollowUp(call=result)

    def _read_result(self, response: Response) -> Step:
        if response.status == _OK:
            return read_fal(response, self._download_call, commit=False)
        try:
            self.raise_for_error(response)
        except PromptRefusedError:
            raise
        # The error rules match, but the error is about a job that ran.
        except ProviderError as error:
            raise _job_error(error, response) from error
        raise missing_image_error(response)


def _job_error(error: ProviderError, response: Response) -> ProviderError:
    if isinstance(error, TimedOutError):
        return error
    return RemoteJobFailedError(error_text(response), status=response.status)
