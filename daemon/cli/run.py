"""The command `run`, which loads neither Typer nor the other commands."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

#: httpx and structlog import these for a command line and for coloured tracebacks, both
#: optional extras of theirs, whenever they are installed.  The daemon shows neither,
#: and they take 5.6 MB of its memory (RSS at idle 92.1 MB with them, 86.4 MB without).
_EXTRAS_OF_LIBRARIES = frozenset({"rich", "click", "pygments"})


def run() -> None:
    """Run the daemon: watch Notion, generate images (Ctrl-C stops)."""
    # SIGHUP would end the process until the supervisor handles it, so it is blocked
    # before the imports, which take half a second.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # The kernel drops a signal to the first process of a container that it does not
    # handle, and the supervisor handles this one after the imports.
    if os.getpid() == 1:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with _without_extras():
        import asyncio  # noqa: PLC0415 - after the signal is blocked

        from daemon import app  # noqa: PLC0415 - after the signal is blocked
        from daemon.cli import context  # noqa: PLC0415 - after the signal is blocked
        from daemon.clock import Clock  # noqa: PLC0415 - after the signal is blocked
        from daemon.service import malloc  # noqa: PLC0415 - after the signal is blocked
        from daemon.service.systemd import SystemdNotifier  # noqa: PLC0415 - after the signal is blocked
        from daemon.supervisor import Supervisor, wait_until_writable  # noqa: PLC0415 - after the signal is blocked

    malloc.limit_arenas()
    settings = context.load_settings()
    context.start_log(settings)
    app.require_notion_token(settings)
    systemd = SystemdNotifier.from_environ()
    asyncio.run(wait_until_writable(settings.data_dir, systemd, Clock()))
    if not app.is_schema_current(settings):
        asyncio.run(app.migrate_database(settings))
        # Alembic would stay in memory, so the process replaces itself.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command line
    supervisor = Supervisor(
        settings, reread=context.load_settings, adopted=context.start_log
    )
    asyncio.run(supervisor.run())


class _ExtrasFinder:
    """Says of the extras that they are not installed."""

    def find_spec(
        self,
        fullname: str,
        _path: Sequence[str] | None,
        _target: ModuleType | None = None,
        /,
    ) -> None:
        """Raise for an extra; leave every other module to the next finder."""
        if fullname in _EXTRAS_OF_LIBRARIES:
            raise ModuleNotFoundError(name=fullname)


@contextmanager
def _without_extras() -> Iterator[None]:
    finder = _ExtrasFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
