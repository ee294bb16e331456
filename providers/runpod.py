"""RunPod: a public endpoint, the owner's serverless endpoint, or a local worker.

Protocol: RunPod's documentation and SDK 1.12.  The public FLUX endpoint,
worker-comfyui, worker-sdxl and worker-a1111 have different outputs; all are read.
An empty `endpoint` means the worker's test server (`--rp_serve_api`), whose paths
have no endpoint and whose jobs cannot be polled later.
"""

from __future__ import annotations

import json
from dataclasses import replace

from providers.base import (
    FollowUp,
    HttpCall,
    ImageRequest,
    JsonValue,
    ProviderSettings,
    ProviderTraits,
    Response,
    Step,
)
from providers.job_provider import JobProvider, find_images, job_id_in
from providers.outcomes import (
    PromptRefusedError,
    ProviderError,
    RemoteJobFailedError,
    TimedOutError,
)
from providers.refusals import is_refusal
from providers.responses import (
    follow_url_or_base64,
    missing_image_error,
    parse_object,
    sanitize_text,
)

#: The least execution time of a job and the lifetime of its result, in milliseconds.
_MIN_EXECUTION = 5_000
_KEPT = 3_600_000


def _price(megapixels: float) -> float:
    """Return the price of the public endpoint in US dollars.

    RunPod's documentation says $0.0024 a megapixel; its responses of 29 July 2026
    charged $0.003.  The higher one counts.
    """
    return max(0.003, 0.0024 * megapixels)


class RunPod(JobProvider):
    """The provider kind `runpod`."""

    defaults = ProviderTraits(
        label="RunPod",
        prefix="runpod",
        price=_price,
        price_source="RunPod's public FLUX endpoint, as of July 2026",
        base_url="https://api.runpod.ai/v2",
        supported_options=frozenset({"size", "seed", "steps"}),
        file_hosts=("image.runpod.ai", ".runpod.ai", ".runpod.net"),
    )
    size_multiple, max_side = 64, 1536
    poll_seconds = 2.0

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings)
        endpoint = (settings.endpoint or "").strip("/")
        self._path = f"/{endpoint}" if endpoint else ""

    def first_call(self, request: ImageRequest) -> HttpCall:
        """Return the request that queues the job."""
        size = self.supported_size(request)
        execution = max(_MIN_EXECUTION, round(self.traits.timeout * 1000))
        body: dict[str, JsonValue] = {
            "input": {
                "prompt": request.prompt,
                "width": size.width,
                "height": size.height,
                "num_inference_steps": 4,
                "seed": request.seed,
                "image_format": "png",
            },
            "policy": {"executionTimeout": execution, "ttl": _KEPT},
        }
        # /run keeps a result for half an hour, /runsync for a minute.
        path = f"{self._path}/run" if self._path else "/runsync"
        return self._image_call(path, body, self._read_submitted)

    def token_check_call(self) -> HttpCall | None:
        """Return the request for the endpoint's health, which requires the token."""
        return self._api_call(f"{self._path}/health") if self._path else None

    def _cancel_call(self, job_id: str) -> HttpCall | None:
        path = f"{self._path}/cancel/{job_id}"
        return self._api_call(path, method="POST") if self._path else None

    def _poll_path(self, job_id: str) -> str:
        return f"{self._path}/status/{job_id}"

    def _read_submitted(self, response: Response) -> Step:
        job_id = job_id_in(response)
        step = self._read_status(job_id, response)
        if isinstance(step, FollowUp) and job_id:
            return replace(step, remote_id=job_id)
        return step

    def _read_status(self, job_id: str, response: Response) -> Step:
        data = parse_object(response)
        status = str(data.get("status") or "")
        if status in {"IN_QUEUE", "IN_PROGRESS", "RUNNING"} and job_id:
            return self._poll_later(job_id)
        output = data.get("output")
        if status in {"FAILED", "CANCELLED", "TIMED_OUT"}:
            raise _job_error(status, data.get("error") or output)
        if image := next(find_images(output), None):
            commit = not self._path
            return follow_url_or_base64(image, self._download_call, commit=commit)
        if error := _error_message(
            output.get("error") if isinstance(output, dict) else None
        ):
            raise _job_error(status, error)
        raise missing_image_error(response, is_final=status == "COMPLETED")


def _job_error(status: str, error: object) -> ProviderError:
    text = sanitize_text(_error_message(error))
    text = text or f"the job is {status.casefold() or 'over'}"
    if is_refusal(text):
        return PromptRefusedError(text)
    return TimedOutError(text) if status == "TIMED_OUT" else RemoteJobFailedError(text)


def _error_message(error: object) -> str:
    """Return the message without the traceback, which names paths and hosts."""
    if isinstance(error, list):
        return "; ".join(filter(None, (_error_message(item) for item in error[:3])))
    if isinstance(error, dict):
        message = error.get("error_message") or error.get("error") or ""
        return _error_message(message) if not isinstance(message, dict) else ""
    if not isinstance(error, str):
        return ""
    if error.lstrip().startswith("{"):
        try:
            inner = json.loads(error)
        except (ValueError, RecursionError):
            return ""
        return _error_message(inner) if isinstance(inner, dict) else ""
    return error.partition("Traceback (most recent call last)")[0]
