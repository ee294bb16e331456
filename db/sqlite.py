"""SQLite: a file in WAL, every writing transaction BEGIN IMMEDIATE."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from db.backend import Backend, translate_errors
from db.errors import (
    DatabaseBusyError,
    DatabaseError,
    DatabaseUnusableError,
    DiskFullError,
)

_BUSY_TIMEOUT_MS = 10_000
#: KiB of pages that each connection keeps beside the system's own cache of the file;
#: what another has written empties it anyway.  SQLite's default is 2,000.
_CACHE_KIB = 256
#: Prepared statements that each keeps, up to 30 KB apiece; the default is 128.
_STATEMENTS = 8


class Sqlite(Backend):
    """The file at a path."""

    inline: ClassVar[bool] = True
    begin_read_sql: ClassVar[str] = "BEGIN"
    begin_write_sql: ClassVar[str] = "BEGIN IMMEDIATE"

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def create_engine(self, *, size: int, more: int = 0) -> sa.Engine:
        """Return an engine; nobody needs a driver that Python has not got."""
        made = sa.create_engine(
            f"sqlite:///{self.path}",
            pool_size=size,
            max_overflow=more,
            connect_args={"cached_statements": _STATEMENTS},
        )
        sa.event.listen(made, "connect", _set_pragmas)
        return made

    def commit_sql(self, who: str) -> str:
        """Return nothing: the others of this machine are told by the control socket."""
        del who
        return ""

    def translate_error(self, error: BaseException) -> DatabaseError | None:
        """Return what an error of sqlite3 means, SQLAlchemy's or its own."""
        original = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(original, sqlite3.Error):
            return None
        return _to_database_error(original, self.path)

    def current_revision(self) -> str | None:
        """Return it without SQLAlchemy; an empty file is no database yet."""
        path = self.path
        if path.is_dir():
            raise DatabaseUnusableError(f"{path} is a folder: move it away")
        if not path.exists() or path.stat().st_size == 0:
            return None
        uri = f"file:{path}?mode=ro"
        with (
            translate_errors(self),
            closing(sqlite3.connect(uri, uri=True)) as database,
        ):
            tables = database.execute("SELECT name FROM sqlite_master").fetchall()
            if not tables:
                return None
            if ("alembic_version",) not in tables:
                raise DatabaseUnusableError(
                    f"{path} is a database of another program: move it away"
                )
            row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None

    def migration_engine(self) -> sa.Engine:
        """Return an engine that does not mind foreign keys while tables are remade."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return sa.create_engine("sqlite://", creator=self._connect_bare)

    def _connect_bare(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, timeout=_BUSY_TIMEOUT_MS / 1000
        )
        connection.execute("PRAGMA journal_mode=WAL")
        return connection

    def backup_before(self, change: str) -> Path:
        """Copy the file as it is, beside it."""
        target = self.path.with_name(f"{self.path.name}.before-{change}")
        target.unlink(missing_ok=True)
        with (
            closing(sqlite3.connect(self.path)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
        return target

    def reset_sequences(
        self, writer: sa.Connection, tables: Sequence[sa.Table]
    ) -> None:
        """Do nothing: an id is one more than the highest."""
        del writer, tables

    @property
    def folder(self) -> Path:
        return self.path.parent


def _set_pragmas(connection: Any, _record: object) -> None:  # noqa: ANN401 - untyped by the DBAPI
    # The driver would begin transactions by itself, and never IMMEDIATE ones.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"cache_size=-{_CACHE_KIB}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _to_database_error(error: sqlite3.Error, path: Path) -> DatabaseError:
    """Return what *error* means, with its own words kept."""
    text = str(error)
    match getattr(error, "sqlite_errorname", "") or text:
        case name if "FULL" in name:
            return DiskFullError(f"disk full: nothing was written to {path}")
        case name if "BUSY" in name or "LOCKED" in name:
            return DatabaseBusyError(f"{path} is held by another program: {text}")
        case name if "CORRUPT" in name or "NOTADB" in name:
            return DatabaseUnusableError(
                f"{path} is damaged ({text}): move it away and restore a backup"
            )
        case name if "READONLY" in name or "CANTOPEN" in name or "PERM" in name:
            return DatabaseUnusableError(
                f"{path} cannot be opened for writing ({text}): check its owner"
            )
        case _:
            return DatabaseError(f"{path}: {text}")
