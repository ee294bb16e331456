"""When an image cannot be kept: no call is made, nothing is lost, one loud line."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from daemon.context import SourceContext
from daemon.imaging import files
from daemon.imaging.store.errors import NameCollisionError, StoreUnavailableError
from daemon.imaging.store.store import RETRY_PAUSE
from db.errors import DatabaseAwayError, DatabaseBusyError, DiskFullError

T = TypeVar("T")

#: A server that was started anew is back in seconds.
_AWAY_SECONDS = 2.0
#: What an image and its rows take; `images.min_free_disk` may be less.
_LEAST = 4 * 2**20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
#: The folder is gone, somebody else's, read-only, or its disk is.
_BARRED = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
        *(errno.ENOENT, errno.ENOTDIR, errno.EEXIST),
    }
)


def unwritable_reason(flow: SourceContext, *, mend: bool = False) -> str | None:
    """Say why no image can be kept, as far as it is known, or None.

    Nothing can be written where images and database are, or the store is away.

    Args:
        mend: A folder that was removed is made again, if that can be done.
    """
    for folder in {flow.image_folder, flow.db.folder or flow.image_folder}:
        if (why := _folder_problem(folder, mend=mend)) is not None:
            return f"{folder} {why}"
        if files.free_bytes(folder) < _required_bytes(flow):
            return f"less than {_required_bytes(flow) // 2**20} MiB free for {folder}"
    return flow.store.away or None


def _folder_problem(folder: Path, *, mend: bool) -> str | None:
    try:
        if mend:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"cannot be made ({error.strerror})"
    if not folder.is_dir():
        return "is gone"
    may = os.access(folder, os.W_OK | os.X_OK)
    return None if may else "cannot be written to: give it back to this user"


def _required_bytes(flow: SourceContext) -> int:
    return max(flow.plan.min_free_disk, _LEAST)


def is_storage_error(error: Exception) -> bool:
    """Say whether an error means that no image can be kept now."""
    barred = isinstance(error, OSError) and error.errno in _FULL | _BARRED
    return barred or isinstance(
        error, DiskFullError | StoreUnavailableError | NameCollisionError
    )


def log_outage(flow: SourceContext, why: Exception | str) -> None:
    """Say, once, that the queue sleeps until images can be kept again.

    Args:
        why: An error that `is_storage_error`, or what `unwritable_reason` said.
    """
    spell, event, until = "disk", "disk.full", ": no images are made until then"
    if isinstance(why, StoreUnavailableError) or str(why) == flow.store.away:
        spell, event = "store", "store.away"
    # Of one image: the others go on.
    elif isinstance(why, NameCollisionError):
        spell, event, until = str(why), "store.name_collision", ""
    if flow.spells.record_failure(spell, flow.steady_now()):
        flow.shared_log.error(event, summary=f"{why}{until}")


def log_recovery(flow: SourceContext) -> None:
    """Say that it goes on."""
    for spell, event, words in (
        ("disk", "disk.freed", "can write again"),
        ("store", "store.back", "the store can be reached again"),
    ):
        if (
            lasted := flow.spells.record_recovery(spell, flow.steady_now())
        ) is not None:
            after = str(lasted).split(".", maxsplit=1)[0]
            flow.shared_log.info(event, summary=f"{words} after {after}")


async def probe_store(flow: SourceContext) -> None:
    """Ask whether the store is back; that it is not is known already."""
    with suppress(StoreUnavailableError):
        await asyncio.to_thread(flow.store.check_remote)


async def retry_until_stored(
    flow: SourceContext, write: Callable[[], Awaitable[T]]
) -> T:
    """Do *write*; when nothing can be written, wait and do it again.

    What was paid for is held in memory meanwhile.  At SIGTERM the error goes up.
    """
    while True:
        try:
            return await write()
        # A commit that was cut off may have been carried out: what is written here
        # looks first whether it is there.
        except (DatabaseAwayError, DatabaseBusyError) as error:
            if flow.stopping.is_set():
                raise
            if flow.spells.record_failure("database", flow.steady_now()):
                flow.shared_log.error("database.away", summary=str(error))
            await sleep_unless_stopping(flow, _AWAY_SECONDS)
        except (
            DiskFullError,
            OSError,
            StoreUnavailableError,
            NameCollisionError,
        ) as error:
            if not is_storage_error(error) or flow.stopping.is_set():
                raise
            # What the folder itself says is plainer than what was tried in it.
            plain = (
                unwritable_reason(flow)
                if isinstance(error, OSError | DiskFullError)
                else None
            )
            log_outage(flow, plain or error)
            await sleep_unless_stopping(flow, RETRY_PAUSE)


async def sleep_unless_stopping(flow: SourceContext, seconds: float) -> None:
    """Sleep, but not beyond SIGTERM."""
    stopping = asyncio.ensure_future(flow.stopping.wait())
    sleeping = asyncio.ensure_future(flow.clock.sleep(seconds))
    _, pending = await asyncio.wait(
        {stopping, sleeping}, return_when=asyncio.FIRST_COMPLETED
    )
    for task in pending:
        task.cancel()
