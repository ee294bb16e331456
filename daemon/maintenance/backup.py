"""Backup of a data folder to one consistent file while the daemon runs, and restore.

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
import re
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.errors import PostbrushError, SetupError
from daemon.imaging.store.store import Store
from db import transfer, upgrade
from db.backend import Backend
from db.errors import DatabaseError
from db.sqlite import Sqlite

MANIFEST, DATABASE, IMAGES = "manifest.json", "postbrush.db", "images"
_BACKUP_NAME = re.compile(r"postbrush-\d{8}-\d{6}\.tar", re.ASCII)
_FORMAT = 1
_CHUNK = 1 << 20


def create_backup(
    data_dir: Path,
    place: Backend,
    target: Path,
    now: datetime,
    store: Store | None = None,
) -> Mapping[str, Any]:
    """Write a backup of *data_dir* to *target*; return its manifest.

    Args:
        place: The database.
        store: The images, fetched if they are not in its folder.  Default: the folder
            `images` of *data_dir*.

    Raises:
        SetupError: The target exists, or cannot be written.
        PostbrushError: An image is missing, damaged, or cannot be fetched.
    """
    try:
        if target.exists():
            raise SetupError(
                f"{target} exists: choose another name, nothing is replaced"
            )
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            copy = Path(folder) / DATABASE
            _copy_database(place, copy)
            images = store or Store(data_dir / IMAGES)
            files = {DATABASE: copy, **dict(_image_entries(images, copy))}
            manifest = {
                "format": _FORMAT,
                "made_at": now.isoformat(),
                "revision": Sqlite(copy).current_revision(),
                "files": {name: _describe_file(path) for name, path in files.items()},
            }
            archive = Path(folder) / "whole.tar"
            _write_archive(archive, manifest, files)
            os.link(archive, target)
    except OSError as error:
        raise SetupError(f"cannot write {target}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        # The most likely cause is a lack of space for the copy.
        raise SetupError(f"cannot write {target}: {error}") from error
    except DatabaseError as error:
        # An error of SQLite while copying PostgreSQL also concerns the copy.
        original = getattr(error.__cause__, "orig", None)
        if not isinstance(original, sqlite3.Error) or isinstance(place, Sqlite):
            raise
        raise SetupError(f"cannot write {target}: {original}") from error
    return manifest


def backup_name(now: datetime) -> str:
    """Return the file name of a backup made at *now*."""
    return f"postbrush-{now:%Y%m%d-%H%M%S}.tar"


def remove_old_backups(folder: Path, keep: int, made: Path) -> list[Path]:
    """Remove all backups of a folder but the *keep* newest; return what was removed.

    Args:
        made: The newest backup; it stays even if the clock was set back.

    Raises:
        SetupError: An old backup cannot be removed.
    """
    try:
        others = sorted(
            path
            for path in folder.iterdir()
            if _BACKUP_NAME.fullmatch(path.name)
            and path.is_file()
            and path.name != made.name
        )
        removed = others[: max(0, len(others) - (keep - 1))]
        for path in removed:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise SetupError(
            f"{made} is there, but older ones cannot be removed: {error.strerror}"
        ) from error
    return removed


def _copy_database(place: Backend, target: Path) -> None:
    if not isinstance(place, Sqlite):
        transfer.copy_database(place, Sqlite(target))
    with closing(sqlite3.connect(target)) as new:
        if isinstance(place, Sqlite):
            source = f"file:{place.path}?mode=ro"
            with closing(sqlite3.connect(source, uri=True)) as old:
                old.backup(new)
        # A rollback journal makes the copy a single file without a write-ahead log.
        new.execute("PRAGMA journal_mode=DELETE")


def _image_entries(store: Store, copy: Path) -> Iterator[tuple[str, Path]]:
    query = "SELECT name, bytes, sha256 FROM images WHERE pruned_at IS NULL ORDER BY id"
    with closing(sqlite3.connect(copy)) as database:
        rows = database.execute(query).fetchall()
    for name, size, sha256 in rows:
        path = store.folder / name
        with suppress(FileNotFoundError):
            path = store.ensure_local(name, sha256)
        if not path.is_file() or path.stat().st_size != size:
            raise PostbrushError(
                f"{path} is missing or damaged: `postbrush verify` shows all of it, "
                "`postbrush verify --fix` goes on without it"
            )
        yield f"{IMAGES}/{name}", path


def _describe_file(path: Path) -> dict[str, object]:
    return {"bytes": path.stat().st_size, "sha256": _file_sha256(path)}


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_archive(
    archive: Path, manifest: Mapping[str, object], files: Mapping[str, Path]
) -> None:
    text = json.dumps(manifest, indent=1).encode()
    with archive.open("wb") as out, tarfile.open(fileobj=out, mode="w") as tar:
        head = tarfile.TarInfo(MANIFEST)
        head.size = len(text)
        tar.addfile(head, io.BytesIO(text))
        for name, path in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(entry, file)
        tar.close()
        out.flush()
        os.fsync(out.fileno())


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
        except (tarfile.TarError, ValueError, KeyError, TypeError) as error:
            raise SetupError(f"{source} is no backup of postbrush: {error}") from error
        except OSError as error:
            raise SetupError(f"cannot read {source}: {error.strerror}") from error
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
            f"{data_dir} has a database or images: restore into an empty folder "
            "(set data_dir), or move them away"
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
    with tarfile.open(source, mode="r:") as tar:
        head = tar.next()
        if head is None or head.name != MANIFEST:
            raise ValueError("it does not begin with a manifest")
        manifest = json.loads(_open_entry(tar, head).read())
        if manifest["format"] != _FORMAT:
            raise ValueError(f"its format {manifest['format']} is a later one")
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
            if _file_sha256(target) != expected["sha256"]:
                raise ValueError(f"{entry.name} is damaged (its checksum differs)")
    if missing:
        raise ValueError(f"{len(missing)} files are missing, {min(missing)} first")
    return dict(manifest)


def _open_entry(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Any:  # noqa: ANN401 - IO[bytes]
    content = tar.extractfile(entry)
    if content is None:
        raise ValueError(f"{entry.name!r} is no file")
    return content


def _is_known_name(name: str) -> bool:
    """Return True for the database and for a plain file in `images/`."""
    folder, _, file = name.rpartition("/")
    is_plain = file not in {"", ".", ".."} and "\\" not in name
    return name == DATABASE or (folder == IMAGES and is_plain)
