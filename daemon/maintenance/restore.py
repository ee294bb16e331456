"""Restores a backup to an empty data folder, after its checksums are verified."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon.errors import SetupError
from daemon.maintenance.backup import (
    DATABASE,
    IMAGES,
    MANIFEST,
    SEPARATE_FORMAT,
    WHOLE_FORMAT,
    file_sha256,
    list_images,
)
from daemon.maintenance.backup_folder import link_or_copy
from db import transfer, upgrade
from db.backend import Backend
from db.sqlite import Sqlite

_CHUNK = 1 << 20
#: Errors of a manifest that is not one.
_INVALID = (ValueError, KeyError, TypeError)


def restore_backup(source: Path, data_dir: Path, place: Backend) -> Mapping[str, Any]:
    """Restore a backup to an empty data folder, once its checksums match.

    The caller holds the lock of the folder.

    Args:
        place: The database to fill, which must be empty.

    Raises:
        SetupError: The folder has data, or the file is damaged or not a backup.
        DatabaseUnusableError: A newer postbrush made the backup.
    """
    _require_empty(data_dir)
    if not isinstance(place, Sqlite):
        transfer.require_empty(place)
    with _staging_folder(data_dir) as staging:
        try:
            manifest = _unpack_archive(source, staging)
        except (EOFError, zlib.error, tarfile.TarError, *_INVALID) as error:
            raise SetupError(
                f"{source} is not a backup of postbrush: {error}"
            ) from error
        except OSError as error:
            why = error.strerror or error
            raise SetupError(f"{source} cannot be read: {why}") from error
        if manifest["format"] == SEPARATE_FORMAT:
            _collect_images(source.parent / IMAGES, staging)
        upgrade.refuse_newer(Sqlite(staging / DATABASE))
        (data_dir / IMAGES).mkdir(exist_ok=True)
        for path in sorted((staging / IMAGES).glob("*")):
            path.rename(data_dir / IMAGES / path.name)
        # The database comes last, as a folder without one counts as empty.
        if isinstance(place, Sqlite):
            (staging / DATABASE).rename(place.path)
        else:
            upgrade.upgrade_schema(Sqlite(staging / DATABASE))
            transfer.copy_database(Sqlite(staging / DATABASE), place)
    return manifest


def _require_empty(data_dir: Path) -> None:
    images = data_dir / IMAGES
    if (data_dir / DATABASE).exists() or any(images.glob("*.png")):
        raise SetupError(
            f"{data_dir} already has a database or images. Set data_dir to an empty "
            "folder, or move them away"
        )


@contextmanager
def _staging_folder(data_dir: Path) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=".postbrush-restore-", dir=data_dir))
    (folder / IMAGES).mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack_archive(source: Path, staging: Path) -> Mapping[str, Any]:
    """Unpack the files that the manifest names, and check them.

    Raises:
        ValueError: The archive has other files than its manifest, or a damaged one.
    """
    with tarfile.open(source) as tar:
        head = tar.next()
        if head is None or head.name != MANIFEST:
            raise ValueError("it does not begin with a manifest")
        manifest = json.loads(_open_entry(tar, head).read())
        if manifest["format"] not in {WHOLE_FORMAT, SEPARATE_FORMAT}:
            raise ValueError(
                f"a newer postbrush wrote it (format {manifest['format']})"
            )
        missing = dict(manifest["files"])
        while (entry := tar.next()) is not None:
            expected = missing.pop(entry.name, None)
            if expected is None or not _is_known_name(entry.name):
                raise ValueError(f"{entry.name!r} is not in its manifest")
            target = staging / entry.name
            with target.open("wb") as out:
                shutil.copyfileobj(_open_entry(tar, entry), out, _CHUNK)
                out.flush()
                os.fsync(out.fileno())
            if file_sha256(target) != expected["sha256"]:
                raise ValueError(f"{entry.name} is damaged (its checksum differs)")
    if missing:
        raise ValueError(f"{len(missing)} files are missing, such as {min(missing)}")
    return dict(manifest)


def _collect_images(folder: Path, staging: Path) -> None:
    """Put the images that the staged database names beside it.

    Raises:
        SetupError: The folder of the backup lacks an image, or has a damaged one.
    """
    if not folder.is_dir():
        raise SetupError(
            f"The images of this backup are in the folder {IMAGES} beside it. Restore "
            "the file from there, not a copy of it or a pipe"
        )
    for image in list_images(staging / DATABASE):
        path = folder / image.name
        if not _is_known_name(f"{IMAGES}/{image.name}") or not path.is_file():
            raise SetupError(f"The backup is incomplete: {path} is missing")
        if file_sha256(path) != image.sha256:
            raise SetupError(f"{path} is damaged (its checksum differs)")
        try:
            link_or_copy(path, staging / IMAGES / image.name)
        except OSError as error:
            raise SetupError(f"{path} cannot be copied: {error.strerror}") from error


def _open_entry(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Any:  # noqa: ANN401 - IO[bytes]
    content = tar.extractfile(entry)
    if content is None:
        raise ValueError(f"{entry.name!r} is not a file")
    return content


def _is_known_name(name: str) -> bool:
    """Return True for the database and for a plain file in `images/`."""
    folder, _, file = name.rpartition("/")
    is_plain = file not in {"", ".", ".."} and "\\" not in name
    return name == DATABASE or (folder == IMAGES and is_plain)
