"""Transactions for asyncio; statements that can block run in a thread.

BEGIN, with the first statement, and COMMIT can block.  Between the two SQLite cannot
block, and most of its statements take less time than a switch to a thread and back.
Statements to PostgreSQL always run in a thread.  SQLAlchemy's asyncio extension
switches four times per statement, and loads the unused ORM, 8 MB in every process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from db.errors import DatabaseError

T = TypeVar("T")
Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]

#: Inline statements, some milliseconds, after which other tasks get to run.
_STATEMENTS_PER_YIELD = 20


class TransactionPool:
    """Runs as many transactions at a time as the engine has connections.

    Args:
        engine: Its driver begins no transaction on its own.
        begin_sql: Begins a transaction.
        size: Number of connections.
        commit_sql: Ends a transaction that changed something; empty for a plain commit.
        inline: Statements after the first cannot block and need no thread.
    """

    def __init__(
        self,
        engine: sa.Engine,
        begin_sql: str,
        size: int,
        *,
        commit_sql: str = "",
        inline: bool,
    ) -> None:
        self.engine = engine
        self.begin_sql = begin_sql
        self.commit_sql = commit_sql
        self.inline = inline
        self._free = asyncio.Semaphore(size)
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="database")

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
    ) -> sa.CursorResult[*tuple[Any, ...]]:
        """Execute a statement and fetch all its rows.

        Raises:
            DBAPIError: The statement failed; the transaction cannot be committed.
        """
        return await self._execute_statement(
            statement, values, inline=self._pool.inline
        )

    async def execute_in_thread(
        self, statement: sa.Executable, values: Values | None = None
    ) -> sa.CursorResult[*tuple[Any, ...]]:
        """Execute a slow statement in a thread, without blocking the event loop."""
        return await self._execute_statement(statement, values, inline=False)

    async def _execute_statement(
        self, statement: sa.Executable, values: Values | None, *, inline: bool
    ) -> sa.CursorResult[*tuple[Any, ...]]:
        connection = self._connection
        try:
            if connection is None:
                result = await self._pool.run_in_thread(
                    lambda: self._begin_with_retry(statement, values)
                )
            elif inline:
                result = _fetch_result(connection, statement, values)
                self._inline_count += 1
                if self._inline_count % _STATEMENTS_PER_YIELD == 0:
                    await asyncio.sleep(0)
            else:
                result = await self._pool.run_in_thread(
                    lambda: _fetch_result(connection, statement, values)
                )
        except DBAPIError:
            self._failed = True
            raise
        cursor = cast("sa.CursorResult[*tuple[Any, ...]]", result)
        if statement.is_dml and cursor.rowcount != 0:
            self._changed = True
        return cursor

    def _begin_with_retry(
        self, statement: sa.Executable, values: Values | None
    ) -> sa.Result[*tuple[Any, ...]]:
        try:
            return self._begin_once(statement, values)
        except DBAPIError as error:
            # The server closed this connection while it was idle in the pool.  The pool
            # has discarded all its connections, and this transaction has done nothing
            # yet, so a second try is safe.
            if not error.connection_invalidated or self._connection is None:
                raise
            self._connection.close()
            self._connection = None
        return self._begin_once(statement, values)

    def _begin_once(
        self, statement: sa.Executable, values: Values | None
    ) -> sa.Result[*tuple[Any, ...]]:
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
                raise DatabaseError("a statement failed, so nothing was written")
            if self._changed and self._pool.commit_sql:
                self._connection.exec_driver_sql(self._pool.commit_sql)
            self._connection.commit()


def _fetch_result(
    connection: sa.Connection, statement: sa.Executable, values: Values | None
) -> sa.Result[*tuple[Any, ...]]:
    result = connection.execute(statement, values)
    # An insert may return the new id as a row, but callers need the original result
    # for `inserted_primary_key`.
    is_query = result.returns_rows and not statement.is_dml
    return result.freeze()() if is_query else result
