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

from providers.base import Again, Call, JsonValue, Order, Reply, Step
from providers.outcomes import RefusedError, RemoteFailedError, TimedOutError
from providers.replies import as_object, clean, is_refusal
from providers.results import at_or_in, without_image
from providers.service import Service, flat, is_job_id, traits_of
from providers.settings import ProviderSettings
from providers.sizes import Size, fitting

_POLL_SECONDS = 2.0
_WAITING = frozenset({"IN_QUEUE", "IN_PROGRESS", "RUNNING"})
_PLACES = ("image_url", "result", "images", "image", "message", "data", "url")
_DEEPEST = 6
#: How long an image may take there, and how long it is kept, in milliseconds.
_LEAST_EXECUTION = 5_000
_KEPT = 3_600_000


class RunPod(Service):
    """The provider kind `runpod`."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(
            settings,
            traits_of(
                settings,
                label="RunPod",
                prefix="runpod",
                price=flat(0.003),
                price_source="RunPod's public FLUX endpoint, as seen in 2026",
                base_url="https://api.runpod.ai/v2",
                honours=frozenset({"size", "seed", "steps"}),
                file_hosts=("image.runpod.ai", ".runpod.ai", ".runpod.net"),
            ),
        )
        endpoint = (settings.endpoint or "").strip("/")
        self._path = f"/{endpoint}" if endpoint else ""

    def size(self, order: Order) -> Size:
        """Return a size in steps of 64, from 256 to 1536."""
        return fitting(order, 64, most=1536)

    def start(self, order: Order, now: datetime) -> Call:
        """Return the request that queues the job."""
        del now
        size = self.size(order)
        execution = max(_LEAST_EXECUTION, round(self.traits.timeout * 1000))
        body: dict[str, JsonValue] = {
            "input": {
                "prompt": order.prompt,
                "width": size.width,
                "height": size.height,
                "num_inference_steps": 4,
                "seed": order.seed,
                "image_format": "png",
            },
            "policy": {"executionTimeout": execution, "ttl": _KEPT},
        }
        # /run keeps its result for half an hour, /runsync for a minute.
        way = "run" if self._path else "runsync"
        return self._order(f"{self._path}/{way}", body, self._queued)

    def cancel(self, remote: str) -> Call | None:
        """Return the call that cancels the job."""
        if not self._path or not is_job_id(remote):
            return None
        return self._ask(f"{self._path}/cancel/{remote}", method="POST")

    def account(self) -> Call | None:
        """Ask the endpoint for its health, which wants the token as well."""
        return self._ask(f"{self._path}/health") if self._path else None

    def _look(self, name: str) -> Call:
        return self._ask(
            f"{self._path}/status/{name}",
            lambda reply: self._seen(name, reply),
            waits=True,
        )

    def _queued(self, reply: Reply) -> Step:
        name = str(as_object(reply).get("id") or "")
        step = self._seen(name, reply)
        if isinstance(step, Again) and is_job_id(name):
            return Again(call=step.call, seconds=step.seconds, remote=name)
        return step

    def _seen(self, name: str, reply: Reply) -> Step:
        data = as_object(reply)
        status = str(data.get("status") or "")
        if status in _WAITING and is_job_id(name):
            return Again(call=self._look(name), seconds=_POLL_SECONDS)
        output = data.get("output")
        if status in {"FAILED", "CANCELLED", "TIMED_OUT"}:
            raise _failure(status, data.get("error") or output)
        for found in _images(output):
            return at_or_in(found, self._fetch, remember=not self._path)
        if error := _words(output.get("error") if isinstance(output, dict) else None):
            raise _failure(status, error)
        raise without_image(reply)


def _failure(status: str, error: object) -> Exception:
    words = clean(_words(error)) or f"the job is {status.casefold() or 'over'}"
    if is_refusal(words):
        return RefusedError(words)
    if status == "TIMED_OUT":
        return TimedOutError(words)
    return RemoteFailedError(words)


def _words(error: object) -> str:
    """Return what went wrong; a traceback names paths and hosts: its message only."""
    if isinstance(error, list):
        return "; ".join(filter(None, (_words(one) for one in error[:3])))
    if isinstance(error, dict):
        told = error.get("error_message") or error.get("error") or ""
        return _words(told) if not isinstance(told, dict) else ""
    if not isinstance(error, str):
        return ""
    if error.lstrip().startswith("{"):
        try:
            inside = json.loads(error)
        except (ValueError, RecursionError):
            return ""
        return _words(inside) if isinstance(inside, dict) else ""
    return error.partition("Traceback (most recent call last)")[0]


def _images(found: Any, depth: int = 0) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield what may be an image or its address, the likeliest first."""
    if depth > _DEEPEST:
        return
    if isinstance(found, str):
        yield from [found] if found else []
    elif isinstance(found, list):
        for one in found:
            yield from _images(one, depth + 1)
    elif isinstance(found, dict):
        for place in _PLACES:
            yield from _images(found.get(place), depth + 1)
