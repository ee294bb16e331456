"""The base class of services that queue a request as a job, which is polled.  Pure."""

from __future__ import annotations

import re
from typing import ClassVar

from providers import responses
from providers.base import FollowUp, HttpCall, Response, Step
from providers.provider import Provider

_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def job_id_in(response: Response, key: str = "id") -> str:
    """Return the job id in a response, or "" if it has none that can be in a path."""
    job_id = str(responses.parse_object(response).get(key) or "")
    return job_id if _JOB_ID.fullmatch(job_id) else ""


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
