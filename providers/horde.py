"""AI Horde: volunteers' machines, free, slow; anonymous images are shared publicly.

Protocol: AI-Horde's source (API v2).  The request is queued and polled, and its
image (WebP) downloaded from the storage that the volunteer's machine used.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from providers.base import FollowUp, HttpCall, ImageRequest, JsonValue, Response, Step
from providers.base_http import (
    FREE,
    BaseProvider,
    is_job_id,
    with_fallback,
)
from providers.outcomes import (
    BadRequestError,
    PromptRefusedError,
    RateLimitedError,
    RemoteJobFailedError,
    UnauthorizedError,
    UnavailableError,
)
from providers.prompt_sanitizer import without_hashes, without_tags, without_weights
from providers.responses import (
    ErrorRule,
    follow_url_or_base64,
    missing_image_error,
    parse_object,
)
from providers.settings import ProviderSettings
from providers.sizes import RequestSize, fit_to_pixels

_ANONYMOUS = "0000000000"
_AGENT = "postbrush:1:unknown"
_STEPS = 20
#: A megapixel, and the limit of accounts without kudos while the queue is long.
_PIXELS, _FEW_PIXELS = 1024 * 1024, 576 * 576
_MIN_POLL, _MAX_POLL = 2.0, 15.0


class _TooLargeError(BadRequestError):
    """The size is too large for an account without kudos now."""


class Horde(BaseProvider):
    """The provider kind `horde`."""

    error_rules = (
        ErrorRule(means=_TooLargeError, status=403, words="kudosupfront"),
        ErrorRule(means=RateLimitedError, status=403, words="timeoutip"),
        ErrorRule(means=UnauthorizedError, status=403),
        ErrorRule(means=PromptRefusedError, status=400, words="corruptprompt"),
        # No volunteer can serve the request now, or the service is in maintenance.
        ErrorRule(means=UnavailableError, status=400, words="novalidworkers"),
        ErrorRule(means=UnavailableError, status=400, words="maintenancemode"),
    )

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            label="AI Horde",
            prefix="horde",
            price=FREE,
            price_source="volunteers",
            base_url="https://aihorde.net",
            # The service keeps a request for 10 to 20 minutes.
            timeout=600.0,
            concurrency=1,
            max_prompt=1000,
            honours=frozenset({"size", "seed", "steps"}),
            file_hosts=(".r2.cloudflarestorage.com",),
        )

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return a megapixel of the requested shape, in steps of 64."""
        return fit_to_pixels(request, _PIXELS, 64)

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request that queues the job."""
        del now
        smaller = self._submission_call(
            request, fit_to_pixels(request, _FEW_PIXELS, 64)
        )
        return with_fallback(
            self._submission_call(request, self.supported_size(request)),
            _TooLargeError,
            smaller,
        )

    def _cancel_call(self, job_id: str) -> HttpCall:
        return self._api_call(f"/api/v2/generate/status/{job_id}", method="DELETE")

    def token_check_call(self) -> HttpCall:
        """Return the request for the owner of the key, even of the anonymous one."""
        return self._api_call("/api/v2/find_user")

    def _auth_headers(self) -> Mapping[str, str]:
        return {"apikey": self._settings.token or _ANONYMOUS, "Client-Agent": _AGENT}

    def _submission_call(self, request: ImageRequest, size: RequestSize) -> HttpCall:
        words = without_weights(without_tags(without_hashes(request.prompt)))
        body: dict[str, JsonValue] = {
            "prompt": words,
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
        }
        if self._settings.model:
            body["models"] = [self._settings.model]
        return self._image_call("/api/v2/generate/async", body, self._read_submitted)

    def _poll_call(self, job_id: str) -> HttpCall:
        return self._api_call(
            f"/api/v2/generate/check/{job_id}",
            lambda response: self._read_status(job_id, response),
            waits=True,
        )

    def _read_submitted(self, response: Response) -> Step:
        job_id = str(parse_object(response).get("id") or "")
        if not is_job_id(job_id):
            raise missing_image_error(response)
        return FollowUp(call=self._poll_call(job_id), seconds=_MIN_POLL, remote=job_id)

    def _read_status(self, job_id: str, response: Response) -> Step:
        data = parse_object(response)
        if data.get("faulted"):
            raise RemoteJobFailedError("the volunteer's machine failed")
        if data.get("is_possible") is False:
            raise RemoteJobFailedError("nobody there can do it")
        if data.get("done"):
            finished = self._api_call(
                f"/api/v2/generate/status/{job_id}", self._read_result, waits=True
            )
            return FollowUp(call=finished)
        return FollowUp(
            call=self._poll_call(job_id), seconds=_poll_delay(data.get("wait_time"))
        )

    def _read_result(self, response: Response) -> Step:
        images = parse_object(response).get("generations")
        first = images[0] if isinstance(images, list) and images else None
        if not isinstance(first, dict):
            raise RemoteJobFailedError("it ended without an image")
        if first.get("censored"):
            raise PromptRefusedError("its filter censored the image")
        return follow_url_or_base64(first.get("img"), self._download_call, commit=False)


def _poll_delay(wait: object) -> float:
    """Return the seconds to the next poll: half the time it announces, 2 to 15."""
    half = wait / 2 if isinstance(wait, int | float) else _MIN_POLL
    return min(_MAX_POLL, max(_MIN_POLL, half))
