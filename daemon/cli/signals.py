"""Ctrl-C while something is being paid for: the first waits, the second cuts it off."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from daemon.context import SourceContext

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def graceful_interrupt(
    flow: SourceContext, cut: Callable[[], object] | None = None
) -> Iterator[None]:
    """Let an image that is paid for arrive when the command is stopped.

    Args:
        cut: What a second signal does; default: cancels what runs here.

    Raises:
        KeyboardInterrupt: At the end, when it was stopped.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def stop() -> None:
        if not flow.stopping.is_set():
            print(  # noqa: T201 - the command's voice
                "stopping once the image in work is there; again cuts it off",
                file=sys.stderr,
            )
            flow.stopping.set()
            flow.kick.set()
        elif cut is not None:
            cut()
        elif task is not None:
            task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield
    except asyncio.CancelledError:
        if flow.stopping.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
    if flow.stopping.is_set():
        raise KeyboardInterrupt
