"""A transaction, awaited: what may wait for others is done in a thread.

That is how a transaction begins, with its first statement, and how it ends.  Between
the two SQLite waits for nobody, and most statements take less time than a trip to a
thread; what goes over a network always takes the trip.  SQLAlchemy's asyncio extension
takes four trips for each, and brings its ORM along: 8 MB of every process for what is
not used here.
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

#: Statements, some milliseconds, after which others have a turn.
_STRETCH = 20


class TransactionPool:
    """An engine, and as many transactions at a time as it has connections.

    Args:
        begin: What a transaction begins with, in SQL.
        places: How many.
        ending: What one that changed something ends with, in SQL; empty: a commit.
        inline: Statements between the first and the end wait for nobody.
    """

    def __init__(
        self,
        engine: sa.Engine,
        begin: str,
        places: int,
        *,
        ending: str = "",
        inline: bool,
    ) -> None:
        self.engine = engine
        self.begin = begin
        self.ending = ending
        self.inline = inline
        self._places = asyncio.Semaphore(places)
        self._threads = ThreadPoolExecutor(places, thread_name_prefix="database")

    @asynccontextmanager
    async def transaction(self, *, commit: bool) -> AsyncIterator[Tx]:
        """Begin with the first statement; at the end commit, or keep nothing.

        An exception is the end of it, and nothing is kept.
        """
        async with self._places:
            tx = Tx(self)
            try:
                yield tx
            except BaseException:
                await self.run_in_thread(lambda: tx.end_transaction(commit=False))
                raise
            await self.run_in_thread(lambda: tx.end_transaction(commit=commit))

    async def run_in_thread(self, work: Callable[[], T]) -> T:
        """Do it in a thread.

        To its end, even when we are cancelled meanwhile: a connection is one's alone.
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
            future.exception()  # looked at: nobody else will
            raise cancelled
        return future.result()

    async def close(self) -> None:
        """Close all connections."""
        await self.run_in_thread(self.engine.dispose)
        self._threads.shutdown(wait=False)


class Tx:
    """A transaction under way."""

    def __init__(self, pool: TransactionPool) -> None:
        self._pool = pool
        self._connection: sa.Connection | None = None
        self._done = 0
        self._changed = False
        self._failed = False

    async def execute(
        self, statement: sa.Executable, values: Values | None = None
    ) -> sa.CursorResult[*tuple[Any, ...]]:
        """Send a statement; the rows it returns are all here."""
        return await self._execute_statement(
            statement, values, inline=self._pool.inline
        )

    async def execute_in_thread(
        self, statement: sa.Executable, values: Values | None = None
    ) -> sa.CursorResult[*tuple[Any, ...]]:
        """Send a statement that may take long, in a thread: nobody waits for it."""
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
                self._done += 1
                if self._done % _STRETCH == 0:
                    await asyncio.sleep(0)
            else:
                result = await self._pool.run_in_thread(
                    lambda: _fetch_result(connection, statement, values)
                )
        except DBAPIError:
            self._failed = True
            raise
        found = cast("sa.CursorResult[*tuple[Any, ...]]", result)
        if statement.is_dml and found.rowcount != 0:
            self._changed = True
        return found

    def _begin_with_retry(
        self, statement: sa.Executable, values: Values | None
    ) -> sa.Result[*tuple[Any, ...]]:
        try:
            return self._begin_once(statement, values)
        except DBAPIError as error:
            # The server went away while the connection lay in the pool, which has
            # thrown away all it had by now; nothing was done yet that could be lost.
            if not error.connection_invalidated or self._connection is None:
                raise
            self._connection.close()
            self._connection = None
        return self._begin_once(statement, values)

    def _begin_once(
        self, statement: sa.Executable, values: Values | None
    ) -> sa.Result[*tuple[Any, ...]]:
        self._connection = self._pool.engine.connect()
        self._connection.exec_driver_sql(self._pool.begin)
        return _fetch_result(self._connection, statement, values)

    def end_transaction(self, *, commit: bool) -> None:
        """End it; in the thread.

        Raises:
            DatabaseError: A statement had failed, which PostgreSQL would answer with
                a rollback that nobody hears of.
        """
        if self._connection is None:
            return
        with self._connection:
            if not commit:
                return
            if self._failed:
                raise DatabaseError("a statement failed, so nothing was written")
            if self._changed and self._pool.ending:
                self._connection.exec_driver_sql(self._pool.ending)
            self._connection.commit()


def _fetch_result(
    connection: sa.Connection, statement: sa.Executable, values: Values | None
) -> sa.Result[*tuple[Any, ...]]:
    result = connection.execute(statement, values)
    # Where an insert returns the new id, its result is what knows it.
    asks = result.returns_rows and not statement.is_dml
    return result.freeze()() if asks else result
