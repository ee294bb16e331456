"""An exclusive lock for the life of a process, so that a data folder has one daemon."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from daemon.errors import SetupError
from daemon.formatting import format_time


@dataclass(frozen=True, slots=True, kw_only=True)
class LockHolder:
    """The process that holds a lock, as it wrote it to the file."""

    pid: int
    command: str
    since: str


class DataDirLock:
    """The lock file of a data folder.

    Its holder may treat jobs that other processes claimed as abandoned.

    Args:
        command: Name of the command that holds the lock.
    """

    def __init__(self, path: Path, command: str) -> None:
        self._path, self._command = path, command
        self._handle = -1

    def __enter__(self) -> None:
        """Take the lock.

        Raises:
            SetupError: Another process, which the message names, holds the lock, or
                the folder is not writable.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            reason = error.strerror or error
            raise SetupError(
                f"{self._path.parent} is not writable: {reason}. Make it "
                "writable, or set data_dir"
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise SetupError(_conflict_message(self._path)) from None
        self._handle = handle
        since = format_time(datetime.now(UTC), seconds=True, padded=True)
        holder = {"pid": os.getpid(), "command": self._command, "since": since}
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(holder).encode(), 0)

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self._handle, 0)
        os.close(self._handle)


def _conflict_message(path: Path) -> str:
    holder = _read_holder(path)
    if holder is None:
        return f"Another postbrush process uses {path.parent}"
    return (
        f"postbrush {holder.command} is already running (process {holder.pid}, "
        f"since {holder.since}) and uses {path}"
    )


def find_holder(path: Path) -> LockHolder | None:
    """Return the process that holds the lock, None if it is free."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read_holder(path) or LockHolder(pid=0, command="?", since="?")
    finally:
        os.close(handle)
    return None


def _read_holder(path: Path) -> LockHolder | None:
    try:
        data = json.loads(path.read_text())
        pid, command, since = data["pid"], data["command"], data["since"]
        return LockHolder(pid=int(pid), command=str(command), since=str(since))
    except (OSError, ValueError, KeyError, TypeError):
        return None
