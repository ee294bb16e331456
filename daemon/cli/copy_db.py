"""The command `copy-db`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from daemon import app
from daemon.cli import context, output
from daemon.cli.command_group import Json
from daemon.config import Settings, addresses
from daemon.errors import SetupError
from daemon.service import lock
from db import transfer, upgrade
from db.backend import Backend
from db.sqlite import Sqlite


@dataclass(frozen=True, slots=True)
class CopyResult:
    """The rows that were copied, by table."""

    from_database: str
    to_database: str
    rows: Mapping[str, int]


def copy_db(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FROM",
            help="Source: a file, or the address of a PostgreSQL database.",
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(metavar="TO", help="Target: a file or address; must be empty."),
    ],
    json: Json = False,
) -> None:
    """Copy a database to an empty one.

    Example: postbrush copy-db postbrush.db postgresql+psycopg://USER@HOST/NAME
    """
    settings = context.load_settings()
    old, new = _parse_backend(source, settings), _parse_backend(target, settings)
    if isinstance(old, Sqlite) and not upgrade.database_exists(old):
        raise SetupError(f"The database {old} does not exist, so it cannot be copied")
    for backend in (old, new):
        _require_idle(backend)
    counts = transfer.copy_database(old, new)

    def print_table(out: Console) -> None:
        out.print(output.make_table(("TABLE", "ROWS"), counts.items()))
        output.print_unwrapped(
            out, f"Copied {old} to {new}. Image files are not moved."
        )

    data = CopyResult(str(old), str(new), dict(counts))
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
        raise SetupError(
            f"{path} is a folder. Name the database file in it: {path / 'postbrush.db'}"
        )
    return Sqlite(path)


def _require_idle(backend: Backend) -> None:
    """Raise SetupError if a process uses *backend*, whose writes would be missed."""
    if backend.folder is None:
        return
    holder = lock.find_holder(backend.folder / app.LOCK)
    if holder is not None:
        raise SetupError(
            f"`postbrush {holder.command}` is using {backend} (process {holder.pid}). "
            "Stop it first"
        )
