"""An open database: one connection writes, a few read without waiting for it.

The other modules of this package are functions of a transaction (`Tx`) opened here.

Statements that can block run in a thread: BEGIN, with the first statement, and COMMIT.
Between the two SQLite cannot block, and most of its statements take less time than a
switch to a thread and back.  Statements to PostgreSQL always run in a thread.
SQLAlchemy's asyncio extension switches four times per statement, and loads the unused
ORM, 8 MB in every process.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from db.backend import Backend, translate_errors
from db.errors import DatabaseError

T = TypeVar("T")
Values: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]]
Result: TypeAlias = sa.CursorResult[*tuple[Any, ...]]

#: Reading connections that stay open, and further ones that are closed after use.
_READERS, _OVERFLOW_READERS = 2, 1
#: Inline statements, some milliseconds, after which other tasks get to run.
_STATEMENTS_PER_YIELD = 20


class Database:
    """One open database; it connects with the first statement.

    Args:
        backend: The kind of database and its address.
        readonly: Refuse writing transactions.
        changed: Called after every committed writing transaction.

    Attributes:
        sender_id: Random id of this process, sent to the others with every change.

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
        backend = backend.for_reading() if readonly else backend
        self.backend = backend
        self.sender_id = secrets.token_hex(8)
        self._changed = changed
        self._reader = TransactionPool(
            backend, backend.begin_read_sql, size=_READERS, overflow=_OVERFLOW_READERS
        )
        self._writer: TransactionPool | None = None
        if not readonly:
            self._writer = TransactionPool(
                backend,
                backend.begin_write_sql,
                size=1,
                commit_sql=backend.commit_sql(self.sender_id),
            )

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
            raise DatabaseError("The database was opened for reading only")
        with translate_errors(self.backend):
            async with self._writer.transaction(commit=True) as tx:
                yield tx
        self._changed()

    async def close(self) -> None:
        """Close all connections."""
        await self._reader.close()
        if self._writer is not None:
            await self._writer.close()


class TransactionPool:
    """Runs as many transactions at a time as it has connections.

    Args:
        begin_sql: Begins a transaction.
        size: Connections that stay open.
        overflow: Further connections that are closed after use.
        commit_sql: Ends a transaction that changed something; empty for a plain commit.
    """

    def __init__(
        self,
        backend: Backend,
        begin_sql: str,
        *,
        size: int,
        overflow: int = 0,
        commit_sql: str = "",
    ) -> None:
        self.engine = backend.create_engine(size=size, overflow=overflow)
        self.inline = backend.inline
        self.begin_sql = begin_sql
        self.commit_sql = commit_sql
        self._free = asyncio.Semaphore(size + overflow)
        self._threads = ThreadPoolExecutor(
            size + overflow, thread_name_prefix="database"
        )

    @asynccontextmanager
    async def transaction(self, *, commit: bool) -> AsyncIterator[Tx]:
        """Begin at the first statement; at the end commit, or roll back.

        Args:
            commit: Commit at the end.  An exception always rolls back.
        """
        async with self._free:
            tx = Tx(self)
            try:
                yield tx
            except BaseException:
                await self.run_in_thread(lambda: tx.end_transaction(commit=False))
                raise
            await self.run_in_thread(lambda: tx.end_transaction(commit=commit))

    async def run_in_thread(self, work: Callable[[], T]) -> T:
        """Call *work* in a thread and wait for its end.

        A cancellation is raised only after *work* has ended, because its connection
        must not be used by two threads.
        """
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads, work)
        cancelled: asyncio.CancelledError | None = None
        while not future.done():
            try:
                await asyncio.wait({future})
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            future.exception()  # Retrieved, so that asyncio does not log it as lost.
            raise cancelled
        return future.result()

    async def close(self) -> None:
        """Close all connections."""
        await self.run_in_thread(self.engine.dispose)
        self._threads.shutdown(wait=False)


class Tx:
    """One open transaction; it begins with its first statement."""

    def __init__(self, pool: TransactionPool) -> None:
        self._pool = pool
        self._connection: sa.Connection | None = None
        self._inline_count = 0
        self._changed = False
        self._failed = False

    async def execute(
        self, statement: sa.Executable, values: Values | None = None
    ) -> Result:
        """Execute a statement and fetch all its rows.

        Raises:
            DBAPIError: The statement failed; the transaction cannot be committed.
        """
        if not self._pool.inline or self._connection is None:
            return await self.execute_in_thread(statement, values)
        result = self._execute(statement, values)
        self._inline_count += 1
        if self._inline_count % _STATEMENTS_PER_YIELD == 0:
            await asyncio.sleep(0)
        return result

    async def execute_in_thread(
        self, statement: sa.Executable, values: Values | None = None
    ) -> Result:
        """Execute a slow statement in a thread, without blocking the event loop."""
        return await self._pool.run_in_thread(lambda: self._execute(statement, values))

    def _execute(self, statement: sa.Executable, values: Values | None) -> Result:
        try:
            if self._connection is None:
                result = self._begin_with_retry(statement, values)
            else:
                result = _fetch_result(self._connection, statement, values)
        except DBAPIError:
            self._failed = True
            raise
        if statement.is_dml and result.rowcount != 0:
            self._changed = True
        return result

    def _begin_with_retry(
        self, statement: sa.Executable, values: Values | None
    ) -> Result:
        try:
            return self._begin(statement, values)
        except DBAPIError as error:
            # The server closed this connection while it was idle in the pool.  The pool
            # has discarded all its connections, and this transaction has done nothing
            # yet, so a second try is safe.
            if not error.connection_invalidated or self._connection is None:
                raise
            self._connection.close()
        return self._begin(statement, values)

    def _begin(self, statement: sa.Executable, values: Values | None) -> Result:
        self._connection = None
        self._connection = self._pool.engine.connect()
        self._connection.exec_driver_sql(self._pool.begin_sql)
        return _fetch_result(self._connection, statement, values)

    def end_transaction(self, *, commit: bool) -> None:
        """Commit or roll back; called in a thread.

        Raises:
            DatabaseError: A statement failed before.  PostgreSQL would answer COMMIT
                with a rollback, without an error.
        """
        if self._connection is None:
            return
        with self._connection:
            if not commit:
                return
            if self._failed:
                raise DatabaseError("A statement failed, so nothing was written")
            if self._changed and self._pool.commit_sql:
                self._connection.exec_driver_sql(self._pool.commit_sql)
            self._connection.commit()


def _fetch_result(
    connection: sa.Connection, statement: sa.Executable, values: Values | None
) -> Result:
    result = connection.execute(statement, values)
    # An insert may return the new id as a row, but callers need the original result
    # for `inserted_primary_key`.
    is_query = result.returns_rows and not statement.is_dml
    return cast("Result", result.freeze()()) if is_query else result
