"""Runs blocking code in a daemon thread that neither the loop nor the exit joins.

The loop joins the threads of `asyncio.to_thread` when it closes, so one that hangs
would delay a stop for minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

#: The log drops lines of libraries from threads of this name.
THREAD_NAME = "postbrush-aside"

T = TypeVar("T")


async def run_detached(work: Callable[[], T], *, seconds: float) -> T:
    """Run *work* in a thread and return its result, or raise its error.

    Raises:
        TimeoutError: *work* takes too long.  Its thread continues without a reader.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type]  # set without an error, so it is a T

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as caught:  # noqa: BLE001 - raised again in the caller
            error = caught
        # call_soon_threadsafe() raises RuntimeError after the loop was closed.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name=THREAD_NAME, daemon=True).start()
    async with asyncio.timeout(seconds):
        return await answer
