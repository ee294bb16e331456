"""`backup` and `restore`: one file, a folder of them, or a pipe."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon import app
from daemon.cli import desk
from daemon.clock import local_zone, utc_now
from daemon.config import Settings
from daemon.errors import SetupError
from daemon.flow import files
from daemon.service.lock import DataLock
from daemon.upkeep import backup as copies
from db import upgrade
from db.errors import DatabaseMissingError

_PIPE = Path("-")


def require_database(found: Settings) -> None:
    """Raise DatabaseMissingError when there is nothing to look at yet."""
    path = app.database_path(found)
    upgrade.require_current(path)
    if not upgrade.is_there(path):
        raise DatabaseMissingError(desk.missing(found))


def backup(file: Path, *, keep: int | None, json: bool) -> None:
    """Copy database and images into one file."""
    if file == _PIPE and keep is not None:
        raise SetupError("--keep wants a folder, and - is none")
    found = desk.settings()
    require_database(found)
    if keep is not None:
        _make_folder(file)
    if file == _PIPE:
        _to_output(found)
        return
    now = utc_now()
    target = file
    if file.is_dir():
        target = file / copies.name_for(now.astimezone(local_zone()))
    made = copies.backup(found.data_dir, target, now, app.store_of(found))
    gone = copies.thin_out(file, keep, target) if keep is not None else []
    size = target.stat().st_size
    count = len(made["files"]) - 1
    older = f"; {len(gone)} older ones removed" if gone else ""
    desk.show(
        {
            "file": str(target),
            "bytes": size,
            "images": count,
            "removed": [str(path) for path in gone],
        },
        json=json,
        human=lambda out: out.print(
            f"{target}: the database and {count} images, {size / 2**20:.1f} MiB{older}"
            ". Your configuration and tokens are not in it",
            markup=False,
            soft_wrap=True,
        ),
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"--keep wants a folder: cannot make {folder}: {error.strerror}"
        ) from error


def _to_output(found: Settings) -> None:
    if sys.stdout.isatty():
        raise SetupError("a copy is not for a terminal: `postbrush backup - > FILE`")
    with _beside(found) as folder:
        whole = folder / "whole.tar"
        copies.backup(found.data_dir, whole, utc_now(), app.store_of(found))
        with whole.open("rb") as made:
            shutil.copyfileobj(made, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def restore(file: Path, *, json: bool) -> None:
    """Put a backup into an empty data folder."""
    if file == _PIPE and sys.stdin.isatty():
        raise SetupError("a copy is not typed: `postbrush restore - < FILE`")
    found = desk.settings()
    if file != _PIPE and not file.is_file():
        raise SetupError(f"there is no file {file}")
    files.ensure_folder(found.data_dir)
    lock = DataLock(app.lock_path(found))
    lock.acquire("restore")
    try:
        made = _restored(found, file)
        upgrade.upgrade(app.database_path(found))
    finally:
        lock.release()
    count = len(made["files"]) - 1
    desk.show(
        {"data_dir": str(found.data_dir), "images": count, "made_at": made["made_at"]},
        json=json,
        human=lambda out: out.print(
            f"{found.data_dir}: the database of {made['made_at'][:16]} and {count} "
            "images; what Notion shows by now is looked at when the daemon starts",
            markup=False,
            soft_wrap=True,
        ),
    )


def _restored(found: Settings, file: Path) -> Mapping[str, Any]:
    if file != _PIPE:
        return copies.restore(file, found.data_dir)
    with _beside(found) as folder:
        given = folder / "given.tar"
        with given.open("wb") as out:
            shutil.copyfileobj(sys.stdin.buffer, out)
        return copies.restore(given, found.data_dir)


@contextmanager
def _beside(found: Settings) -> Iterator[Path]:
    """Yield a folder where the images have room, too."""
    try:
        with tempfile.TemporaryDirectory(
            prefix=".postbrush-copy-", dir=found.data_dir
        ) as folder:
            yield Path(folder)
    except OSError as error:
        raise SetupError(f"cannot copy: {error.strerror or error}") from error
