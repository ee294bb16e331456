"""The engine: SQLite in WAL, every writing transaction BEGIN IMMEDIATE.

One connection writes; readers have their own and never wait for it.  The other
modules of this package are functions of a transaction (`Tx`) opened here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from db.errors import (
    DatabaseBusyError,
    DatabaseError,
    DatabaseUnusableError,
    DiskFullError,
)
from db.tx import Pool, Tx

__all__ = ["Database", "Tx", "translate"]

BUSY_TIMEOUT_MS = 10_000
#: KiB of pages that each connection keeps beside the system's own cache of the file;
#: what another has written empties it anyway.  SQLite's default is 2,000.
_CACHE_KIB = 256
#: Prepared statements that each keeps, up to 30 KB apiece; the default is 128.
_STATEMENTS = 8
#: Readers that stay open, and how many more there may be for a moment.
_READERS, _MORE_READERS = 2, 1


class Database:
    """The database of one data_dir, open.

    Args:
        path: Of the file.
        readonly: Nothing is ever changed; the file need not exist before it is read.
        changed: Told after every transaction that was committed.
    """

    def __init__(
        self,
        path: Path,
        *,
        readonly: bool = False,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.path = path
        self._changed = changed
        self._reader = _pool(path, "BEGIN", size=_READERS, more=_MORE_READERS)
        self._writer = None if readonly else _pool(path, "BEGIN IMMEDIATE", size=1)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Tx]:
        """A consistent view; sees nothing that is committed after it began."""
        with _in_our_words(self.path):
            async with self._reader.transaction(commit=False) as tx:
                yield tx

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Tx]:
        """One transaction, committed at the end, rolled back by an exception.

        Raises:
            DiskFullError: Nothing was written.
            DatabaseBusyError: Another process wrote for ten seconds.
        """
        if self._writer is None:
            raise DatabaseError("opened for reading only")
        with _in_our_words(self.path):
            async with self._writer.transaction(commit=True) as tx:
                yield tx
        self._changed()

    async def close(self) -> None:
        await self._reader.close()
        if self._writer is not None:
            await self._writer.close()


def _pool(path: Path, begin: str, *, size: int, more: int = 0) -> Pool:
    engine = sa.create_engine(
        f"sqlite:///{path}",
        pool_size=size,
        max_overflow=more,
        connect_args={"cached_statements": _STATEMENTS},
    )
    sa.event.listen(engine, "connect", _set_up)
    return Pool(engine, begin, size + more)


def _set_up(connection: Any, _record: object) -> None:  # noqa: ANN401 - untyped by the DBAPI
    # The driver would begin transactions by itself, and never IMMEDIATE ones.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"cache_size=-{_CACHE_KIB}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


class _in_our_words:  # noqa: N801 - reads as a phrase where it is used
    """Turn what SQLite says into the errors of this package."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _tb: object) -> None:
        original: BaseException | None = error
        if isinstance(error, DBAPIError):
            original = error.orig
        if isinstance(original, sqlite3.Error):
            raise translate(original, self._path) from error


def translate(error: BaseException, path: Path) -> DatabaseError:
    """Return what *error* of sqlite3 means, with its own words kept."""
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
