"""Blocking work aside: in a thread that nothing waits for, not even the exit.

`asyncio.to_thread` will not do: its threads are joined when the loop closes, so one
that hangs would hold up a stop for minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

#: What libraries say in threads of this name is nobody's business.
THREAD_NAME = "postbrush-aside"

T = TypeVar("T")


async def run_detached(work: Callable[[], T], *, seconds: float) -> T:
    """Return what *work* returns; it is left to itself when it takes too long.

    Raises:
        TimeoutError: It goes on, and whatever it comes to is dropped.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]  # None is a T, or there is an error

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as caught:  # noqa: BLE001 - handed to who waits for it
            error = caught
        # Nobody waits any more when the loop is closed.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name=THREAD_NAME, daemon=True).start()
    async with asyncio.timeout(seconds):
        return await answer
