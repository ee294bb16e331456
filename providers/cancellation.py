"""Leaving a remote job that is under way: for now, or for good."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


class ShuttingDown(Exception):  # noqa: N818 - not an error: it goes on after a restart
    """We are stopping, and the job goes on at the service: ask again later."""


class JobCancelled(Exception):  # noqa: N818 - not an error: a person wanted it so
    """Nobody wants the image any more; the remote job was cancelled."""


@dataclass(frozen=True, slots=True)
class CancellationToken:
    """When a remote job is waited for no longer.

    Attributes:
        stopping: For now: the daemon ends, and asks again at its next start.
        withdrawn: For good: the image is not wanted any more.
    """

    stopping: asyncio.Event
    withdrawn: asyncio.Event

    @property
    def is_cancelled(self) -> bool:
        """One of them is set."""
        return self.stopping.is_set() or self.withdrawn.is_set()
