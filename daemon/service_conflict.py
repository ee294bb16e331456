"""Two daemons on one Notion database would make every image twice.

One data folder has a lock; the service of this machine has a folder of its own, so
another one, started by hand, looks at what the service says of itself.
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
_ASK = ("systemctl", "show", UNIT, "--property=ActiveState,StatusText")
_PATIENCE = 3.0
_MARK = re.compile(r"(?<=' )\([0-9a-f]{8}\)(?=, )")


def watched_sources(shown: str) -> frozenset[str] | None:
    """Return the marks of what a running service watches; None: none runs.

    Args:
        shown: What `systemctl show` printed.
    """
    lines = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    if lines.get("ActiveState") not in {"active", "reloading", "activating"}:
        return None
    # A title may hold anything, so it is the last "last poll" that counts.
    seen, _, _ = lines.get("StatusText", "").rpartition("last poll ")
    return frozenset(_MARK.findall(seen))


async def refuse_if_service_watches(
    flow: SourceContext,
    watchers: Sequence[Poller],
    environ: Mapping[str, str],
    patience: float = _PATIENCE,
) -> None:
    """Say that the service runs, too; refuse to work beside it on the same database.

    Args:
        patience: Seconds in which systemd has to answer.

    Raises:
        SetupError: The service watches what this one would watch.
    """
    # The service itself; INVOCATION_ID would also be had by what a desktop starts.
    if environ.get("SYSTEMD_EXEC_PID") == str(os.getpid()):
        return
    theirs = watched_sources(await _show_service(environ, patience))
    if theirs is None:
        return
    if theirs:
        for watcher in watchers:
            if await _own_source_mark(watcher) in theirs:
                raise SetupError(
                    "the postbrush service of this machine works on this Notion "
                    "database already (`sudo postbrush status`): stop it first, with "
                    "`sudo systemctl stop postbrush`"
                )
    flow.log.warning(
        "service.active",
        summary="the postbrush service runs on this machine, too; on one Notion "
        "database, the two would make every image twice",
    )


async def _own_source_mark(watcher: Poller) -> str:
    try:
        return short_source_id((await watcher.connect_source()).source)
    except NotionError:
        return ""


async def _show_service(environ: Mapping[str, str], patience: float) -> str:
    # What systemctl has to say of itself is not for who watches over this process.
    own = {name: value for name, value in environ.items() if name != "NOTIFY_SOCKET"}
    try:
        process = await asyncio.create_subprocess_exec(
            *_ASK,
            env=own,
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
