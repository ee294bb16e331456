"""Backup of a data folder to one consistent file while the daemon runs.

The tar file has `manifest.json` first, then the database, then the images its rows
name.  The database is an online backup of SQLite, or a copy of PostgreSQL as an SQLite
file, which can be restored to either.  A named image file never changes, so the
database and the images are consistent.  The backup has no secrets.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal

from daemon.errors import PostbrushError, SetupError
from daemon.imaging import files
from daemon.imaging.store.store import Store
from db import transfer
from db.backend import Backend
from db.errors import DatabaseError
from db.sqlite import Sqlite

MANIFEST, DATABASE, IMAGES = "manifest.json", "postbrush.db", "images"
#: Prefix of temporary folders, which an interrupted backup leaves.
TEMP_PREFIX = ".postbrush-copy-"
#: The format of a file with all images, and of one with its images beside it.
WHOLE_FORMAT, SEPARATE_FORMAT = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSource:
    """What is backed up.

    Attributes:
        place: The database.
        store: The images, fetched if they are not in its folder.
        min_free: Bytes that stay free on the disk of the backup.
    """

    place: Backend
    store: Store
    min_free: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEntry:
    """An image that a database names."""

    name: str
    bytes: int
    sha256: str


def create_backup(
    source: BackupSource, target: Path, now: datetime
) -> Mapping[str, Any]:
    """Write a backup to *target*; return its manifest.

    Raises:
        SetupError: The target exists, cannot be written, or there is too little space.
        PostbrushError: An image is missing, damaged, or cannot be fetched.
    """
    with explain_write_errors(source.place, target):
        if target.exists():
            raise SetupError(
                f"{target} already exists. Choose another name; backups replace no file"
            )
        with copied_database(source, target.parent) as copy:
            entries = local_images(source, copy)
            total = sum(path.stat().st_size for path in entries.values())
            require_space(target.parent, copy.stat().st_size + total, source.min_free)
            archive = copy.with_name("whole.tar")
            with archive.open("wb") as out:
                manifest = _write_whole(out, copy, entries, now)
                os.fsync(out.fileno())
            os.link(archive, target)
    return manifest


def stream_backup(
    source: BackupSource, out: IO[bytes], folder: Path, now: datetime
) -> None:
    """Write a backup to *out*; only the database is copied to *folder* first.

    Raises:
        SetupError, PostbrushError: As `create_backup`.
    """
    with (
        explain_write_errors(source.place, folder),
        copied_database(source, folder) as copy,
    ):
        _write_whole(out, copy, local_images(source, copy), now)
        out.flush()


@contextmanager
def explain_write_errors(place: Backend, target: Path) -> Iterator[None]:
    """Raise errors of writing a backup to *target* as SetupError."""
    try:
        yield
    except OSError as error:
        raise SetupError(
            f"{target} cannot be written: {error.strerror or error}"
        ) from error
    except sqlite3.Error as error:
        # The most likely cause is a lack of space for the copy.
        raise SetupError(f"{target} cannot be written: {error}") from error
    except DatabaseError as error:
        # An error of SQLite while copying PostgreSQL also concerns the copy.
        original = getattr(error.__cause__, "orig", None)
        if not isinstance(original, sqlite3.Error) or isinstance(place, Sqlite):
            raise
        raise SetupError(f"{target} cannot be written: {original}") from error


@contextmanager
def copied_database(source: BackupSource, folder: Path) -> Iterator[Path]:
    """Yield a consistent copy of the database, in a temporary folder of *folder*."""
    with tempfile.TemporaryDirectory(prefix=TEMP_PREFIX, dir=folder) as temporary:
        copy = Path(temporary) / DATABASE
        if isinstance(source.place, Sqlite):
            with suppress(FileNotFoundError):
                size = source.place.path.stat().st_size
                require_space(folder, size, source.min_free)
        _copy_database(source.place, copy)
        yield copy


def require_space(folder: Path, needed: int, min_free: int) -> None:
    """Check that *needed* bytes fit into *folder* and *min_free* bytes stay free.

    Raises:
        SetupError: They do not.
    """
    if missing := max(0, needed + min_free - files.free_bytes(folder)):
        raise SetupError(too_little_space(folder, needed, missing))


def too_little_space(folder: Path, needed: int, missing: int) -> str:
    """Return the message for a backup of *needed* bytes that does not fit."""
    return (
        f"{folder} has too little space: the backup needs {_mebibytes(needed)}, and "
        "images.min_free_disk must stay free. Free another "
        f"{_mebibytes(missing)}, or choose a folder on another disk"
    )


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


def _copy_database(place: Backend, target: Path) -> None:
    if not isinstance(place, Sqlite):
        transfer.copy_database(place, Sqlite(target))
    with closing(sqlite3.connect(target)) as new:
        if isinstance(place, Sqlite):
            with closing(sqlite3.connect(place.read_uri(), uri=True)) as old:
                old.backup(new)
        # A rollback journal makes the copy a single file without a write-ahead log.
        new.execute("PRAGMA journal_mode=DELETE")


def list_images(copy: Path) -> list[ImageEntry]:
    """Return the images that a copy of a database names, oldest first."""
    query = "SELECT name, bytes, sha256 FROM images WHERE pruned_at IS NULL ORDER BY id"
    with closing(sqlite3.connect(copy)) as database:
        rows = database.execute(query).fetchall()
    return [ImageEntry(name=row[0], bytes=row[1], sha256=row[2]) for row in rows]


def local_images(source: BackupSource, copy: Path) -> dict[str, Path]:
    """Return the files of the images that *copy* names, by name; fetch what lacks.

    Raises:
        SetupError: There is too little space for what has to be fetched.
        PostbrushError: An image is missing, damaged, or cannot be fetched.
    """
    store, images = source.store, list_images(copy)
    to_fetch = sum(image.bytes for image in images if not store.is_local(image.name))
    if to_fetch:
        require_space(store.folder, to_fetch, source.min_free)
    return {image.name: _local_image(store, image) for image in images}


def _local_image(store: Store, image: ImageEntry) -> Path:
    path = store.folder / image.name
    with suppress(FileNotFoundError):
        path = store.ensure_local(image.name, image.sha256)
    if not path.is_file() or path.stat().st_size != image.bytes:
        raise PostbrushError(
            f"{path} is missing or damaged. `postbrush verify` lists all such images, "
            "and after `postbrush verify --fix` backups leave them out"
        )
    return path


def file_sha256(path: Path) -> str:
    """Return the hash of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_whole(
    out: IO[bytes], copy: Path, images: Mapping[str, Path], now: datetime
) -> Mapping[str, Any]:
    named = {f"{IMAGES}/{name}": path for name, path in images.items()}
    entries = {DATABASE: copy, **named}
    manifest = build_manifest(copy, entries, now, format=WHOLE_FORMAT)
    write_archive(out, manifest, entries, mode="w|")
    return manifest


def build_manifest(
    copy: Path,
    entries: Mapping[str, Path],
    now: datetime,
    *,
    format: int,  # noqa: A002 - the name in the manifest
    **more: object,
) -> Mapping[str, Any]:
    """Return the manifest of an archive with the files *entries*."""
    return {
        "format": format,
        "made_at": now.isoformat(),
        "revision": Sqlite(copy).current_revision(),
        "files": {
            name: {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
            for name, path in entries.items()
        },
        **more,
    }


def write_archive(
    out: IO[bytes],
    manifest: Mapping[str, object],
    entries: Mapping[str, Path],
    *,
    mode: Literal["w|", "w|gz"],
) -> None:
    """Write a tar file, which begins with the manifest, to *out*."""
    text = json.dumps(manifest, indent=1).encode()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        head = tarfile.TarInfo(MANIFEST)
        head.size = len(text)
        tar.addfile(head, io.BytesIO(text))
        for name, path in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(entry, file)
    out.flush()
