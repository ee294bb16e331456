"""The commands `backup` and `restore`, for a file, folder or pipe."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon import app
from daemon.cli import context, output
from daemon.cli.command_group import Json
from daemon.clock import local_zone, utc_now
from daemon.config import Settings
from daemon.errors import SetupError
from daemon.formatting import format_count, format_size
from daemon.imaging import files
from daemon.maintenance import backup_folder
from daemon.maintenance.backup import (
    DATABASE,
    BackupSource,
    create_backup,
    stream_backup,
)
from daemon.maintenance.backup_folder import AddedBackup
from daemon.maintenance.restore import restore_backup
from daemon.service.lock import DataDirLock
from db import upgrade

_PIPE = Path("-")


@dataclass(frozen=True, slots=True)
class BackupResult:
    """A new backup, and the older ones that it has replaced."""

    file: str
    bytes: int
    images: int
    removed: Sequence[str] = ()
    removed_for_space: int = 0


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What was restored."""

    data_dir: str
    images: int
    made_at: datetime


def backup(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A new .tar file, a folder, or - for stdout."
        ),
    ],
    keep: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Treat FILE as a folder and keep the newest N backups in it.",
        ),
    ] = None,
    scheduled: Annotated[bool, typer.Option(hidden=True)] = False,
    json: Json = False,
) -> None:
    """Back up database and images, even while the daemon runs."""
    if file == _PIPE and keep is not None:
        raise SetupError("--keep needs a folder as FILE, not -")
    settings = context.load_settings()
    # The timer also runs before the first start, and beside a server of databases.
    if scheduled and not (settings.data_dir / DATABASE).exists():
        text = (
            f"{settings.data_dir} does not contain a database yet. Nothing to back up"
        )
        print(text)  # noqa: T201 - the command's output
        return
    context.require_database(settings)
    source = BackupSource(
        place=app.database_backend(settings),
        store=app.open_store(settings),
        min_free=settings.options.images.min_free_disk,
    )
    now = utc_now().astimezone(local_zone())
    if file == _PIPE:
        _write_to_stdout(settings, source, now)
    elif keep is not None:
        _make_folder(file)
        _print_added(backup_folder.add_backup(source, file, now, keep=keep), json=json)
    else:
        target = file / backup_folder.backup_name(now) if file.is_dir() else file
        manifest = create_backup(source, target, now)
        _print_backup(target, _count_images(manifest), json=json)


def _print_backup(target: Path, images: int, *, json: bool) -> None:
    size = target.stat().st_size
    output.print_result(
        BackupResult(str(target), size, images),
        json=json,
        human=lambda out: output.print_unwrapped(
            out,
            f"Backed up the database and {format_count(images, 'image')} to {target} "
            f"({size / 2**20:.1f} MiB). Your configuration and tokens are not "
            "included.",
        ),
    )


def _print_added(added: AddedBackup, *, json: bool) -> None:
    removed = ""
    if added.removed:
        removed = f" Removed {format_count(len(added.removed), 'older backup')}"
        if added.removed_for_space:
            removed += (
                f", {added.removed_for_space} of them to keep images.min_free_disk free"
            )
        removed += "."
    output.print_result(
        BackupResult(
            str(added.path),
            added.bytes_added,
            added.images,
            [str(path) for path in added.removed],
            added.removed_for_space,
        ),
        json=json,
        human=lambda out: output.print_unwrapped(
            out,
            f"Backed up the database and {format_count(added.images, 'image')} to "
            f"{added.path} ({format_size(added.bytes_added)} more disk "
            f"space).{removed}",
        ),
    )


def _count_images(manifest: Mapping[str, Any]) -> int:
    """Return the number of images of a backup; in a folder, they are beside it."""
    return len(manifest["files"]) - 1 + len(manifest.get("images", ()))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"The folder {folder} for --keep cannot be created: {error.strerror}"
        ) from error


def _write_to_stdout(settings: Settings, source: BackupSource, now: datetime) -> None:
    if sys.stdout.isatty():
        raise SetupError(
            "A backup cannot be written to a terminal. Run `postbrush backup - > FILE`"
        )
    folder = settings.data_dir
    # The disk may be read-only because it fails, which is when a backup is wanted.
    if files.write_problem(folder):
        folder = Path(tempfile.gettempdir())
    stream_backup(source, sys.stdout.buffer, folder, now)


def restore(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A backup, or - for stdin.")
    ],
    json: Json = False,
) -> None:
    """Restore a backup to an empty data folder."""
    if file == _PIPE and sys.stdin.isatty():
        raise SetupError(
            "A backup cannot be read from a terminal. Run `postbrush restore - < FILE`"
        )
    settings = context.load_settings()
    if file != _PIPE and not file.is_file():
        raise SetupError(f"The backup {file} does not exist")
    files.ensure_folder(settings.data_dir)
    with DataDirLock(app.lock_path(settings), "restore"):
        manifest = _extract_backup(settings, file)
        upgrade.upgrade_schema(app.database_backend(settings))
    count = _count_images(manifest)
    data_dir, made_at = settings.data_dir, manifest["made_at"]
    output.print_result(
        RestoreResult(str(data_dir), count, datetime.fromisoformat(made_at)),
        json=json,
        human=lambda out: output.print_unwrapped(
            out,
            f"Restored the database of {made_at[:16]} and "
            f"{format_count(count, 'image')} to {data_dir}. The daemon will read the "
            "changes in Notion when it starts.",
        ),
    )


def _extract_backup(settings: Settings, file: Path) -> Mapping[str, Any]:
    backend = app.database_backend(settings)
    if file != _PIPE:
        return restore_backup(file, settings.data_dir, backend)
    with _temporary_folder(settings) as folder:
        archive = folder / "given.tar"
        with archive.open("wb") as out:
            shutil.copyfileobj(sys.stdin.buffer, out)
        return restore_backup(archive, settings.data_dir, backend)


@contextmanager
def _temporary_folder(settings: Settings) -> Iterator[Path]:
    """Yield a folder on the data folder's file system; OSError is a SetupError."""
    try:
        with tempfile.TemporaryDirectory(
            prefix=".postbrush-copy-", dir=settings.data_dir
        ) as folder:
            yield Path(folder)
    except OSError as error:
        raise SetupError(
            f"The backup cannot be copied: {error.strerror or error}"
        ) from error
