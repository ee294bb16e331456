"""Settings, database sessions and console output for the commands."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime, tzinfo
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from daemon import app, formatting
from daemon.cli import configuration
from daemon.config import Settings
from daemon.context import Sources
from daemon.errors import SetupError
from daemon.service import control
from db import upgrade
from db.engine import Database, Tx
from db.errors import DatabaseMissingError


def load_settings(source: str | None = None) -> Settings:
    """Read the configuration, narrowed to one source if *source* is given.

    Raises:
        ConfigError: The configuration is invalid.
        SetupError: There is no source of that name.
    """
    settings = configuration.read_configuration()
    if source is None:
        return settings
    if source not in (by_source := settings.by_source()):
        raise SetupError(f"no source is called {source!r} ({', '.join(by_source)})")
    return by_source[source]


def require_database(settings: Settings) -> None:
    """Check that the database exists and has the current schema.

    Raises:
        DatabaseMissingError: There is no database yet.
        DatabaseUnusableError: The database is damaged, or its schema is older or newer
            than this program's.
    """
    backend = app.database_backend(settings)
    upgrade.require_current(backend)
    if not upgrade.database_exists(backend):
        start = "`postbrush run`"
        if settings.is_service:
            start = "`sudo systemctl start postbrush`"
        raise DatabaseMissingError(
            f"no database at {backend} yet: start the daemon with {start}"
        )


@asynccontextmanager
async def read_session(
    settings: Settings, *, missing_ok: bool = False
) -> AsyncIterator[Sources]:
    """Open the sources for reading; raises as `require_database` does.

    Args:
        missing_ok: Whether the command works without a database.
    """
    if missing_ok:
        upgrade.require_current(app.database_backend(settings))
    else:
        require_database(settings)
    async with app.open_context(settings, readonly=True) as sources:
        yield sources


@asynccontextmanager
async def write_session(settings: Settings) -> AsyncIterator[Database]:
    """Open the database for writing, and wake the daemon at the end.

    Raises as `require_database` does.
    """
    require_database(settings)
    db = Database(app.database_backend(settings))
    try:
        yield db
    finally:
        await db.close()
    await control.send_wake(app.socket_path(settings))


@asynccontextmanager
async def write_transaction(settings: Settings) -> AsyncIterator[Tx]:
    """Open a `write_session` for one transaction."""
    async with write_session(settings) as db, db.write_transaction() as tx:
        yield tx


def make_console() -> Console:
    """Return a console as wide as the terminal, or 160 columns without one."""
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def print_result(data: object, *, json: bool, human: Callable[[Console], None]) -> None:
    """Print *data* as JSON, or call *human* to print it for people."""
    if json:
        text = json_module.dumps(
            data, indent=2, default=_to_json_value, ensure_ascii=False
        )
        print(text)  # noqa: T201 - the command's output
    else:
        human(make_console())


def _to_json_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)


def make_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a table without borders; cells are not parsed as Rich markup."""
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold", header_style="bold")
    for row in rows:
        table.add_row(*[Text(str(cell)) for cell in row])
    return table


def format_time(time: datetime | None, zone: tzinfo) -> str:
    """Return *time* as "24 Nov 10:15:03" in *zone*; "" for None."""
    return formatting.format_time(time, zone, seconds=True, padded=True) if time else ""


def to_dict(record: Any) -> dict[str, Any]:  # noqa: ANN401 - any frozen dataclass
    """Return a dataclass instance as a dictionary for --json."""
    return asdict(record)
