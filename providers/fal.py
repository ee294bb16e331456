"""fal.ai, FLUX.1-schnell: a request is queued, waited for, and its image fetched.

Protocol: fal's queue API and client 1.0.  The request's id is committed before it
is waited for; status and result stand below the app's name, without what follows
it in the model's (`fal-ai/flux`, not `fal-ai/flux/schnell`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from providers.base import FollowUp, HttpCall, ImageRequest, JsonValue, Response, Step
from providers.base_http import (
    BaseProvider,
    build_traits,
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
    """Return the input of FLUX.1-schnell as fal runs it."""
    return {
        "prompt": request.prompt,
        "image_size": {"width": size.width, "height": size.height},
        "num_inference_steps": 4,
        "seed": request.seed,
        "num_images": 1,
        "output_format": "png",
    }


def read_fal(response: Response, fetch: Fetch, *, remember: bool = True) -> Step:
    """Read `{"images": [{"url"}], "has_nsfw_concepts": [...]}`.

    Raises:
        ProviderError: There is no image in it, or one its filter has blackened.
    """
    data = parse_object(response)
    flagged = data.get("has_nsfw_concepts")
    if isinstance(flagged, list) and any(flagged):
        raise PromptRefusedError("its filter flagged the image")
    images = data.get("images")
    first = images[0] if isinstance(images, list) and images else None
    if not isinstance(first, dict):
        raise missing_image_error(response)
    return follow_url(first.get("url"), fetch, remember=remember)


class Fal(BaseProvider):
    """The provider kind `fal`."""

    spellings = (
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
            build_traits(
                settings,
                label="fal FLUX",
                prefix="fal",
                # What a new account may have at once.
                concurrency=2,
                price=price_per_megapixel(0.003),
                price_source="fal's price per megapixel",
                base_url="https://queue.fal.run",
                max_prompt=2000,
                honours=frozenset({"size", "seed", "steps"}),
                file_hosts=FILE_HOSTS,
            ),
        )
        self._model = settings.model or MODEL
        self._app = "/".join(self._model.split("/")[:2])

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return a size in steps of 16."""
        return fit_to_side(request, 16)

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request that queues the work."""
        del now
        return self._image_call(
            f"/{self._model}",
            build_fal_body(request, self.supported_size(request)),
            self._read_submitted,
        )

    def cancel(self, remote: str) -> HttpCall | None:
        """Return the call that cancels the request."""
        if not is_job_id(remote):
            return None
        return self._api_call(f"/{self._app}/requests/{remote}/cancel", method="PUT")

    def _auth_headers(self) -> Mapping[str, str]:
        token = self._settings.token
        return {"Authorization": f"Key {token}"} if token else {}

    def _poll_call(self, name: str) -> HttpCall:
        return self._api_call(
            f"/{self._app}/requests/{name}/status",
            lambda response: self._read_status(name, response),
            waits=True,
        )

    def _read_submitted(self, response: Response) -> Step:
        name = str(parse_object(response).get("request_id") or "")
        # A proxy that answers at once, as fal.run itself does.
        if not is_job_id(name):
            return read_fal(response, self._download_call)
        return FollowUp(call=self._poll_call(name), seconds=_POLL_SECONDS, remote=name)

    def _read_status(self, name: str, response: Response) -> Step:
        data = parse_object(response)
        status = str(data.get("status") or "")
        if status in _WAITING:
            return FollowUp(call=self._poll_call(name), seconds=_POLL_SECONDS)
        if status != "COMPLETED":
            raise missing_image_error(response)
        # Not through `check`: an error here is how the work ended, not the asking.
        result = HttpCall(
            method="GET",
            url=f"{self.traits.base_url}/{self._app}/requests/{name}",
            headers=self._auth_headers(),
            read=self._read_result,
            waits=True,
        )
        return FollowUp(call=result)

    def _read_result(self, response: Response) -> Step:
        if response.status == _OK:
            return read_fal(response, self._download_call, remember=False)
        try:
            self.raise_for_error(response)
        except PromptRefusedError:
            raise
        # The same words as for asking, but said of work that was done.
        except ProviderError as error:
            raise _job_error(error, response) from error
        raise missing_image_error(response)


def _job_error(error: ProviderError, response: Response) -> ProviderError:
    if isinstance(error, TimedOutError):
        return error
    return RemoteJobFailedError(error_text(response), status=response.status)
