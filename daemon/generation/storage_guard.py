"""Detects storage that cannot be written, and retries pending writes."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from daemon.context import AppContext, SourceContext
from daemon.imaging import files
from daemon.imaging.store import NameCollisionError, StoreUnavailableError
from daemon.imaging.store.store import RETRY_PAUSE
from db.errors import (
    DatabaseAwayError,
    DatabaseBusyError,
    DatabaseError,
    DiskFullError,
)

T = TypeVar("T")

#: Seconds between two tries while the database server is unavailable.
_AWAY_SECONDS = 2.0
#: Bytes for an image and its rows; `images.min_free_disk` may be smaller.
_MIN_FREE_BYTES = 4 * 2**20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
#: The folder is missing, owned by another user, read-only, or its disk fails.
_INACCESSIBLE = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
        *(errno.ENOENT, errno.ENOTDIR, errno.EEXIST),
    }
)


def unwritable_reason(source: SourceContext, *, mend: bool = False) -> str | None:
    """Return why images cannot be saved, or None if no reason is known.

    This checks the image and database folders and the last error of the shared store.

    Args:
        mend: Create a missing folder again.
    """
    app = source.app
    required = max(source.options.images.min_free_disk, _MIN_FREE_BYTES)
    for folder in {app.image_folder, app.db.backend.folder or app.image_folder}:
        if (why := _folder_problem(folder, mend=mend)) is not None:
            return f"{folder} {why}"
        if files.free_bytes(folder) < required:
            return (
                f"less than {required // 2**20} MiB of disk space is free for {folder}"
            )
    return app.store.away or None


def _folder_problem(folder: Path, *, mend: bool) -> str | None:
    try:
        if mend:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"cannot be created ({error.strerror})"
    if not folder.is_dir():
        return "does not exist"
    is_writable = os.access(folder, os.W_OK | os.X_OK)
    return None if is_writable else "is not writable for the user that runs postbrush"


def is_storage_error(error: Exception) -> bool:
    """Return True if an error means that images cannot be saved now."""
    is_disk_error = isinstance(error, OSError) and error.errno in _FULL | _INACCESSIBLE
    return is_disk_error or isinstance(
        error, DiskFullError | StoreUnavailableError | NameCollisionError
    )


def log_outage(app: AppContext, why: Exception | str) -> None:
    """Log, once per outage, that no images are generated until storage works again.

    Args:
        why: An error for which `is_storage_error` is True, or the text of
            `unwritable_reason`.
    """
    outage, event, until = (
        "disk",
        "disk.full",
        ". No images are generated until this is fixed",
    )
    if isinstance(why, StoreUnavailableError) or str(why) == app.store.away:
        outage, event = "store", "store.away"
    # A name collision concerns one image; the other jobs continue.
    elif isinstance(why, NameCollisionError):
        outage, event, until = str(why), "store.name_collision", ""
    if app.log_state.failures.record_failure(outage, app.steady_now()):
        app.log.error(event, summary=f"{why}{until}")


def log_recovery(app: AppContext) -> None:
    """Log the end of each outage of the disk and the shared store."""
    _log_end(app, "disk", "disk.freed", "images can be saved again")
    _log_end(app, "store", "store.back", "the store can be reached again")


def log_database_error(app: AppContext, error: DatabaseError) -> None:
    """Log that the database cannot be used, once per outage."""
    failures, steady = app.log_state.failures, app.steady_now()
    if isinstance(error, DiskFullError):
        log_outage(app, str(error))
    elif isinstance(error, DatabaseAwayError):
        if failures.record_failure("database", steady):
            summary = f"{error}. postbrush waits until the database is available"
            app.log.error("database.away", summary=summary)
    elif failures.record_failure(f"database: {error}", steady):
        app.log.error("database.failed", summary=str(error))


def log_database_recovery(app: AppContext) -> None:
    """Log the end of an outage of the database."""
    _log_end(app, "database", "database.back", "the database can be reached again")


def _log_end(app: AppContext, outage: str, event: str, words: str) -> None:
    lasted = app.log_state.failures.record_recovery(outage, app.steady_now())
    if lasted is not None:
        after = str(lasted).split(".", maxsplit=1)[0]
        app.log.info(event, summary=f"{words} after {after}")


async def probe_store(app: AppContext) -> None:
    """Check whether the shared store is available; `Store.away` has the result."""
    with suppress(StoreUnavailableError):
        await asyncio.to_thread(app.store.check_remote)


async def retry_until_stored(
    source: SourceContext, write: Callable[[], Awaitable[T]]
) -> T:
    """Call *write* until it succeeds; an image paid for stays in memory meanwhile.

    *write* must be safe to repeat, as an interrupted commit may have been carried out.

    Raises:
        Exception: *write* failed with an error that is not one of storage, or the
            daemon is stopping.
    """
    app = source.app
    while True:
        try:
            return await write()
        except (DatabaseAwayError, DatabaseBusyError) as error:
            if app.signals.stopping.is_set():
                raise
            if app.log_state.failures.record_failure("database", app.steady_now()):
                app.log.error("database.away", summary=str(error))  # noqa: TRY400 - its text says it all
            pause = _AWAY_SECONDS
        except Exception as error:
            if not is_storage_error(error) or app.signals.stopping.is_set():
                raise
            # The state of the folder explains more than the failed operation.
            is_of_disk = isinstance(error, OSError | DiskFullError)
            reason = unwritable_reason(source) if is_of_disk else None
            log_outage(app, reason or error)
            pause = RETRY_PAUSE
        await sleep_unless_stopping(app, pause)


async def sleep_unless_stopping(app: AppContext, seconds: float) -> None:
    """Sleep for *seconds*, or until `Signals.stopping` is set."""
    stopping = asyncio.ensure_future(app.signals.stopping.wait())
    sleeping = asyncio.ensure_future(app.clock.sleep(seconds))
    _, pending = await asyncio.wait(
        {stopping, sleeping}, return_when=asyncio.FIRST_COMPLETED
    )
    for task in pending:
        task.cancel()
