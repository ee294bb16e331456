"""`run`: the daemon, in a process that holds what it works with and nothing more."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def run_daemon() -> None:
    """Be the daemon."""
    # Until there is somebody to reload, a wish to reload waits; it would kill us.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # structlog and httpx bring colours and a command of their own where they find
    # these: 6 MB and 0.1 s for what nobody sees, and both can do without.
    with _hide_modules("rich", "click"):
        import asyncio  # noqa: PLC0415 - after the signal, and as it says

        from daemon import app  # noqa: PLC0415 - the same
        from daemon.cli.configuration import read_configuration, start_log  # noqa: PLC0415 - the same
        from daemon.service import malloc  # noqa: PLC0415 - the same
        from daemon.supervisor import Supervisor  # noqa: PLC0415 - the same

    malloc.limit_arenas()
    found = read_configuration()
    start_log(found)
    app.require_notion_token(found)
    if not app.is_schema_current(found):
        asyncio.run(app.migrate_database(found))
        # Alembic would stay until the next start: begin again, as the same process.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command line
    asyncio.run(Supervisor(found, reread=read_configuration, adopted=start_log).run())


@contextmanager
def _hide_modules(*names: str) -> Iterator[None]:
    """Let imports find none of *names*, unless they are loaded already."""
    hidden = [name for name in names if name not in sys.modules]
    # None there means: not to be found (The import system, 5.3.1).
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # a module or None
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
