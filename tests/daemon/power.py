"""Lives that end in the middle, and the database they begin with."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from db import upgrade
from db.engine import Database, Tx
from db.sqlite import Sqlite


class PowerCut:
    """Ends the life of a daemon at a commit, which is kept or lost with it."""

    def __init__(self, commits: int, *, kept: bool) -> None:
        self.left, self.kept = commits, kept
        self.gone = asyncio.Event()

    def over(self, db: Database) -> Callable[[], AbstractAsyncContextManager[Tx]]:
        writing = db.write_transaction

        @contextlib.asynccontextmanager
        async def counted() -> AsyncIterator[Tx]:
            self._dead_write_nothing()
            async with writing() as tx:
                yield tx
                self._dead_write_nothing()
                self.left -= 1
                if self.left < 0 and not self.kept:
                    self._die()
            if self.left < 0:
                self._die()

        return counted

    def _dead_write_nothing(self) -> None:
        if self.gone.is_set():
            raise asyncio.CancelledError

    def _die(self) -> None:
        self.gone.set()
        raise asyncio.CancelledError


@functools.cache
def empty_database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "empty.db"
        upgrade.upgrade_schema(Sqlite(made))
        return made.read_bytes()
