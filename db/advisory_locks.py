"""One PostgreSQL connection that receives notifications and holds advisory locks.

The server grants an advisory lock to one connection at a time, and releases it when
that connection ends, however it ends.  A lost connection has lost all its locks.
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

#: Seconds between attempts to reconnect: the first pause and the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
#: Seconds that a query under way may still take when the session closes.
_CLOSE_TIMEOUT = 3.0


def lock_key(text: str) -> int:
    """Return the key of the lock named *text*: 64 bits of its SHA-256, signed."""
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


@dataclass(slots=True, kw_only=True)
class LockSession:
    """The locks and notifications of one daemon, on a connection that `run` keeps open.

    Args:
        place: The server and its database.
        who: `Database.who` of this process; its own notifications are ignored.
        daemon: Id of the daemon; the connection's application name contains it, so
            that the server shows which daemon holds a lock.
        heard: Called with the `Database.who` of a process that committed a change,
            and with "" after a reconnect, because notifications may have been missed.
        lost: Called when the connection is lost, and with it every lock.
        sleep: Waits for the given number of seconds.
    """

    place: Postgres
    who: str
    daemon: str
    heard: Callable[[str], None]
    lost: Callable[[], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _connection: psycopg.AsyncConnection[Any] | None = None
    _held: set[int] = field(default_factory=set)
    _closing: bool = False
    #: Set when the socket is readable: by a notification, or by the end of input.
    _readable: asyncio.Event = field(default_factory=asyncio.Event)
    _connected: asyncio.Event = field(default_factory=asyncio.Event)
    #: Held during a query and during close: the driver crashes when a connection is
    #: closed in the middle of a query.
    _exclusive: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def _application_name(self) -> str:
        return f"postbrush {self.daemon}"

    @property
    def held_locks(self) -> frozenset[int]:
        """The keys of the locks that this session holds now."""
        return frozenset(self._held)

    @property
    def is_connected(self) -> bool:
        """Whether notifications arrive now."""
        return self._connection is not None

    async def wait_connected(self) -> None:
        """Wait until the connection is open."""
        await self._connected.wait()

    async def run(self) -> None:
        """Keep the connection open until cancelled; reconnect when it is lost."""
        pause = _FIRST_PAUSE
        try:
            while not self._closing:
                try:
                    await self._open_connection()
                except DatabaseAwayError:
                    await self.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                    continue
                pause = _FIRST_PAUSE
                self.heard("")
                await self._listen_until_lost()
        finally:
            await self._close_connection()

    async def _open_connection(self) -> None:
        import psycopg  # noqa: PLC0415 - installed only where PostgreSQL is used

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
        self._connected.set()

    def _handle_notification(self, notification: psycopg.Notify) -> None:
        if notification.payload != self.who:
            self.heard(notification.payload)

    async def _listen_until_lost(self) -> None:
        """Receive notifications until the connection ends."""
        connection = self._connection
        if connection is None:
            return
        # A duplicate of the socket's descriptor.  The driver registers the original
        # while it waits for an answer, and removes that reader afterwards.
        descriptor = os.dup(connection.fileno())
        loop = asyncio.get_running_loop()

        def set_readable() -> None:
            loop.remove_reader(descriptor)
            self._readable.set()

        try:
            while self._connection is connection:
                self._readable.clear()
                loop.add_reader(descriptor, set_readable)
                await self._readable.wait()
                # The query reads pending notifications, or detects the end of input.
                await self._query_row("SELECT 1")
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    async def has_twin(self) -> bool:
        """Return whether another connection has the id of this daemon."""
        row = await self._query_row(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s "
            "AND datname = current_database() AND pid <> pg_backend_pid()",
            self._application_name,
        )
        return row is not None and bool(row[0])

    async def try_lock(self, key: int) -> bool:
        """Take a free lock without waiting; return whether this session holds it."""
        # Shielded, so that `held_locks` is right even when the caller is cancelled.
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
        """Release a lock; a lock that is not held is ignored."""
        if key in self._held:
            self._held.discard(key)
            await self._query_row("SELECT pg_advisory_unlock(%s::bigint)", key)

    async def _query_row(
        self, query: str, *values: int | str
    ) -> tuple[Any, ...] | None:
        """Return the first row; None if the connection is lost."""
        import psycopg  # noqa: PLC0415 - installed only where PostgreSQL is used

        async with self._exclusive:
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
        # Nothing more arrives: end the wait in `_listen_until_lost`.
        self._readable.set()
        with suppress(Exception):
            await connection.close()

    def _reset_state(self) -> None:
        self._connection = None
        self._connected.clear()
        self._held.clear()

    async def _close_connection(self) -> None:
        self._closing = True
        self._readable.set()
        # An unanswered query ends with the process, so the wait is bounded.
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT), self._exclusive:
                connection = self._connection
                self._reset_state()
                if connection is not None:
                    await connection.close()
        self._reset_state()

    def _away_error(self, error: BaseException) -> DatabaseAwayError:
        return DatabaseAwayError(
            str(self.place.translate_driver_error(error, cut=True))
        )
