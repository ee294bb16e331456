"""What every command starts from: settings, the database, a console."""

from __future__ import annotations

import asyncio
import json as json_module
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, tzinfo
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from daemon import app
from daemon.cli import configuration
from daemon.config import Settings
from daemon.errors import SetupError
from daemon.service import control
from daemon.sources import Sources
from db import upgrade
from db.engine import Database
from db.errors import DatabaseMissingError

T = TypeVar("T")


def load_settings(source: str | None = None) -> Settings:
    """Read the configuration, of one source if *source* says so.

    Raises:
        ConfigError: It is wrong.
        SetupError: There is no such source.
    """
    found = configuration.read_configuration()
    if source is None:
        return found
    if source not in (known := found.by_source()):
        raise SetupError(f"no source is called {source!r} ({', '.join(known)})")
    return known[source]


def run_coroutine(work: Awaitable[T]) -> T:
    """Run *work* to its end."""

    async def whole() -> T:
        return await work

    return asyncio.run(whole())


@asynccontextmanager
async def read_session(
    found: Settings, *, missing_ok: bool = False
) -> AsyncIterator[Sources]:
    """Open what there is, for reading only; never creates a database.

    Args:
        missing_ok: The command can do without a database.

    Raises:
        DatabaseMissingError: There is none yet.
        DatabaseUnusableError: Newer than this program, damaged.
    """
    upgrade.require_current(app.database_backend(found))
    if not missing_ok and not upgrade.database_exists(app.database_backend(found)):
        raise DatabaseMissingError(explain_missing_database(found))
    async with app.open_context(found, readonly=True) as flows:
        yield flows


def explain_missing_database(found: Settings) -> str:
    """Say that there is no database, and what makes one."""
    place = app.database_backend(found)
    start = "`postbrush run`"
    if found.is_service:
        start = "`sudo systemctl start postbrush`"
    return f"no database at {place} yet: start the daemon with {start}"


@asynccontextmanager
async def write_session(found: Settings) -> AsyncIterator[Database]:
    """Open the database for one command's write, and wake the daemon after it."""
    place = app.database_backend(found)
    upgrade.require_current(place)
    if not upgrade.database_exists(place):
        raise DatabaseMissingError(explain_missing_database(found))
    db = Database(place)
    try:
        yield db
    finally:
        await db.close()
    await control.send_wake(app.socket_path(found))


def make_console() -> Console:
    """Return a console as wide as the terminal, or as it takes when there is none."""
    return Console(width=None if sys.stdout.isatty() else 160, highlight=False)


def print_result(data: object, *, json: bool, human: Callable[[Console], None]) -> None:
    """Print *data* as JSON, or what *human* makes of it."""
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


def make_table(*columns: str, title: str | None = None) -> Table:
    """Return an empty table in the house's style."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in columns:
        made.add_column(name, overflow="fold", header_style="bold")
    return made


def fill_table(made: Table, lines: Sequence[Sequence[object]]) -> Table:
    """Fill a table; text is shown as it is, never read as markup."""
    from rich.text import Text  # noqa: PLC0415 - keeps the import beside its use

    for line in lines:
        made.add_row(*[Text(str(cell)) for cell in line])
    return made


def format_image_count(count: int) -> str:
    """Return "1 image", "2 images"."""
    return f"{count} image{'' if count == 1 else 's'}"


def format_time(time: datetime | None, zone: tzinfo) -> str:
    """Return "24 Nov 10:15:03" in the owner's zone; "" for none."""
    return f"{time.astimezone(zone):%d %b %H:%M:%S}" if time else ""


def to_dict(record: Any) -> dict[str, Any]:  # noqa: ANN401 - any frozen dataclass
    """Return a record as a dictionary for --json."""
    from dataclasses import asdict  # noqa: PLC0415 - the same

    return asdict(record)
