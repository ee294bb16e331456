"""Ctrl-C during a paid call: the first waits for its end, the second aborts it."""

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
    source: SourceContext, cut: Callable[[], object] | None = None
) -> Iterator[None]:
    """Let a running call finish when SIGINT or SIGTERM arrives.

    Args:
        cut: Called for a second signal; by default the current task is cancelled.

    Raises:
        KeyboardInterrupt: At the end, if a signal arrived.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def handle_signal() -> None:
        if not source.app.signals.stopping.is_set():
            print(  # noqa: T201 - the command's output
                "stopping once the image in work is there; again cuts it off",
                file=sys.stderr,
            )
            source.app.signals.stopping.set()
            source.app.signals.kick.set()
        elif cut is not None:
            cut()
        elif task is not None:
            task.cancel()

    for signal_number in _SIGNALS:
        loop.add_signal_handler(signal_number, handle_signal)
    try:
        yield
    except asyncio.CancelledError:
        if source.app.signals.stopping.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        for signal_number in _SIGNALS:
            loop.remove_signal_handler(signal_number)
    if source.app.signals.stopping.is_set():
        raise KeyboardInterrupt
