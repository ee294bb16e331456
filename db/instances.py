"""The daemons that share a database: heartbeats, leaders, locks and notifications.

A daemon receives notifications and holds advisory locks on a PostgreSQL connection of
its own.  The server grants an advisory lock to one connection at a time, and releases
it when that connection ends, however it ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from db.engine import Tx
from db.errors import DatabaseAwayError
from db.mapping import CleanText, fetch_all, fetch_one, replace_row, values_of
from db.models import DaemonRecord
from db.tables import daemons

if TYPE_CHECKING:
    import psycopg

    from db.postgres import Postgres

#: Seconds between attempts to reconnect: the first pause and the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
#: Seconds that a query under way may still take when the session closes.
_CLOSE_TIMEOUT = 3.0

_ONE = sa.select(daemons).where(
    daemons.c.id == sa.bindparam("which", type_=CleanText())
)
_ALL = sa.select(daemons).order_by(daemons.c.started_at, daemons.c.id)
#: `LockSession` names its connection "postbrush ID", and holds locks of Notion tokens
#: only.
_LEADER_IDS = sa.text(
    "SELECT DISTINCT substr(application_name, 11) FROM pg_locks "
    "JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted "
    "AND datname = current_database() AND starts_with(application_name, 'postbrush ')"
)


async def record_heartbeat(tx: Tx, record: DaemonRecord) -> DaemonRecord:
    """Store a daemon's row with its heartbeat count raised by one; return the row."""
    stored = await fetch_one(tx, DaemonRecord, _ONE, which=record.id)
    count = stored.heartbeat_count + 1 if stored else 1
    raised = replace(record, heartbeat_count=count)
    await replace_row(tx, daemons, values_of(raised))
    return raised


async def list_others(tx: Tx, own: str = "") -> list[DaemonRecord]:
    """Return the registered daemons except *own*, in the order of their starts."""
    records = await fetch_all(tx, DaemonRecord, _ALL)
    return [record for record in records if record.id != own]


async def leader_ids(tx: Tx) -> set[str]:
    """Return the ids of the daemons that lead a Notion token now; PostgreSQL only."""
    return set((await tx.execute(_LEADER_IDS)).scalars())


async def deregister_daemon(tx: Tx, daemon_id: str) -> bool:
    """Delete a daemon's row; return whether there was one."""
    deleted = await tx.execute(daemons.delete().where(daemons.c.id == daemon_id))
    return deleted.rowcount > 0


def lock_key(text: str) -> int:
    """Return the key of the lock named *text*: 64 bits of its SHA-256, signed."""
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


@dataclass(slots=True, kw_only=True)
class LockSession:
    """The locks and notifications of one daemon, on a connection that `run` keeps open.

    Args:
        sender_id: `Database.sender_id` of this process, whose own notifications are
            ignored.
        instance_id: Id of the daemon; part of the connection's application name, so
            that the server shows which daemon holds a lock.
        on_change: Called with the `sender_id` of a process that committed a change,
            and with "" after a reconnect, because notifications may have been missed.
        on_lost: Called when the connection is lost, and with it every lock.
        sleep: Waits for the given number of seconds.
    """

    backend: Postgres
    sender_id: str
    instance_id: str
    on_change: Callable[[str], None]
    on_lost: Callable[[], None]
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
        return f"postbrush {self.instance_id}"

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
                self.on_change("")
                await self._listen_until_lost()
        finally:
            await self._close_connection()

    async def _open_connection(self) -> None:
        import psycopg  # noqa: PLC0415 - 70 ms and 8 MB, PostgreSQL only

        try:
            connection = await psycopg.AsyncConnection.connect(
                autocommit=True,
                **self.backend.connection_parameters()
                | {"application_name": self._application_name},
            )
            try:
                await connection.execute(self.backend.listen_sql.encode())
            except psycopg.Error:
                await connection.close()
                raise
        except psycopg.Error as error:
            away = self.backend.translate_driver_error(error, cut=True)
            raise DatabaseAwayError(str(away)) from error
        connection.add_notify_handler(self._handle_notification)
        self._connection = connection
        self._connected.set()

    def _handle_notification(self, notification: psycopg.Notify) -> None:
        if notification.payload != self.sender_id:
            self.on_change(notification.payload)

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
        import psycopg  # noqa: PLC0415 - 70 ms and 8 MB, PostgreSQL only

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
        self.on_lost()
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
