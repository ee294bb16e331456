"""A consistent copy of a data folder in one file, while the daemon runs; and back.

A tar file: `manifest.json` first, then the database (SQLite's own online backup, or
a copy of PostgreSQL's as a file of SQLite, so that it can be restored anywhere), then
the images its rows name.  Images never change once they have their name, so
the copy of the database and the files belong together.  Secrets are not in it.
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
_COPY = re.compile(r"postbrush-\d{8}-\d{6}\.tar", re.ASCII)
_FORMAT = 1
_CHUNK = 1 << 20


def create_backup(
    data_dir: Path,
    place: Backend,
    target: Path,
    now: datetime,
    store: Store | None = None,
) -> Mapping[str, Any]:
    """Write a copy of *data_dir* to *target*; return its manifest.

    Args:
        place: Where its database is.
        store: Where its images are; what is not here is fetched.  Default: here.

    Raises:
        SetupError: The target exists, or cannot be written.
        PostbrushError: A file that belongs to it is missing or damaged, or cannot be
            fetched.
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
            whole = Path(folder) / "whole.tar"
            _write_archive(whole, manifest, files)
            os.link(whole, target)
    except OSError as error:
        raise SetupError(f"cannot write {target}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        # Of the copy, most likely: it is where there may be no room.
        raise SetupError(f"cannot write {target}: {error}") from error
    except DatabaseError as error:
        # Of the copy, too, when what is copied is a server's.
        original = getattr(error.__cause__, "orig", None)
        if not isinstance(original, sqlite3.Error) or isinstance(place, Sqlite):
            raise
        raise SetupError(f"cannot write {target}: {original}") from error
    return manifest


def backup_name(now: datetime) -> str:
    """Return the name of a copy in a folder of them."""
    return f"postbrush-{now:%Y%m%d-%H%M%S}.tar"


def remove_old_backups(folder: Path, keep: int, made: Path) -> list[Path]:
    """Remove all copies of a folder but the newest; return what went.

    Args:
        made: Stays, wherever the clock was when the others got their names.

    Raises:
        SetupError: One of them cannot be removed.
    """
    try:
        others = sorted(
            path
            for path in folder.iterdir()
            if _COPY.fullmatch(path.name) and path.is_file() and path.name != made.name
        )
        gone = others[: max(0, len(others) - (keep - 1))]
        for path in gone:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise SetupError(
            f"{made} is there, but older ones cannot be removed: {error.strerror}"
        ) from error
    return gone


def _copy_database(place: Backend, target: Path) -> None:
    if not isinstance(place, Sqlite):
        transfer.copy_database(place, Sqlite(target))
    with closing(sqlite3.connect(target)) as new:
        if isinstance(place, Sqlite):
            source = f"file:{place.path}?mode=ro"
            with closing(sqlite3.connect(source, uri=True)) as old:
                old.backup(new)
        # One file, whatever is in the write-ahead log of the running one.
        new.execute("PRAGMA journal_mode=DELETE")


def _image_entries(store: Store, copy: Path) -> Iterator[tuple[str, Path]]:
    query = "SELECT name, bytes, sha256 FROM images WHERE pruned_at IS NULL ORDER BY id"
    with closing(sqlite3.connect(copy)) as database:
        rows = database.execute(query).fetchall()
    for name, size, sha256 in rows:
        path = store.folder / name
        # Neither has it: it is missing, as is said next.
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
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _write_archive(
    whole: Path, manifest: Mapping[str, object], files: Mapping[str, Path]
) -> None:
    text = json.dumps(manifest, indent=1).encode()
    with whole.open("wb") as out, tarfile.open(fileobj=out, mode="w") as tar:
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
    """Put a copy into an empty data folder, its checksums first.

    The caller holds the folder's lock.

    Args:
        place: Where its database is to be; nothing may be in it.

    Raises:
        SetupError: The folder is in use, the file is none of ours or damaged.
        DatabaseUnusableError: Made by a newer postbrush.
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
        # Last: a folder without a database is one that nothing was restored to.
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
    """Unpack what the manifest names, and nothing else, and compare it."""
    with tarfile.open(source, mode="r:") as tar:
        head = tar.next()
        if head is None or head.name != MANIFEST:
            raise ValueError("it does not begin with a manifest")
        manifest = json.loads(_open_entry(tar, head).read())
        if manifest["format"] != _FORMAT:
            raise ValueError(f"its format {manifest['format']} is a later one")
        wanted = dict(manifest["files"])
        while (entry := tar.next()) is not None:
            known = wanted.pop(entry.name, None)
            if known is None or not _is_known_name(entry.name):
                raise ValueError(f"{entry.name!r} is not in its manifest")
            target = staging / entry.name
            with target.open("wb") as out:
                shutil.copyfileobj(_open_entry(tar, entry), out, _CHUNK)
                out.flush()
                os.fsync(out.fileno())
            if _file_sha256(target) != known["sha256"]:
                raise ValueError(f"{entry.name} is damaged (its checksum differs)")
    if wanted:
        raise ValueError(f"{len(wanted)} files are missing, {min(wanted)} first")
    return dict(manifest)


def _open_entry(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Any:  # noqa: ANN401 - a file
    content = tar.extractfile(entry)
    if content is None:
        raise ValueError(f"{entry.name!r} is no file")
    return content


def _is_known_name(name: str) -> bool:
    """Say whether an entry stays within the data folder."""
    folder, _, file = name.rpartition("/")
    plain = file not in {"", ".", ".."} and "\\" not in name
    return name == DATABASE or (folder == IMAGES and plain)
