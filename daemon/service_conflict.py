"""Refuses to run beside the systemd service of this machine on one Notion database.

Two daemons would generate every image twice.  The lock of the data folder does not
prevent this, as the service has a folder of its own.  A daemon started in a terminal
therefore reads the status line of the service.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping, Sequence

from daemon.context import SourceContext
from daemon.errors import SetupError
from daemon.notion.errors import NotionError
from daemon.status_line import short_source_id
from daemon.sync.poller import Poller

UNIT = "postbrush.service"
_SHOW_COMMAND = ("systemctl", "show", UNIT, "--property=ActiveState,StatusText")
_TIMEOUT = 3.0
_SHORT_ID = re.compile(r"(?<=' )\([0-9a-f]{8}\)(?=, )")


def watched_sources(properties: str) -> frozenset[str] | None:
    """Return the short IDs of the sources a running service watches.

    Args:
        properties: Output of `systemctl show`.

    Returns:
        None if the service does not run.
    """
    lines = dict(line.split("=", 1) for line in properties.splitlines() if "=" in line)
    if lines.get("ActiveState") not in {"active", "reloading", "activating"}:
        return None
    # A title may contain "last poll", so the last one counts.
    sources, _, _ = lines.get("StatusText", "").rpartition("last poll ")
    return frozenset(_SHORT_ID.findall(sources))


async def refuse_if_service_watches(
    source: SourceContext,
    watchers: Sequence[Poller],
    environ: Mapping[str, str],
    patience: float = _TIMEOUT,
) -> None:
    """Refuse to run if the service watches one of our sources; warn if it runs.

    Args:
        patience: Seconds to wait for systemctl; no answer counts as no service.

    Raises:
        SetupError: The service watches a source of one of the *watchers*.
    """
    # This process is the service.  INVOCATION_ID is also set in a desktop session.
    if environ.get("SYSTEMD_EXEC_PID") == str(os.getpid()):
        return
    watched = watched_sources(await _show_service(environ, patience))
    if watched is None:
        return
    if watched:
        for watcher in watchers:
            if await _own_short_id(watcher) in watched:
                raise SetupError(
                    "The postbrush service of this machine already works on this "
                    "Notion database (see `sudo postbrush status`). Stop it first: "
                    "`sudo systemctl stop postbrush`"
                )
    source.log.warning(
        "service.active",
        summary="The postbrush service also runs on this machine. If both work on one "
        "Notion database, they generate every image twice",
    )


async def _own_short_id(watcher: Poller) -> str:
    try:
        return short_source_id((await watcher.connect_source()).source)
    except NotionError:
        return ""


async def _show_service(environ: Mapping[str, str], patience: float) -> str:
    # systemctl must not notify the service manager of this process.
    env = {name: value for name, value in environ.items() if name != "NOTIFY_SOCKET"}
    try:
        process = await asyncio.create_subprocess_exec(
            *_SHOW_COMMAND,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return ""
    try:
        async with asyncio.timeout(patience):
            out, _ = await process.communicate()
    except TimeoutError:
        return ""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return out.decode("utf-8", "replace")
