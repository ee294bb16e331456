"""The command `run`: starts the daemon with as few modules loaded as possible."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def run() -> None:
    """Watch Notion and make images, until stopped (Ctrl-C)."""
    # SIGHUP would end the process until the supervisor handles it, so it is blocked.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # structlog and httpx import these two if they are installed, for colours and a
    # command of their own.  That costs 6 MB and 0.1 s, and the daemon needs neither.
    with _hide_modules("rich", "click"):
        import asyncio

        from daemon import app
        from daemon.cli import context
        from daemon.service import malloc
        from daemon.supervisor import Supervisor

    malloc.limit_arenas()
    settings = context.load_settings()
    context.start_log(settings)
    app.require_notion_token(settings)
    if not app.is_schema_current(settings):
        asyncio.run(app.migrate_database(settings))
        # Alembic would stay in memory, so the process replaces itself.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command line
    supervisor = Supervisor(
        settings, reread=context.load_settings, adopted=context.start_log
    )
    asyncio.run(supervisor.run())


@contextmanager
def _hide_modules(*names: str) -> Iterator[None]:
    """Make imports of *names* fail, except for modules that are loaded already."""
    hidden = [name for name in names if name not in sys.modules]
    # None makes the import fail (The import system, 5.3.1).
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # a module or None
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
