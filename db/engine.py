"""An open database: one connection writes, a few read without waiting for it.

The other modules of this package are functions of a transaction (`Tx`) opened here.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from db.backend import Backend, translate_errors
from db.errors import DatabaseError
from db.tx import TransactionPool, Tx

__all__ = ["Database", "Tx"]

#: Reading connections that stay open, and further ones that are closed after use.
_READERS, _OVERFLOW_READERS = 2, 1


class Database:
    """One open database; it connects with the first statement.

    Args:
        backend: The kind of database and its address.
        readonly: Refuse writing transactions.
        changed: Called after every committed writing transaction.

    Attributes:
        who: Random id of this process, sent to the others with every change.

    Raises:
        DatabaseUnusableError: The driver is not installed.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        readonly: bool = False,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.backend = backend
        self.who = secrets.token_hex(8)
        self._changed = changed
        self._reader = _create_pool(
            backend, backend.begin_read_sql, size=_READERS, overflow=_OVERFLOW_READERS
        )
        self._writer: TransactionPool | None = None
        if not readonly:
            self._writer = _create_pool(
                backend,
                backend.begin_write_sql,
                size=1,
                commit_sql=backend.commit_sql(self.who),
            )

    @property
    def folder(self) -> Path | None:
        """The local folder whose disk the database fills; None for a server."""
        return self.backend.folder

    @asynccontextmanager
    async def read_transaction(self) -> AsyncIterator[Tx]:
        """Read one snapshot, taken at the first statement.

        Raises:
            DatabaseAwayError: The server cannot be reached.
        """
        with translate_errors(self.backend):
            async with self._reader.transaction(commit=False) as tx:
                yield tx

    @asynccontextmanager
    async def write_transaction(self) -> AsyncIterator[Tx]:
        """Run one writing transaction: commit at the end, roll back on an exception.

        Raises:
            DatabaseError: The database was opened with `readonly`.
            DiskFullError: The disk is full; nothing was written.
            DatabaseBusyError: Another process held the write lock for ten seconds.
            DatabaseAwayError: The server cannot be reached.
        """
        if self._writer is None:
            raise DatabaseError("opened for reading only")
        with translate_errors(self.backend):
            async with self._writer.transaction(commit=True) as tx:
                yield tx
        self._changed()

    async def close(self) -> None:
        """Close all connections."""
        await self._reader.close()
        if self._writer is not None:
            await self._writer.close()


def _create_pool(
    backend: Backend,
    begin_sql: str,
    *,
    size: int,
    overflow: int = 0,
    commit_sql: str = "",
) -> TransactionPool:
    return TransactionPool(
        backend.create_engine(size=size, overflow=overflow),
        begin_sql,
        size + overflow,
        commit_sql=commit_sql,
        inline=backend.inline,
    )
