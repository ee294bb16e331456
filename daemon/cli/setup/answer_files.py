"""Writes secrets and postbrush.toml atomically; only the owner can read secrets."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from daemon.errors import SetupError
from daemon.imaging.files import sync_folder

_PRIVATE, _PUBLIC = 0o600, 0o644
_PRIVATE_FOLDER = 0o700


def require_writable(path: Path) -> None:
    """Check that *path* can be written, before the first question.

    Raises:
        SetupError: The file cannot be written.
    """
    real = path.resolve()
    if real.exists() and not real.is_file():
        raise SetupError(f"{path} cannot be written: it is not a file")
    folder = real.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise SetupError(f"{path} cannot be written: {folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SetupError(
            f"{path} cannot be written: the folder {folder} is not writable"
        )


def write_secret(path: Path, value: str) -> None:
    """Write one secret with mode 600.

    Raises:
        SetupError: The file cannot be written; the old file is unchanged.
    """
    with _translate_os_errors(path):
        path.parent.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        _replace_file(path.resolve(), value.encode() + b"\n", _PRIVATE, None)


def write_config(path: Path, text: str) -> Path | None:
    """Write the configuration; return the backup of the old file, None for none.

    Raises:
        SetupError: The file cannot be written; the old file is unchanged.
    """
    with _translate_os_errors(path):
        # A symbolic link is kept, and its target is replaced.
        real = path.resolve()
        real.parent.mkdir(parents=True, exist_ok=True)
        if not real.exists():
            _replace_file(real, text.encode(), _PUBLIC, None)
            return None
        before = real.stat()
        mode = stat.S_IMODE(before.st_mode)
        copy = _next_backup_path(real)
        _replace_file(copy, real.read_bytes(), mode, before)
        _replace_file(real, text.encode(), mode, before)
        return copy


def _next_backup_path(path: Path) -> Path:
    names = (path.with_name(f"{path.name}.bak{number or ''}") for number in count())
    return next(candidate for candidate in names if not candidate.exists())


def _replace_file(
    path: Path, data: bytes, mode: int, like: os.stat_result | None
) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(temporary, flags, _PRIVATE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if like is not None:
                with suppress(PermissionError):
                    os.fchown(file.fileno(), like.st_uid, like.st_gid)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def _translate_os_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise SetupError(
            f"{path} cannot be written: {why}. It has not been changed"
        ) from error
