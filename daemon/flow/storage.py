"""When nothing can be written: no call is made, nothing is lost, one loud line."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from daemon.flow import files
from daemon.flow.context import Flow
from db.errors import DatabaseAwayError, DatabaseBusyError, DiskFullError

_PAUSE_SECONDS = 30.0
#: What an image and its rows take; `images.reserve` may be less.
_LEAST = 4 * 2**20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
#: The folder is gone, somebody else's, read-only, or its disk is.
_BARRED = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
        *(errno.ENOENT, errno.ENOTDIR, errno.EEXIST),
    }
)


def trouble(flow: Flow, *, mend: bool = False) -> str | None:
    """Say why nothing can be written where images and database are, or None.

    Args:
        mend: A folder that was removed is made again, if that can be done.
    """
    for folder in {flow.images, flow.db.folder or flow.images}:
        if (why := _barred(folder, mend=mend)) is not None:
            return f"{folder} {why}"
        if files.free_bytes(folder) < _needed(flow):
            return f"less than {_needed(flow) // 2**20} MiB free for {folder}"
    return None


def _barred(folder: Path, *, mend: bool) -> str | None:
    try:
        if mend:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"cannot be made ({error.strerror})"
    if not folder.is_dir():
        return "is gone"
    may = os.access(folder, os.W_OK | os.X_OK)
    return None if may else "cannot be written to: give it back to this user"


def _needed(flow: Flow) -> int:
    return max(flow.plan.reserve, _LEAST)


def is_trouble(error: Exception) -> bool:
    """Say whether an error means that nothing can be written now."""
    barred = isinstance(error, OSError) and error.errno in _FULL | _BARRED
    return barred or isinstance(error, DiskFullError)


def say_trouble(flow: Flow, why: str) -> None:
    """Say, once, that the queue sleeps until images can be written again."""
    if flow.spells.failed("disk", flow.now()):
        flow.log.error("disk.full", summary=f"{why}: no images are made until then")


def well_again(flow: Flow) -> None:
    """Say that it goes on."""
    if (lasted := flow.spells.ended("disk", flow.now())) is not None:
        flow.log.info(
            "disk.freed", summary=f"can write again after {str(lasted).split('.')[0]}"
        )


async def until_it_works(flow: Flow, write: Callable[[], Awaitable[None]]) -> None:
    """Do *write*; when nothing can be written, wait and do it again.

    What was paid for is held in memory meanwhile.  At SIGTERM the error goes up.
    """
    while True:
        try:
            await write()
        except (DiskFullError, OSError) as error:
            if not is_trouble(error) or flow.stopping.is_set():
                raise
            say_trouble(flow, trouble(flow) or str(error))
            await pause(flow, _PAUSE_SECONDS)
        # A commit that was cut off may have been carried out: what is written here
        # looks first whether it is there.
        except (DatabaseAwayError, DatabaseBusyError) as error:
            if flow.stopping.is_set():
                raise
            if flow.spells.failed(f"database: {error}", flow.now()):
                flow.log.error("database.failed", summary=str(error))  # noqa: TRY400 - the words say it all
            await pause(flow, _PAUSE_SECONDS)
        else:
            return


async def pause(flow: Flow, seconds: float) -> None:
    """Sleep, but not beyond SIGTERM."""
    stopping = asyncio.ensure_future(flow.stopping.wait())
    sleeping = asyncio.ensure_future(flow.clock.sleep(seconds))
    _, pending = await asyncio.wait(
        {stopping, sleeping}, return_when=asyncio.FIRST_COMPLETED
    )
    for task in pending:
        task.cancel()
