"""Requests to servers of the owner that are still running after their deadline.

Such a server works on when its client has gone, and the next request would only wait
behind that work until its own deadline.  So the connection stays open, and the next
request is sent when the server has responded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LateResponses:
    """The requests that are still running, by server."""

    def __init__(self) -> None:
        self._tasks: dict[str, set[asyncio.Task[Any]]] = {}

    async def send(
        self, sending: Coroutine[Any, Any, T], server: str, seconds: float
    ) -> T:
        """Return the response within *seconds*, else keep the request running.

        Raises:
            TimeoutError: There was no response in time.
        """
        task = asyncio.ensure_future(sending)
        try:
            done, _ = await asyncio.wait({task}, timeout=max(0.0, seconds))
        except asyncio.CancelledError:
            task.cancel()
            raise
        if done:
            return task.result()
        self._tasks.setdefault(server, set()).add(task)
        raise TimeoutError

    async def wait(self, server: str, seconds: float, *ends: asyncio.Event) -> None:
        """Wait until *server* has responded, for *seconds*, or until an event is set.

        Requests that take longer are given up.
        """
        if not (tasks := self._tasks.get(server)):
            return
        events = {asyncio.ensure_future(event.wait()) for event in ends}
        all_done = asyncio.ensure_future(asyncio.wait(tasks))
        await asyncio.wait(
            {all_done, *events}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for future in (all_done, *events):
            future.cancel()
        # A job that ends leaves the waiting to the next one.
        if not any(event.is_set() for event in ends):
            await self._discard(server)

    async def close(self) -> None:
        """Give up all requests."""
        for server in list(self._tasks):
            await self._discard(server)

    async def _discard(self, server: str) -> None:
        tasks = self._tasks.pop(server, set())
        for task in tasks:
            task.cancel()
        # Their responses and errors are of no interest any more.
        await asyncio.gather(*tasks, return_exceptions=True)
