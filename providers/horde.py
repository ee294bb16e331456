"""AI Horde: volunteers' machines, free, slow; anonymous images are shared publicly.

Protocol: AI-Horde's source (API v2).  The request is queued and polled, and its
image (WebP) downloaded from the storage that the volunteer's machine used.
"""

from __future__ import annotations

from collections.abc import Mapping

from providers import outcomes
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
from providers.job_provider import JobProvider, job_id_in
from providers.provider import with_fallback
from providers.request_fitting import (
    MAX_ENLARGEMENT,
    RequestSize,
    enlargement,
    fit_to_pixels,
    flat_price,
    without_hashes,
    without_tags,
    without_weights,
)
from providers.responses import (
    ErrorRule,
    first_item,
    follow_url_or_base64,
    missing_image_error,
    parse_object,
)

_ANONYMOUS = "0000000000"
_AGENT = "postbrush:1:unknown"
_STEPS = 20
#: A megapixel, and the limit of accounts without kudos while the queue is long.
_PIXELS, _FEW_PIXELS = 1024 * 1024, 576 * 576
_MIN_POLL, _MAX_POLL = 2.0, 15.0


class _TooLargeError(outcomes.BadRequestError):
    """The size is too large for an account without kudos now."""


class Horde(JobProvider):
    """The provider kind `horde`."""

    defaults = ProviderTraits(
        label="AI Horde",
        prefix="horde",
        price=flat_price(0.0),
        price_source="volunteers",
        base_url="https://aihorde.net",
        # The service keeps a request for 10 to 20 minutes.
        timeout=600.0,
        concurrency=1,
        max_prompt=1000,
        supported_options=frozenset({"size", "seed", "steps"}),
        file_hosts=(".r2.cloudflarestorage.com",),
    )
    error_rules = (
        ErrorRule(_TooLargeError, status=403, text="kudosupfront"),
        ErrorRule(outcomes.RateLimitedError, status=403, text="timeoutip"),
        ErrorRule(outcomes.UnauthorizedError, status=403),
        ErrorRule(outcomes.PromptRefusedError, status=400, text="corruptprompt"),
        # No volunteer can serve the request now, or the service is in maintenance.
        ErrorRule(outcomes.UnavailableError, status=400, text="novalidworkers"),
        ErrorRule(outcomes.UnavailableError, status=400, text="maintenancemode"),
    )
    # The service knows the owner even of the anonymous key.
    token_check_path = "/api/v2/find_user"  # noqa: S105 - a path
    version_path = "/api/v2"
    model_list_path = "/api/v2/status/models"
    poll_seconds = _MIN_POLL

    def supported_size(self, request: ImageSize) -> RequestSize:
        """Return a megapixel of the requested shape, in steps of 64."""
        return fit_to_pixels(request, _PIXELS, 64)

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request that queues the job."""
        call = self._submission_call(request, self.supported_size(request))
        smaller = fit_to_pixels(request, _FEW_PIXELS, 64)
        # Its image would be too small for the format.
        if enlargement(smaller, request) > MAX_ENLARGEMENT:
            return call
        return with_fallback(
            call, _TooLargeError, self._submission_call(request, smaller)
        )

    def _submission_call(self, request: ImageRequest, size: RequestSize) -> HttpCall:
        model = self._settings.model
        body: dict[str, JsonValue] = {
            "prompt": without_weights(without_tags(without_hashes(request.prompt))),
            "params": {
                "width": size.width,
                "height": size.height,
                "steps": _STEPS,
                # The service requires a string.
                "seed": str(request.seed),
                "n": 1,
            },
            "nsfw": False,
            "censor_nsfw": True,
            "r2": True,
            "shared": self._settings.token is None,
            **({"models": [model]} if model else {}),
        }
        return self._image_call("/api/v2/generate/async", body, self._read_submitted)

    def _auth_headers(self) -> Mapping[str, str]:
        return {"apikey": self._settings.token or _ANONYMOUS, "Client-Agent": _AGENT}

    def _cancel_call(self, job_id: str) -> HttpCall:
        return self._api_call(f"/api/v2/generate/status/{job_id}", method="DELETE")

    def _poll_path(self, job_id: str) -> str:
        return f"/api/v2/generate/check/{job_id}"

    def _read_submitted(self, response: Response) -> Step:
        if job_id := job_id_in(response):
            return self._poll_later(job_id)
        raise missing_image_error(response)

    def _read_status(self, job_id: str, response: Response) -> Step:
        data = parse_object(response)
        if data.get("faulted"):
            raise outcomes.RemoteJobFailedError("the volunteer's machine failed")
        if data.get("is_possible") is False:
            raise outcomes.RemoteJobFailedError("no volunteer can process the request")
        if not data.get("done"):
            return self._poll_later(job_id, _poll_delay(data.get("wait_time")))
        path = f"/api/v2/generate/status/{job_id}"
        return FollowUp(call=self._api_call(path, self._read_result, is_poll=True))

    def _read_result(self, response: Response) -> Step:
        first = first_item(response, "generations")
        if not isinstance(first, dict):
            raise outcomes.RemoteJobFailedError("the job ended without an image")
        if first.get("censored"):
            raise outcomes.PromptRefusedError("its filter censored the image")
        return follow_url_or_base64(first.get("img"), self._download_call, commit=False)


def _poll_delay(wait: object) -> float:
    """Return the seconds to the next poll: half the time it announces, 2 to 15."""
    announced = wait if isinstance(wait, int | float) else 0.0
    # Before the division: an integer may be too large for it.
    return min(2 * _MAX_POLL, max(2 * _MIN_POLL, announced)) / 2
