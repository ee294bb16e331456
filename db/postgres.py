"""PostgreSQL, with one writing transaction at a time over all its clients.

SQLite has one writer because of BEGIN IMMEDIATE, and every decision of the daemon
(budgets, breakers, one open job per page, file names) is made in such a transaction.
On PostgreSQL every writing transaction takes the same advisory lock as it begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from db.backend import Backend
from db.errors import (
    DatabaseAwayError,
    DatabaseBusyError,
    DatabaseError,
    DatabaseUnusableError,
    DiskFullError,
)

#: The LISTEN channel of all processes that use the database.
_CHANNEL = "postbrush"
_MISSING = "psycopg, the PostgreSQL driver, is not installed. Run `make postgres`"
#: Key of the write lock: "postbrus" in ASCII, unlikely to collide.
_WRITER = 0x706F737462727573
#: The client detects a dead server within half a minute, even behind a firewall that
#: drops packets.
_CONNECT_OPTIONS: dict[str, Any] = {
    "application_name": "postbrush",
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
#: Settings of every session.  The server detects a dead client as fast, so that it
#: does not hold a lock.  `datestyle` and `timezone` make times independent of the
#: server's locale.  `synchronous_commit` keeps what is committed before money is
#: spent, even if the server crashes.
_SESSION = (
    "SET synchronous_commit = on; "
    "SET datestyle = 'ISO'; SET timezone = 'UTC'; "
    "SET idle_in_transaction_session_timeout = '60s'; "
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; "
    "SET tcp_keepalives_count = 3; SET tcp_user_timeout = 25000; "
)
_LOCK_TIMEOUT = "10s"
#: Longer, because another process may be migrating the schema.
_MIGRATION_LOCK_TIMEOUT = "10min"
#: Tables of the current schema that do not belong to an extension.
_TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
    AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
    )
"""


