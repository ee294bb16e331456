"""What services that queue a request as a job, and are polled, share.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from providers import responses
from providers.base import FollowUp, HttpCall, Response, Step
from providers.provider import Provider

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_IMAGE_KEYS = ("image_url", "result", "images", "image", "message", "data", "url")
_MAX_DEPTH = 6


def job_id_in(response: Response, key: str = "id") -> str:
    """Return the job id in a response, or "" if it has none that can be in a path."""
    job_id = str(responses.parse_object(response).get(key) or "")
    return job_id if _JOB_ID.fullmatch(job_id) else ""


def find_images(output: Any, depth: int = 0) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield texts that may be an image or its URL, the likeliest first.

    Args:
        output: The output of a model, whose shape is not known.
    """
    if depth > _MAX_DEPTH or not output:
        return
    if isinstance(output, str):
        yield output
    elif isinstance(output, list):
        for item in output:
            yield from find_images(item, depth + 1)
    elif isinstance(output, dict):
        for key in _IMAGE_KEYS:
            yield from find_images(output.get(key), depth + 1)


class JobProvider(Provider):
    """The base class of services that queue a request as a job, which is polled."""

    poll_seconds: ClassVar[float] = 1.0

    def resume(self, remote_id: str) -> HttpCall | None:
        """Return the call that continues from a committed URL or job id, or None."""
        is_id = _JOB_ID.fullmatch(remote_id)
        return self._poll_call(remote_id) if is_id else super().resume(remote_id)

    def cancel(self, remote_id: str) -> HttpCall | None:
        """Return the call that cancels the remote job, or None if there is none."""
        return self._cancel_call(remote_id) if _JOB_ID.fullmatch(remote_id) else None

    def _cancel_call(self, job_id: str) -> HttpCall | None:
        raise NotImplementedError

    def _poll_path(self, job_id: str) -> str:
        raise NotImplementedError

    def _read_status(self, job_id: str, response: Response) -> Step:
        raise NotImplementedError

    def _poll_call(self, job_id: str) -> HttpCall:
        return self._api_call(
            self._poll_path(job_id),
            lambda response: self._read_status(job_id, response),
            is_poll=True,
        )

    def _poll_later(self, job_id: str, seconds: float | None = None) -> FollowUp:
        """Return the next poll of a job, whose id is committed before it."""
        return FollowUp(
            call=self._poll_call(job_id),
            seconds=self.poll_seconds if seconds is None else seconds,
            remote_id=job_id,
        )
