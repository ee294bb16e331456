"""To be there: one connection to PostgreSQL that hears the others and holds locks.

The server gives a lock to one connection and takes it back when that ends, however it
ends: whoever holds one knows that nobody else does, and whoever loses the connection
has lost them all.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from db.errors import DatabaseAwayError
from db.postgres import CHANNEL, SESSION, Postgres

if TYPE_CHECKING:
    import psycopg

#: Pauses between attempts to come back, in seconds: the first, and the longest.
_SHORTEST, _LONGEST = 1.0, 30.0
#: Seconds in which a question under way may still be answered.
_LEAVING = 3.0


def lock_key(text: str) -> int:
    """Return the number of a lock: of the same text the same, of 64 bits, signed."""
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


@dataclass(slots=True, kw_only=True)
class LockSession:
    """What one daemon is to the others; `run` keeps it up until it is cancelled.

    Args:
        place: Where they meet.
        who: What is not told to us again: `Database.who`.
        daemon: Id of the daemon, by which the server shows whose its locks are.
        heard: Called with who changed something; with "" when some may have been
            missed.
        lost: Called when the connection is gone, and with it every lock.
        sleep: Waits for so many seconds.
    """

    place: Postgres
    who: str
    daemon: str
    heard: Callable[[str], None]
    lost: Callable[[], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _connection: psycopg.AsyncConnection[Any] | None = None
    _held: set[int] = field(default_factory=set)
    _left: bool = False
    #: Set when there is something to read: a notification, or the end.
    _stirred: asyncio.Event = field(default_factory=asyncio.Event)
    _there: asyncio.Event = field(default_factory=asyncio.Event)
    #: Of whoever asks, or closes: the driver crashes when closed in the middle.
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def _application_name(self) -> str:
        return f"postbrush {self.daemon}"

    @property
    def held_locks(self) -> frozenset[int]:
        """The locks we have now."""
        return frozenset(self._held)

    @property
    def is_connected(self) -> bool:
        """Whether the others can be heard now."""
        return self._connection is not None

    async def wait_connected(self) -> None:
        """Wait for the connection."""
        await self._there.wait()

    async def run(self) -> None:
        """Be there; come back whenever the connection is lost."""
        pause = _SHORTEST
        try:
            while not self._left:
                try:
                    await self._open_connection()
                except DatabaseAwayError:
                    await self.sleep(pause)
                    pause = min(2 * pause, _LONGEST)
                    continue
                pause = _SHORTEST
                self.heard("")
                await self._listen_until_lost()
        finally:
            await self._close_connection()

    async def _open_connection(self) -> None:
        import psycopg  # noqa: PLC0415 - only who has several daemons needs it

        try:
            connection = await psycopg.AsyncConnection.connect(
                autocommit=True,
                **self.place.connection_parameters()
                | {"application_name": self._application_name},
            )
        except psycopg.Error as error:
            raise self._away_error(error) from error
        try:
            await connection.execute(f"{SESSION} LISTEN {CHANNEL}".encode())
        except psycopg.Error as error:
            await connection.close()
            raise self._away_error(error) from error
        connection.add_notify_handler(self._handle_notification)
        self._connection = connection
        self._there.set()

    def _handle_notification(self, notice: psycopg.Notify) -> None:
        if notice.payload != self.who:
            self.heard(notice.payload)

    async def _listen_until_lost(self) -> None:
        """Wait for what comes unasked, until the connection ends."""
        connection = self._connection
        if connection is None:
            return
        # A number of our own for its socket: the driver watches that under its own
        # while it waits for an answer, and forgets it then.
        ear = os.dup(connection.fileno())
        loop = asyncio.get_running_loop()

        def stir() -> None:
            loop.remove_reader(ear)
            self._stirred.set()

        try:
            while self._connection is connection:
                self._stirred.clear()
                loop.add_reader(ear, stir)
                await self._stirred.wait()
                # Reads whatever has come, or finds that it was the end.
                await self._query_row("SELECT 1")
        finally:
            loop.remove_reader(ear)
            os.close(ear)

    async def has_twin(self) -> bool:
        """Say whether somebody else is there under the same name."""
        row = await self._query_row(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s "
            "AND datname = current_database() AND pid <> pg_backend_pid()",
            self._application_name,
        )
        return row is not None and bool(row[0])

    async def try_lock(self, key: int) -> bool:
        """Take a lock if nobody has it; say whether we have it now."""
        # To its end, even if nobody waits for it any more: `held_locks` has the truth.
        return await asyncio.shield(asyncio.ensure_future(self._acquire_lock(key)))

    async def _acquire_lock(self, key: int) -> bool:
        if key in self._held:
            return True
        row = await self._query_row("SELECT pg_try_advisory_lock(%s::bigint)", key)
        if row is None or not row[0]:
            return False
        self._held.add(key)
        return True

    async def unlock(self, key: int) -> None:
        """Give a lock back."""
        if key in self._held:
            self._held.discard(key)
            await self._query_row("SELECT pg_advisory_unlock(%s::bigint)", key)

    async def _query_row(
        self, query: str, *values: int | str
    ) -> tuple[Any, ...] | None:
        """Return the one row; None when there is no connection any more."""
        import psycopg  # noqa: PLC0415 - the same

        async with self._turn:
            connection = self._connection
            if connection is None:
                return None
            try:
                cursor = await connection.execute(query.encode(), values)
                return await cursor.fetchone()
            except psycopg.Error:
                await self._handle_lost(connection)
                return None

    async def _handle_lost(self, connection: psycopg.AsyncConnection[Any]) -> None:
        if self._connection is not connection:
            return
        self._reset_state()
        self.lost()
        # Whoever waits for something to read waits in vain.
        self._stirred.set()
        with suppress(Exception):
            await connection.close()

    def _reset_state(self) -> None:
        self._connection = None
        self._there.clear()
        self._held.clear()

    async def _close_connection(self) -> None:
        self._left = True
        self._stirred.set()
        # Not waited for: a question that nobody answers ends with the process.
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEAVING), self._turn:
                connection = self._connection
                self._reset_state()
                if connection is not None:
                    await connection.close()
        self._reset_state()

    def _away_error(self, error: BaseException) -> DatabaseAwayError:
        said = self.place.translate_driver_error(error, cut=True)
        return DatabaseAwayError(str(said))
