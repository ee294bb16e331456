"""When the disk is full: no call is made, nothing is lost, one loud line."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable

from daemon.flow import files
from daemon.flow.context import Flow
from db.errors import DiskFullError

_PAUSE_SECONDS = 30.0
#: What an image and its rows take; `images.reserve` may be less.
_LEAST = 4 * 2**20


def has_room(flow: Flow) -> bool:
    """Say whether `images.reserve` is free where the images and database are."""
    folders = {flow.images, flow.db.path.parent}
    return all(files.free_bytes(folder) >= _needed(flow) for folder in folders)


def _needed(flow: Flow) -> int:
    return max(flow.plan.reserve, _LEAST)


def is_full(error: Exception) -> bool:
    """Say whether an error means that the disk is full."""
    full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
    return full or isinstance(error, DiskFullError)


def no_room(flow: Flow) -> None:
    """Say, once, that the queue sleeps until there is room."""
    if flow.spells.failed("disk", flow.now()):
        flow.log.error(
            "disk.full",
            summary=f"less than {_needed(flow) // 2**20} MiB free for "
            f"{flow.images}: no images are made until there is room",
        )


def room_again(flow: Flow) -> None:
    """Say that it goes on."""
    if (lasted := flow.spells.ended("disk", flow.now())) is not None:
        flow.log.info(
            "disk.freed", summary=f"room again after {str(lasted).split('.')[0]}"
        )


async def when_there_is_room(flow: Flow, write: Callable[[], Awaitable[None]]) -> None:
    """Do *write*; when the disk is full, wait for room and do it again.

    What was paid for is held in memory meanwhile.  At SIGTERM the error goes up.
    """
    while True:
        try:
            await write()
        except (DiskFullError, OSError) as error:
            if not is_full(error) or flow.stopping.is_set():
                raise
            no_room(flow)
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
