"""What ends the wait for an image: a stop of the daemon, or a job that is cancelled."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


class ShuttingDown(Exception):  # noqa: N818 - not an error: the wait resumes at the next start
    """The daemon stops while the remote job runs on; its result is read later."""


class JobCancelled(Exception):  # noqa: N818 - not an error: a person cancelled it
    """The image is no longer wanted, and the remote job was cancelled."""


@dataclass(frozen=True, slots=True)
class CancellationToken:
    """The events that end the wait for a remote job.

    Attributes:
        stopping: The daemon stops.  It resumes the remote job at its next start.
        withdrawn: The image is no longer wanted.
    """

    stopping: asyncio.Event
    withdrawn: asyncio.Event
