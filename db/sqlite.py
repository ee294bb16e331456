"""SQLite: a file in WAL mode; every writing transaction starts with BEGIN IMMEDIATE."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

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
#: KiB of pages that each connection caches, besides the system's cache of the file.  A
#: write by another connection empties it anyway.  SQLite's default is 2,000.
_CACHE_KIB = 64
#: Prepared statements that each connection caches, up to 30 KB each.  sqlite3's default
#: is 128.
_STATEMENTS = 4
#: Free bytes that opening a file in WAL mode needs: the log's index and first page.
_LOG_BYTES = 64 * 1024
_READ_PRAGMAS = (f"busy_timeout={_BUSY_TIMEOUT_MS}", f"cache_size=-{_CACHE_KIB}")
_PRAGMAS = (
    *_READ_PRAGMAS,
    *("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"),
)


class Sqlite(Backend):
    """The SQLite file at *path*, which may not exist yet."""

    inline: ClassVar[bool] = True
    begin_read_sql: ClassVar[str] = "BEGIN"
    begin_write_sql: ClassVar[str] = "BEGIN IMMEDIATE"

    def __init__(self, path: Path, *, immutable: bool = False) -> None:
        self.path = path
        self.folder = path.parent
        self._immutable = immutable

    def __str__(self) -> str:
        return str(self.path)

    def create_engine(self, *, size: int, overflow: int = 0) -> sa.Engine:
        """Return an engine whose driver begins no transaction on its own."""
        address = f"sqlite:///{self.path}"
        if self._immutable:
            address = f"sqlite:///{self.read_uri()}&uri=true"
        engine = sa.create_engine(
            address,
            pool_size=size,
            max_overflow=overflow,
            connect_args={"cached_statements": _STATEMENTS},
        )
        pragmas = _READ_PRAGMAS if self._immutable else _PRAGMAS
        sa.event.listen(engine, "connect", partial(_set_pragmas, pragmas))
        return engine

    def for_reading(self) -> Sqlite:
        """Return the same file for a process that only reads, for a short time."""
        return Sqlite(self.path, immutable=self._must_be_immutable())

    def read_uri(self) -> str:
        """Return the URI of the file for a short reading connection."""
        flag = "immutable=1" if self._must_be_immutable() else "mode=ro"
        return f"file:{quote(str(self.path))}?{flag}"

    def _must_be_immutable(self) -> bool:
        """Return whether the file can only be read without its write-ahead log.

        SQLite opens a file in WAL mode only if it can write to the folder.  Without a
        log no process has the file open, so that it does not change meanwhile.
        """
        try:
            disk = os.statvfs(self.path.parent)
        except OSError:
            return False
        is_full = disk.f_bavail * disk.f_frsize < _LOG_BYTES
        has_log = self.path.with_name(f"{self.path.name}-wal").exists()
        return not has_log and (is_full or bool(disk.f_flag & os.ST_RDONLY))

    def translate_error(self, error: BaseException) -> DatabaseError | None:
        """Return what an sqlite3 error means, wrapped by SQLAlchemy or not."""
        original = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(original, sqlite3.Error):
            return None
        return _to_database_error(original, self.path)

    def current_revision(self) -> str | None:
        """Return the revision of the schema, read without SQLAlchemy.

        Raises:
            DatabaseUnusableError: *path* is a folder, is damaged, or is a database of
                another program.
        """
        path = self.path
        if path.is_dir():
            raise DatabaseUnusableError(f"{path} is a folder. Move it away")
        if not path.exists() or path.stat().st_size == 0:
            return None
        with (
            translate_errors(self),
            closing(sqlite3.connect(self.read_uri(), uri=True)) as database,
        ):
            tables = database.execute("SELECT name FROM sqlite_master").fetchall()
            if not tables:
                return None
            if ("alembic_version",) not in tables:
                raise DatabaseUnusableError(
                    f"{path} is the database of another program. Move it away"
                )
            row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None

    def migration_engine(self) -> sa.Engine:
        """Return an engine without foreign key checks, for rebuilding tables."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return sa.create_engine("sqlite://", creator=self._connect_bare)

    def _connect_bare(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, timeout=_BUSY_TIMEOUT_MS / 1000
        )
        connection.execute("PRAGMA journal_mode=WAL")
        return connection

    def backup_before(self, change: str) -> Path:
        """Copy the database to a file next to it; return the copy's path."""
        target = self.path.with_name(f"{self.path.name}.before-{change}")
        target.unlink(missing_ok=True)
        with (
            closing(sqlite3.connect(self.path)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
        return target


def _set_pragmas(
    pragmas: Sequence[str],
    connection: Any,  # noqa: ANN401 - untyped by the DBAPI
    _record: object,
) -> None:
    # Otherwise sqlite3 begins transactions on its own, and never IMMEDIATE ones.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _to_database_error(error: sqlite3.Error, path: Path) -> DatabaseError:
    """Return what *error* means, with SQLite's own message."""
    text = str(error)
    match getattr(error, "sqlite_errorname", "") or text:
        case name if "FULL" in name:
            return DiskFullError(f"The disk is full. Nothing was written to {path}")
        case name if "BUSY" in name or "LOCKED" in name:
            return DatabaseBusyError(f"Another program has locked {path} ({text})")
        case name if "CORRUPT" in name or "NOTADB" in name:
            return DatabaseUnusableError(
                f"{path} is damaged ({text}). Move it away and restore a backup"
            )
        case name if "READONLY" in name or "CANTOPEN" in name or "PERM" in name:
            return DatabaseUnusableError(
                f"{path} cannot be opened for writing ({text}). Check its owner"
            )
        case _:
            return DatabaseError(f"{path}: {text}")
