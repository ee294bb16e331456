"""RunPod: a public endpoint, a serverless one of your own, or its worker by itself.

Protocol: RunPod's documentation and SDK 1.12; the outputs of its public FLUX
endpoint, worker-comfyui, worker-sdxl and worker-a1111 all differ, and are all read.
An empty `endpoint` means the worker's own test server (`--rp_serve_api`), which
has no path for it and no jobs to come back to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from providers.base import FollowUp, HttpCall, ImageRequest, JsonValue, Response, Step
from providers.base_http import BaseProvider, build_traits, flat_price, is_job_id
from providers.outcomes import PromptRefusedError, RemoteJobFailedError, TimedOutError
from providers.responses import (
    follow_url_or_base64,
    is_refusal,
    missing_image_error,
    parse_object,
    sanitize_text,
)
from providers.settings import ProviderSettings
from providers.sizes import RequestSize, fit_to_side

_POLL_SECONDS = 2.0
_WAITING = frozenset({"IN_QUEUE", "IN_PROGRESS", "RUNNING"})
_PLACES = ("image_url", "result", "images", "image", "message", "data", "url")
_DEEPEST = 6
#: How long an image may take there, and how long it is kept, in milliseconds.
_LEAST_EXECUTION = 5_000
_KEPT = 3_600_000


class RunPod(BaseProvider):
    """The provider kind `runpod`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            build_traits(
                settings,
                label="RunPod",
                prefix="runpod",
                price=flat_price(0.003),
                price_source="RunPod's public FLUX endpoint, as seen in 2026",
                base_url="https://api.runpod.ai/v2",
                honours=frozenset({"size", "seed", "steps"}),
                file_hosts=("image.runpod.ai", ".runpod.ai", ".runpod.net"),
            ),
        )
        endpoint = (settings.endpoint or "").strip("/")
        self._path = f"/{endpoint}" if endpoint else ""

    def supported_size(self, request: ImageRequest) -> RequestSize:
        """Return a size in steps of 64, from 256 to 1536."""
        return fit_to_side(request, 64, most=1536)

    def start(self, request: ImageRequest, now: datetime) -> HttpCall:
        """Return the request that queues the job."""
        del now
        size = self.supported_size(request)
        execution = max(_LEAST_EXECUTION, round(self.traits.timeout * 1000))
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
        # /run keeps its result for half an hour, /runsync for a minute.
        way = "run" if self._path else "runsync"
        return self._image_call(f"{self._path}/{way}", body, self._read_submitted)

    def cancel(self, remote: str) -> HttpCall | None:
        """Return the call that cancels the job."""
        if not self._path or not is_job_id(remote):
            return None
        return self._api_call(f"{self._path}/cancel/{remote}", method="POST")

    def token_check_call(self) -> HttpCall | None:
        """Ask the endpoint for its health, which wants the token as well."""
        return self._api_call(f"{self._path}/health") if self._path else None

    def _poll_call(self, name: str) -> HttpCall:
        return self._api_call(
            f"{self._path}/status/{name}",
            lambda response: self._read_status(name, response),
            waits=True,
        )

    def _read_submitted(self, response: Response) -> Step:
        name = str(parse_object(response).get("id") or "")
        step = self._read_status(name, response)
        if isinstance(step, FollowUp) and is_job_id(name):
            return FollowUp(call=step.call, seconds=step.seconds, remote=name)
        return step

    def _read_status(self, name: str, response: Response) -> Step:
        data = parse_object(response)
        status = str(data.get("status") or "")
        if status in _WAITING and is_job_id(name):
            return FollowUp(call=self._poll_call(name), seconds=_POLL_SECONDS)
        output = data.get("output")
        if status in {"FAILED", "CANCELLED", "TIMED_OUT"}:
            raise _job_error(status, data.get("error") or output)
        for found in _find_images(output):
            return follow_url_or_base64(
                found, self._download_call, remember=not self._path
            )
        if error := _error_message(
            output.get("error") if isinstance(output, dict) else None
        ):
            raise _job_error(status, error)
        raise missing_image_error(response)


def _job_error(status: str, error: object) -> Exception:
    words = (
        sanitize_text(_error_message(error))
        or f"the job is {status.casefold() or 'over'}"
    )
    if is_refusal(words):
        return PromptRefusedError(words)
    if status == "TIMED_OUT":
        return TimedOutError(words)
    return RemoteJobFailedError(words)


def _error_message(error: object) -> str:
    """Return what went wrong; a traceback names paths and hosts: its message only."""
    if isinstance(error, list):
        return "; ".join(filter(None, (_error_message(one) for one in error[:3])))
    if isinstance(error, dict):
        told = error.get("error_message") or error.get("error") or ""
        return _error_message(told) if not isinstance(told, dict) else ""
    if not isinstance(error, str):
        return ""
    if error.lstrip().startswith("{"):
        try:
            inside = json.loads(error)
        except (ValueError, RecursionError):
            return ""
        return _error_message(inside) if isinstance(inside, dict) else ""
    return error.partition("Traceback (most recent call last)")[0]


def _find_images(found: Any, depth: int = 0) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield what may be an image or its address, the likeliest first."""
    if depth > _DEEPEST:
        return
    if isinstance(found, str):
        yield from [found] if found else []
    elif isinstance(found, list):
        for one in found:
            yield from _find_images(one, depth + 1)
    elif isinstance(found, dict):
        for place in _PLACES:
            yield from _find_images(found.get(place), depth + 1)
