"""Waiting for what another process does, in a thread that may wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def until(
    true: Callable[[], bool],
    seconds: float,
    else_: str | Callable[[], str],
    *,
    every: float = 0.25,
) -> float:
    """Wait for what another process does; return how long it took.

    Args:
        seconds: For so long at most.
        else_: What is wrong when it does not happen, or who knows it then.
        every: Seconds between two looks.  One that starts programs is in the way of
            what is timed.
    """
    pause, began = threading.Event(), time.monotonic()
    while not true():
        in_time = time.monotonic() - began < seconds
        assert in_time, else_() if callable(else_) else else_
        pause.wait(every)
    return time.monotonic() - began
