"""The commands `backup` and `restore`, for a file, folder or pipe, and `copy-db`."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from daemon import app
from daemon.cli import context, output
from daemon.cli.command_group import Json
from daemon.clock import local_zone, utc_now
from daemon.config import Settings, addresses
from daemon.errors import SetupError
from daemon.formatting import format_count
from daemon.imaging import files
from daemon.maintenance import backup as copies
from daemon.service import lock
from daemon.service.lock import DataDirLock
from db import transfer, upgrade
from db.backend import Backend
from db.sqlite import Sqlite

_PIPE = Path("-")


def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A new .tar file, a folder, or -.")
    ],
    keep: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="FILE is a folder of the newest N."),
    ] = None,
    json: Json = False,
) -> None:
    """Copy database and images into one file, while it runs."""
    if file == _PIPE and keep is not None:
        raise SetupError("--keep wants a folder, and - is none")
    settings = context.load_settings()
    context.require_database(settings)
    if keep is not None:
        _make_folder(file)
    if file == _PIPE:
        _write_to_stdout(settings)
        return
    now = utc_now()
    target = file
    if file.is_dir():
        target = file / copies.backup_name(now.astimezone(local_zone()))
    count = _create_backup(settings, target, now)
    removed = copies.remove_old_backups(file, keep, target) if keep is not None else []
    size = target.stat().st_size
    older = f"; {len(removed)} older ones removed" if removed else ""
    output.print_result(
        {
            "file": str(target),
            "bytes": size,
            "images": count,
            "removed": [str(path) for path in removed],
        },
        json=json,
        human=lambda out: _print_unwrapped(
            out,
            f"{target}: the database and {format_count(count, 'image')}, "
            f"{size / 2**20:.1f} MiB{older}. "
            "Your configuration and tokens are not in it",
        ),
    )


def _create_backup(settings: Settings, target: Path, now: datetime) -> int:
    """Write *target*, and return the number of images in it."""
    store, backend = app.open_store(settings), app.database_backend(settings)
    manifest = copies.create_backup(settings.data_dir, backend, target, now, store)
    return len(manifest["files"]) - 1


def _print_unwrapped(out: Console, line: str) -> None:
    out.print(line, markup=False, soft_wrap=True)


def copy_db(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A file, or PostgreSQL's address.")
    ],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="The same; nothing may be in it.")
    ],
    json: Json = False,
) -> None:
    """Copy a database into an empty one.

    Such as: postbrush copy-db postbrush.db postgresql+psycopg://USER@HOST/NAME
    """
    settings = context.load_settings()
    old, new = _parse_backend(source, settings), _parse_backend(target, settings)
    for backend in (old, new):
        _require_idle(backend)
    counts = transfer.copy_database(old, new)

    def print_table(out: Console) -> None:
        out.print(output.make_table(("TABLE", "ROWS"), counts.items()))
        _print_unwrapped(
            out, f"{new} has all of {old}. Images are files, and stay where they are"
        )

    data = {"from": str(old), "to": str(new), "rows": dict(counts)}
    output.print_result(data, json=json, human=print_table)


def _parse_backend(address: str, settings: Settings) -> Backend:
    if "://" in address:
        try:
            return app.postgres_backend(
                addresses.normalize_database_url(address), settings
            )
        except ValueError as error:
            raise SetupError(
                f"{addresses.mask_database_url(address)}: {error}"
            ) from None
    path = Path(address).expanduser().resolve()
    if path.is_dir():
        raise SetupError(f"{path} is a folder: name the file in it, postbrush.db")
    return Sqlite(path)


def _require_idle(backend: Backend) -> None:
    """Raise SetupError if a process uses *backend*, whose writes would be missed."""
    if backend.folder is None:
        return
    holder = lock.find_holder(backend.folder / app.LOCK)
    if holder is not None:
        raise SetupError(
            f"postbrush {holder.command} works with {backend} (process {holder.pid}): "
            "stop it first"
        )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"--keep wants a folder: cannot make {folder}: {error.strerror}"
        ) from error


def _write_to_stdout(settings: Settings) -> None:
    if sys.stdout.isatty():
        raise SetupError("a copy is not for a terminal: `postbrush backup - > FILE`")
    with _temporary_folder(settings) as folder:
        archive = folder / "whole.tar"
        _create_backup(settings, archive, utc_now())
        with archive.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Made by backup; - reads a pipe.")
    ],
    json: Json = False,
) -> None:
    """Put a backup into an empty data folder."""
    if file == _PIPE and sys.stdin.isatty():
        raise SetupError("a copy is not typed: `postbrush restore - < FILE`")
    settings = context.load_settings()
    if file != _PIPE and not file.is_file():
        raise SetupError(f"there is no file {file}")
    files.ensure_folder(settings.data_dir)
    data_lock = DataDirLock(app.lock_path(settings))
    data_lock.acquire("restore")
    try:
        manifest = _extract_backup(settings, file)
        upgrade.upgrade_schema(app.database_backend(settings))
    finally:
        data_lock.release()
    count = len(manifest["files"]) - 1
    data_dir, made_at = settings.data_dir, manifest["made_at"]
    output.print_result(
        {"data_dir": str(data_dir), "images": count, "made_at": made_at},
        json=json,
        human=lambda out: _print_unwrapped(
            out,
            f"{data_dir}: the database of {made_at[:16]} and {count} images; what "
            "Notion shows by now is looked at when the daemon starts",
        ),
    )


def _extract_backup(settings: Settings, file: Path) -> Mapping[str, Any]:
    backend = app.database_backend(settings)
    if file != _PIPE:
        return copies.restore_backup(file, settings.data_dir, backend)
    with _temporary_folder(settings) as folder:
        archive = folder / "given.tar"
        with archive.open("wb") as out:
            shutil.copyfileobj(sys.stdin.buffer, out)
        return copies.restore_backup(archive, settings.data_dir, backend)


@contextmanager
def _temporary_folder(settings: Settings) -> Iterator[Path]:
    """Yield a folder on the data folder's file system; OSError is a SetupError."""
    try:
        with tempfile.TemporaryDirectory(
            prefix=".postbrush-copy-", dir=settings.data_dir
        ) as folder:
            yield Path(folder)
    except OSError as error:
        raise SetupError(f"cannot copy: {error.strerror or error}") from error