class Postgres(Backend):
    """A database on a PostgreSQL server.

    Args:
        url: Such as "postgresql+psycopg://user@host/name".
        password: Replaces a password in `url`, unless it is empty.

    Raises:
        DatabaseUnusableError: `url` is not such a URL.
    """

    inline: ClassVar[bool] = False
    begin_read_sql: ClassVar[str] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    begin_write_sql: ClassVar[str] = (
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
        f"SELECT pg_advisory_xact_lock({_WRITER})"
    )
    #: Prepares a connection of `db.instances.LockSession`, which hears all processes.
    listen_sql: ClassVar[str] = f"{_SESSION} LISTEN {_CHANNEL}"

    def __init__(self, url: str, password: str = "") -> None:
        try:
            parsed = sa.make_url(url)
        except (ArgumentError, ValueError):
            raise DatabaseUnusableError(
                "The address of a PostgreSQL database must be "
                "postgresql+psycopg://USER@HOST/DATABASE"
            ) from None
        if password:
            parsed = parsed.set(password=password)
        self.url = parsed.set(drivername="postgresql+psycopg")

    @property
    def _host(self) -> str:
        hosts = self.url.query.get("host", "")
        host = self.url.host or (hosts if isinstance(hosts, str) else ",".join(hosts))
        port = f":{self.url.port}" if self.url.port else ""
        return f"{host or 'localhost'}{port}"

    @property
    def _server(self) -> str:
        return f"PostgreSQL at {self._host}"

    def __str__(self) -> str:
        return f"{self._host}/{self.url.database} (PostgreSQL)"

    def __repr__(self) -> str:
        return f"Postgres({self})"

    def create_engine(self, *, size: int, overflow: int = 0) -> sa.Engine:
        """Return an engine in autocommit mode, for explicit BEGIN and COMMIT."""
        return self._create_engine(_LOCK_TIMEOUT, size=size, overflow=overflow)

    def _create_engine(
        self, lock_timeout: str, *, size: int, overflow: int = 0
    ) -> sa.Engine:
        try:
            engine = sa.create_engine(
                self.url,
                isolation_level="AUTOCOMMIT",
                pool_size=size,
                max_overflow=overflow,
                use_native_hstore=False,
                connect_args=self._connection_options(),
            )
        except ModuleNotFoundError:
            raise DatabaseUnusableError(_MISSING) from None
        settings = f"{_SESSION} SET lock_timeout = '{lock_timeout}'"

        def apply_settings(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's
            connection.execute(settings)

        sa.event.listen(engine, "connect", apply_settings)
        return engine

    def _connection_options(self) -> dict[str, Any]:
        return {k: v for k, v in _CONNECT_OPTIONS.items() if k not in self.url.query}

    def connection_parameters(self) -> dict[str, Any]:
        """Return the parameters of `psycopg.connect`, including the password."""
        _, from_url = self.url.get_dialect()().create_connect_args(self.url)
        return {**self._connection_options(), **from_url}

    def commit_sql(self, sender_id: str) -> str:
        """Return SQL that notifies and commits in one round trip.

        Raises:
            ValueError: *sender_id* has other characters than letters and digits.
        """
        if not sender_id.isalnum():
            raise ValueError(f"{sender_id!r} is not letters and digits")
        return f"SELECT pg_notify('{_CHANNEL}', '{sender_id}'); COMMIT"

    def translate_error(self, error: BaseException) -> DatabaseError | None:
        """Return what a psycopg error means that SQLAlchemy has wrapped."""
        if not isinstance(error, DBAPIError) or error.orig is None:
            return None
        return self.translate_driver_error(error.orig, cut=error.connection_invalidated)

    def translate_driver_error(
        self, error: BaseException, *, cut: bool
    ) -> DatabaseError:
        """Return what a psycopg error means.

        Args:
            cut: The error has ended its connection.
        """
        text = _server_message(error)
        match getattr(error, "sqlstate", None) or "":
            case "53100":
                return DiskFullError(f"The disk is full. Nothing was written to {self}")
            case "55P03":
                return DatabaseBusyError(
                    f"Another postbrush process has locked {self} for more than "
                    f"{_LOCK_TIMEOUT}"
                )
            case "42501":
                return DatabaseUnusableError(
                    f"{self}: {text}. Make {self._user} the owner of the database"
                )
            case "3F000":
                return DatabaseUnusableError(
                    f"{self} lacks a schema for tables. Run CREATE SCHEMA public"
                )
            # The connection is lost (08), the server is starting, stopping (57) or out
            # of connections (53), or it is a read-only standby (25006).
            case state if cut or state[:2] in {"08", "57", "53"} or state == "25006":
                return self._away_error(text)
            # psycopg has no SQLSTATE for errors before the login is complete.
            case "" if _is_operational(error):
                return self._login_error(text)
            case _:
                return DatabaseError(f"{self}: {text}")

    @property
    def _user(self) -> str:
        return self.url.username or "the user"

    def _away_error(self, text: str) -> DatabaseAwayError:
        return DatabaseAwayError(f"{self._server} cannot be reached: {text}")

    def _login_error(self, text: str) -> DatabaseError:
        if "password" in text:
            return DatabaseUnusableError(
                f"{self._server} rejects the password of {self._user} ({text}). "
                "Correct DATABASE_PASSWORD"
            )
        if "does not exist" in text or "pg_hba.conf" in text or "permission" in text:
            return DatabaseUnusableError(
                f"{self._server} rejects the connection ({text}). Create the user and "
                "the database (createuser, createdb), or correct database.url"
            )
        return self._away_error(text)

    def current_revision(self) -> str | None:
        """Return the revision of the schema; None for a database without tables.

        Raises:
            DatabaseUnusableError: The tables are another program's.
            DatabaseAwayError: The server cannot be reached.
        """
        with self.connect(self.begin_read_sql) as connection:
            tables = set(connection.exec_driver_sql(_TABLES).scalars())
            if not tables:
                return None
            if "alembic_version" not in tables:
                raise DatabaseUnusableError(
                    f"{self} has tables of another program. Create a database for "
                    "postbrush alone (createdb)"
                )
            query = "SELECT version_num FROM alembic_version"
            revision = connection.exec_driver_sql(query).scalar()
        return None if revision is None else str(revision)

    def migration_engine(self) -> sa.Engine:
        """Return an engine that waits up to ten minutes for another migration."""
        return self._create_engine(_MIGRATION_LOCK_TIMEOUT, size=1)

    def reset_sequences(
        self, writer: sa.Connection, tables: Sequence[sa.Table]
    ) -> None:
        """Set the sequence of each table to its highest id."""
        for table in tables:
            if table.autoincrement_column is None:
                continue
            last = sa.func.max(table.c.id)
            sequence = sa.func.pg_get_serial_sequence(table.name, "id")
            value = (sa.func.coalesce(last, 1), last.is_not(None))
            writer.execute(sa.select(sa.func.setval(sequence, *value)))


def _is_operational(error: BaseException) -> bool:
    return any(base.__name__ == "OperationalError" for base in type(error).__mro__)


def _server_message(error: BaseException) -> str:
    """Return the message of the server or the system, without libpq's prefix.

    libpq writes 'connection to server at "db", port 5432 failed: FATAL:  no such
    thing', and then lines with hints, or with the same for further addresses.
    """
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return first.rsplit(" failed: ", 1)[-1].removeprefix("FATAL:").strip()
