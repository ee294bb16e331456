"""The database, open: one connection writes, a few read and never wait for it.

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

#: Readers that stay open, and how many more there may be for a moment.
_READERS, _MORE_READERS = 2, 1


class Database:
    """One database, open.

    Args:
        place: Where it is.
        readonly: Nothing is ever changed; it need not exist before it is read.
        changed: Told after every transaction that was committed.

    Attributes:
        who: What others are told this process is called when it changed something.

    Raises:
        DatabaseUnusableError: The driver it needs is not installed.
    """

    def __init__(
        self,
        place: Backend,
        *,
        readonly: bool = False,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.place = place
        self.who = secrets.token_hex(8)
        self._changed = changed
        self._reader = _create_pool(
            place, place.begin_read_sql, size=_READERS, more=_MORE_READERS
        )
        self._writer: TransactionPool | None = None
        if not readonly:
            ending = place.commit_sql(self.who)
            self._writer = _create_pool(
                place, place.begin_write_sql, size=1, ending=ending
            )

    @property
    def folder(self) -> Path | None:
        """The folder of this machine that it needs room in; None: none."""
        return self.place.folder

    @asynccontextmanager
    async def read_transaction(self) -> AsyncIterator[Tx]:
        """A consistent view; sees nothing that is committed after it began.

        Raises:
            DatabaseAwayError: The server cannot be reached.
        """
        with translate_errors(self.place):
            async with self._reader.transaction(commit=False) as tx:
                yield tx

    @asynccontextmanager
    async def write_transaction(self) -> AsyncIterator[Tx]:
        """One transaction, committed at the end, rolled back by an exception.

        Raises:
            DiskFullError: Nothing was written.
            DatabaseBusyError: Another process wrote for ten seconds.
            DatabaseAwayError: The server cannot be reached.
        """
        if self._writer is None:
            raise DatabaseError("opened for reading only")
        with translate_errors(self.place):
            async with self._writer.transaction(commit=True) as tx:
                yield tx
        self._changed()

    async def close(self) -> None:
        await self._reader.close()
        if self._writer is not None:
            await self._writer.close()


def _create_pool(
    place: Backend, begin: str, *, size: int, more: int = 0, ending: str = ""
) -> TransactionPool:
    engine = place.create_engine(size=size, more=more)
    return TransactionPool(
        engine, begin, size + more, ending=ending, inline=place.inline
    )
