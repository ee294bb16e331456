"""`backup` and `restore`: one file, a folder of them, or a pipe."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from daemon import app
from daemon.cli import context
from daemon.clock import local_zone, utc_now
from daemon.config import Settings, databases
from daemon.errors import SetupError
from daemon.imaging import files
from daemon.maintenance import backup as copies
from daemon.service import lock
from daemon.service.lock import DataDirLock
from db import transfer, upgrade
from db.backend import Backend
from db.errors import DatabaseMissingError
from db.sqlite import Sqlite

_PIPE = Path("-")


def require_database(found: Settings) -> None:
    """Raise DatabaseMissingError when there is nothing to look at yet."""
    place = app.database_backend(found)
    upgrade.require_current(place)
    if not upgrade.database_exists(place):
        raise DatabaseMissingError(context.explain_missing_database(found))


def create_backup(file: Path, *, keep: int | None, json: bool) -> None:
    """Copy database and images into one file."""
    if file == _PIPE and keep is not None:
        raise SetupError("--keep wants a folder, and - is none")
    found = context.load_settings()
    require_database(found)
    if keep is not None:
        _make_folder(file)
    if file == _PIPE:
        _write_to_stdout(found)
        return
    now = utc_now()
    target = file
    if file.is_dir():
        target = file / copies.backup_name(now.astimezone(local_zone()))
    made = copies.create_backup(
        found.data_dir, app.database_backend(found), target, now, app.open_store(found)
    )
    gone = copies.remove_old_backups(file, keep, target) if keep is not None else []
    size = target.stat().st_size
    count = len(made["files"]) - 1
    older = f"; {len(gone)} older ones removed" if gone else ""
    context.print_result(
        {
            "file": str(target),
            "bytes": size,
            "images": count,
            "removed": [str(path) for path in gone],
        },
        json=json,
        human=lambda out: out.print(
            f"{target}: the database and {context.format_image_count(count)}, "
            f"{size / 2**20:.1f} MiB{older}. "
            "Your configuration and tokens are not in it",
            markup=False,
            soft_wrap=True,
        ),
    )


def copy_database(source: str, target: str, *, json: bool) -> None:
    """Copy all rows of one database into another."""
    found = context.load_settings()
    old, new = _parse_backend(source, found), _parse_backend(target, found)
    for one in (old, new):
        _require_idle(one)
    counts = transfer.copy_database(old, new)

    def human(out: Console) -> None:
        made = context.make_table("TABLE", "ROWS")
        out.print(context.fill_table(made, list(counts.items())))
        out.print(
            f"{new} has all of {old}. Images are files, and stay where they are",
            markup=False,
            soft_wrap=True,
        )

    data = {"from": str(old), "to": str(new), "rows": dict(counts)}
    context.print_result(data, json=json, human=human)


def _parse_backend(written: str, found: Settings) -> Backend:
    if "://" in written:
        try:
            return app.postgres_backend(databases.normalize_url(written), found)
        except ValueError as error:
            raise SetupError(f"{databases.mask_url(written)}: {error}") from None
    path = Path(written).expanduser().resolve()
    if path.is_dir():
        raise SetupError(f"{path} is a folder: name the file in it, postbrush.db")
    return Sqlite(path)


def _require_idle(place: Backend) -> None:
    """What a daemon writes while its database is copied would be missing."""
    if place.folder is None:
        return
    holder = lock.find_holder(place.folder / app.LOCK)
    if holder is not None:
        raise SetupError(
            f"postbrush {holder.command} works with {place} (process {holder.pid}): "
            "stop it first"
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"--keep wants a folder: cannot make {folder}: {error.strerror}"
        ) from error


def _write_to_stdout(found: Settings) -> None:
    if sys.stdout.isatty():
        raise SetupError("a copy is not for a terminal: `postbrush backup - > FILE`")
    with _temporary_folder(found) as folder:
        whole = folder / "whole.tar"
        copies.create_backup(
            found.data_dir,
            app.database_backend(found),
            whole,
            utc_now(),
            app.open_store(found),
        )
        with whole.open("rb") as made:
            shutil.copyfileobj(made, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def restore_backup(file: Path, *, json: bool) -> None:
    """Put a backup into an empty data folder."""
    if file == _PIPE and sys.stdin.isatty():
        raise SetupError("a copy is not typed: `postbrush restore - < FILE`")
    found = context.load_settings()
    if file != _PIPE and not file.is_file():
        raise SetupError(f"there is no file {file}")
    files.ensure_folder(found.data_dir)
    own = DataDirLock(app.lock_path(found))
    own.acquire("restore")
    try:
        made = _extract_backup(found, file)
        upgrade.upgrade_schema(app.database_backend(found))
    finally:
        own.release()
    count = len(made["files"]) - 1
    context.print_result(
        {"data_dir": str(found.data_dir), "images": count, "made_at": made["made_at"]},
        json=json,
        human=lambda out: out.print(
            f"{found.data_dir}: the database of {made['made_at'][:16]} and {count} "
            "images; what Notion shows by now is looked at when the daemon starts",
            markup=False,
            soft_wrap=True,
        ),
    )


def _extract_backup(found: Settings, file: Path) -> Mapping[str, Any]:
    place = app.database_backend(found)
    if file != _PIPE:
        return copies.restore_backup(file, found.data_dir, place)
    with _temporary_folder(found) as folder:
        given = folder / "given.tar"
        with given.open("wb") as out:
            shutil.copyfileobj(sys.stdin.buffer, out)
        return copies.restore_backup(given, found.data_dir, place)


@contextmanager
def _temporary_folder(found: Settings) -> Iterator[Path]:
    """Yield a folder where the images have room, too."""
    try:
        with tempfile.TemporaryDirectory(
            prefix=".postbrush-copy-", dir=found.data_dir
        ) as folder:
            yield Path(folder)
    except OSError as error:
        raise SetupError(f"cannot copy: {error.strerror or error}") from error
