"""A folder with the newest backups, which stores every image once.

`postbrush-DATE-TIME.tar.gz` has a manifest and the database.  The images that the
manifest names are in `images/` beside it: hard links to the files of the data folder,
or copies on another file system.  So a backup without new images is as large as the
compressed database.  `postbrush-DATE-TIME.tar`, with all its images, is how older
versions wrote it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from daemon.errors import SetupError
from daemon.imaging import files
from daemon.maintenance import backup
from daemon.maintenance.backup import DATABASE, IMAGES, MANIFEST, BackupSource

_NAME = re.compile(r"postbrush-\d{8}-\d{6}\.tar(\.gz)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedBackup:
    """A new backup of a folder.

    Attributes:
        path: Its archive.
        images: Number of images that belong to it.
        bytes_added: Bytes that the disk holds because of it; a link needs none.
        removed: Older backups that were removed, oldest first.
        removed_for_space: How many of them made room for it.
    """

    path: Path
    images: int
    bytes_added: int
    removed: Sequence[Path]
    removed_for_space: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBackup:
    """A backup of the folder, and the images that belong to it.

    Attributes:
        images: None if the archive cannot be read.
    """

    path: Path
    bytes: int
    images: frozenset[str] | None


def backup_name(now: datetime, *, suffix: str = ".tar") -> str:
    """Return the file name of a backup made at *now*."""
    return f"postbrush-{now:%Y%m%d-%H%M%S}{suffix}"


def add_backup(
    source: BackupSource,
    folder: Path,
    now: datetime,
    *,
    keep: int,
    free_bytes: Callable[[Path], int] = files.free_bytes,
) -> AddedBackup:
    """Add a backup to *folder*, and remove all backups but the *keep* newest.

    If there is too little space, older backups are removed first; the newest of them
    stays.

    Args:
        now: Aware, in the owner's time zone.

    Raises:
        SetupError: The folder cannot be written, or there is too little space.
        PostbrushError: An image is missing, damaged, or cannot be fetched.
    """
    target = folder / backup_name(now, suffix=".tar.gz")
    with (
        backup.explain_write_errors(source.place, target),
        _exclusive_folder(folder),
        backup.copied_database(source, folder) as copy,
    ):
        if target.exists():
            raise SetupError(f"{target} already exists and is not replaced")
        paths = backup.local_images(source, copy)
        missing = [path for path in paths.values() if not _is_stored(folder, path)]
        # The compressed database is never larger than this.
        needed = copy.stat().st_size + _bytes_to_copy(folder, missing)
        names = frozenset(paths)
        excess = needed + source.min_free - free_bytes(folder)
        removed = _make_room(folder, needed, excess, names) if excess > 0 else []
        for path in missing:
            link_or_copy(path, folder / IMAGES / path.name)
        archive = copy.with_name("database.tar.gz")
        manifest = backup.build_manifest(
            copy,
            {DATABASE: copy},
            now,
            format=backup.SEPARATE_FORMAT,
            images=list(paths),
        )
        with archive.open("wb") as out:
            backup.write_archive(out, manifest, {DATABASE: copy}, mode="w|gz")
            os.fsync(out.fileno())
        os.link(archive, target)
        too_many = remove_old_backups(folder, keep, target)
        return AddedBackup(
            path=target,
            images=len(paths),
            bytes_added=target.stat().st_size + _bytes_to_copy(folder, missing),
            removed=[*removed, *too_many],
            removed_for_space=len(removed),
        )


@contextmanager
def _exclusive_folder(folder: Path) -> Iterator[None]:
    """Lock *folder* against another backup, and remove what an interrupted one left."""
    (folder / IMAGES).mkdir(exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for left in folder.glob(f"{backup.TEMP_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_stored(folder: Path, path: Path) -> bool:
    stored = folder / IMAGES / path.name
    return stored.is_file() and stored.stat().st_size == path.stat().st_size


def _bytes_to_copy(folder: Path, paths: Sequence[Path]) -> int:
    """Return the bytes that *paths* need in *folder*; on one file system, links."""
    device = (folder / IMAGES).stat().st_dev
    stats = [path.stat() for path in paths]
    return sum(stat.st_size for stat in stats if stat.st_dev != device)


def link_or_copy(path: Path, target: Path) -> None:
    """Put the file *path* at *target*: a hard link, or a copy where that fails."""
    temporary = target.with_name(f"{backup.TEMP_PREFIX}{target.name}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(path, temporary)
    except OSError:
        # The target is on another file system, or on one without hard links.
        with path.open("rb") as old, temporary.open("xb") as new:
            shutil.copyfileobj(old, new)
            new.flush()
            os.fsync(new.fileno())
    temporary.replace(target)


def _make_room(
    folder: Path, needed: int, missing: int, names: frozenset[str]
) -> list[Path]:
    """Remove the oldest backups to free *missing* bytes; return what was removed.

    Args:
        names: The images of the new backup, which stay.

    Raises:
        SetupError: All of them, but the newest, would not make enough room.
    """
    stored = _list_backups(folder)
    sizes = {
        name: size
        for name, size in _sizes_of_copies(folder).items()
        if name not in names
    }
    count = choose_removals(stored, sizes, missing)
    if count is None:
        raise SetupError(backup.too_little_space(folder, needed, missing))
    return _remove(folder, [entry.path for entry in stored[:count]], names)


def choose_removals(
    stored: Sequence[StoredBackup], sizes: Mapping[str, int], missing: int
) -> int | None:
    """Return how many of the oldest backups to remove to free *missing* bytes; pure.

    Args:
        stored: Oldest first; the last one stays.
        sizes: Bytes of every stored image that is not a link to the data folder's.

    Returns:
        None if removing all but the last one frees too little.
    """
    for count in range(1, len(stored)):
        freed = sum(entry.bytes for entry in stored[:count])
        used = _used_images(stored[count:])
        if used is not None:
            freed += sum(size for name, size in sizes.items() if name not in used)
        if freed >= missing:
            return count
    return None


def _used_images(stored: Sequence[StoredBackup]) -> frozenset[str] | None:
    """Return the stored images of some backups, None if one of them is damaged."""
    used = frozenset[str]()
    for entry in stored:
        # Without a readable manifest, every image may belong to the backup.
        if entry.images is None:
            return None
        used |= entry.images
    return used


def _list_backups(folder: Path) -> list[StoredBackup]:
    return [
        StoredBackup(path=path, bytes=path.stat().st_size, images=_image_names(path))
        for path in _archives(folder)
    ]


def _archives(folder: Path) -> list[Path]:
    """Return the archives of a folder, oldest first."""
    return sorted(
        path
        for path in folder.iterdir()
        if _NAME.fullmatch(path.name) and path.is_file()
    )


def _image_names(path: Path) -> frozenset[str] | None:
    """Return the stored images that belong to a backup, None if it is damaged."""
    if path.suffix == ".tar":
        return frozenset()
    try:
        with tarfile.open(path, mode="r|gz") as tar:
            head = tar.next()
            content = tar.extractfile(head) if head else None
            if content is None or head is None or head.name != MANIFEST:
                return None
            return frozenset(json.load(content)["images"])
    except (OSError, EOFError, tarfile.TarError, ValueError, KeyError, TypeError):
        return None


def _sizes_of_copies(folder: Path) -> dict[str, int]:
    with os.scandir(folder / IMAGES) as entries:
        stats = {entry.name: entry.stat() for entry in entries}
    return {name: stat.st_size for name, stat in stats.items() if stat.st_nlink == 1}


def remove_old_backups(folder: Path, keep: int, made: Path) -> list[Path]:
    """Remove all backups of a folder but the *keep* newest; return what was removed.

    Args:
        made: The newest backup; it stays even if the clock was set back.

    Raises:
        SetupError: An old backup cannot be removed.
    """
    try:
        others = [path for path in _archives(folder) if path.name != made.name]
        return _remove(folder, others[: max(0, len(others) - (keep - 1))])
    except OSError as error:
        raise SetupError(
            f"{made} was written, but older backups cannot be removed: {error.strerror}"
        ) from error


def _remove(
    folder: Path, archives: list[Path], names: frozenset[str] = frozenset()
) -> list[Path]:
    """Remove backups, and the stored images that are neither in others nor *names*."""
    for path in archives:
        path.unlink(missing_ok=True)
    used = _used_images(_list_backups(folder)) if archives else None
    if used is not None:
        for path in (folder / IMAGES).glob("*.png"):
            if path.name not in used | names:
                path.unlink(missing_ok=True)
    return archives
