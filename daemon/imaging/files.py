"""Image files: written atomically and durably, never over an existing file."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from daemon.errors import SetupError

_TEMP_PREFIX = ".postbrush-"
_DISK_ERRORS = frozenset({errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO})
#: What a database needs to be opened, with some room.
_PROBE_BYTES = 256 * 1024


def file_name(prefix: str, local: datetime, number: int) -> str:
    """Return a file name such as "flux_generated_20261122_101500_1.png"."""
    return f"{prefix}_generated_{local:%Y%m%d_%H%M%S}_{number}.png"


def thumbnail_path(folder: Path, name: str) -> Path:
    """Return the path of an image's thumbnail, in a folder beside *folder*."""
    return folder.parent / "thumbs" / f"{Path(name).stem}.webp"


def lettered_folder(folder: Path) -> Path:
    """Return the folder of images with words on them, beside *folder*."""
    return folder.parent / "lettered"


def lettered_paths(folder: Path, name: str) -> list[Path]:
    """Return the paths of an image's files with words on it."""
    return sorted(lettered_folder(folder).glob(f"{Path(name).stem}_text_*.png"))


def save_new(folder: Path, name: str, data: bytes) -> None:
    """Write *data* durably to a new file.

    A temporary file in the same folder is linked to its name, as a link fails where a
    rename would overwrite.

    Raises:
        FileExistsError: The name is taken; nothing was changed.
        OSError: The write failed, such as on a full disk; nothing is left behind.
    """
    handle, temporary = tempfile.mkstemp(prefix=_TEMP_PREFIX, dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        os.link(temporary, folder / name)
    finally:
        Path(temporary).unlink(missing_ok=True)
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names of new files in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_temp_files(folder: Path) -> None:
    """Remove the temporary files of interrupted `save_new` calls."""
    with suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - ten times as fast as Path.iterdir
            if name.startswith(_TEMP_PREFIX):
                with suppress(OSError):
                    (folder / name).unlink()


def free_bytes(folder: Path) -> int:
    """Return the bytes that an unprivileged user may still write to *folder*."""
    return shutil.disk_usage(folder).free


def write_problem(folder: Path) -> str | None:
    """Return why nothing can be written to the disk of *folder* for now, or None.

    It is full, read-only, or fails.  Whatever else is wrong with the folder, such as
    its owner, does not count.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(prefix=_TEMP_PREFIX, dir=folder) as file:
            file.write(bytes(_PROBE_BYTES))
    except OSError as error:
        return error.strerror if error.errno in _DISK_ERRORS else None
    return None


def ensure_folder(folder: Path) -> None:
    """Create a folder, and check that it can be written to.

    Raises:
        SetupError: It cannot; one line says what to do.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(prefix=_TEMP_PREFIX, dir=folder):
            pass
    except OSError as error:
        why = error.strerror or error
        raise SetupError(
            f"{folder} is not writable: {why}. Make it writable, or set data_dir"
        ) from error
