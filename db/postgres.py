"""PostgreSQL: a server, one writer at a time over all who work with it.

SQLite has one writer because of BEGIN IMMEDIATE, and every decision of the daemon
(budgets, breakers, one open job a page, names of files) is made in such a
transaction.  Here each takes the same advisory lock as it begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from db.backend import Backend, translate_errors
from db.errors import (
    DatabaseAwayError,
    DatabaseBusyError,
    DatabaseError,
    DatabaseUnusableError,
    DiskFullError,
)

#: What everybody who works with the database listens on.
CHANNEL = "postbrush"
_MISSING = "psycopg, which speaks to PostgreSQL, is not installed: `make postgres`"
#: The lock of whoever writes; a number nobody else takes by chance.
_WRITER = 0x706F737462727573
#: A server that is gone is noticed within half a minute, whatever is between.
_CONNECTING: dict[str, Any] = {
    "application_name": "postbrush",
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
#: The same the other way round, so that nobody who is gone holds a lock.  Times are
#: written and read as every server writes them, wherever it is; and what is written
#: before money is spent is not forgotten by a crash, however the server is set up.
SESSION = (
    "SET synchronous_commit = on; "
    "SET datestyle = 'ISO'; SET timezone = 'UTC'; "
    "SET idle_in_transaction_session_timeout = '60s'; "
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; "
    "SET tcp_keepalives_count = 3; SET tcp_user_timeout = 25000; "
)
_PATIENCE = "10s"
#: Somebody else changes the schema, which may take its time.
_PATIENCE_TO_MIGRATE = "10min"
_TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
    AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
    )
"""


class Postgres(Backend):
    """A database of a server.

    Args:
        url: Such as "postgresql+psycopg://user@host/name"; a password in it counts
            unless `password` is given.

    Raises:
        DatabaseUnusableError: It is no such address.
    """

    inline: ClassVar[bool] = False
    begin_read_sql: ClassVar[str] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    begin_write_sql: ClassVar[str] = (
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
        f"SELECT pg_advisory_xact_lock({_WRITER})"
    )

    def __init__(self, url: str, password: str = "") -> None:
        try:
            found = sa.make_url(url)
        except (ArgumentError, ValueError):
            raise DatabaseUnusableError(
                "an address of PostgreSQL is written "
                "postgresql+psycopg://USER@HOST/DATABASE"
            ) from None
        if password:
            found = found.set(password=password)
        self.url = found.set(drivername="postgresql+psycopg")

    @property
    def _host(self) -> str:
        named = self.url.query.get("host", "")
        host = self.url.host or (named if isinstance(named, str) else ",".join(named))
        port = f":{self.url.port}" if self.url.port else ""
        return f"{host or 'localhost'}{port}"

    @property
    def _server(self) -> str:
        return f"PostgreSQL at {self._host}"

    def __str__(self) -> str:
        return f"{self._host}/{self.url.database} (PostgreSQL)"

    def __repr__(self) -> str:
        return f"Postgres({self})"

    def create_engine(self, *, size: int, more: int = 0) -> sa.Engine:
        """Return an engine whose connections commit only when we say so."""
        return self._create_engine(_PATIENCE, size=size, more=more)

    def _create_engine(self, patience: str, *, size: int, more: int = 0) -> sa.Engine:
        try:
            made = sa.create_engine(
                self.url,
                # The driver begins nothing by itself: our own BEGIN counts.
                isolation_level="AUTOCOMMIT",
                pool_size=size,
                max_overflow=more,
                use_native_hstore=False,
                connect_args=self._connection_options(),
            )
        except ModuleNotFoundError:
            raise DatabaseUnusableError(_MISSING) from None
        session = f"{SESSION} SET lock_timeout = '{patience}'"

        def set_up(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's
            connection.execute(session)

        sa.event.listen(made, "connect", set_up)
        return made

    def _connection_options(self) -> dict[str, Any]:
        return {k: v for k, v in _CONNECTING.items() if k not in self.url.query}

    def connection_parameters(self) -> dict[str, Any]:
        """Return what psycopg connects with, the password among it."""
        _, known = self.url.get_dialect()().create_connect_args(self.url)
        return {**self._connection_options(), **known}

    def commit_sql(self, who: str) -> str:
        """Tell the others with the commit, in one trip."""
        if not who.isalnum():
            raise ValueError(f"{who!r} is not letters and digits")
        return f"SELECT pg_notify('{CHANNEL}', '{who}'); COMMIT"

    def translate_error(self, error: BaseException) -> DatabaseError | None:
        """Return what an error of psycopg means, as SQLAlchemy hands it on."""
        if not isinstance(error, DBAPIError) or error.orig is None:
            return None
        return self.translate_driver_error(error.orig, cut=error.connection_invalidated)

    def translate_driver_error(
        self, error: BaseException, *, cut: bool
    ) -> DatabaseError:
        """Return what an error of psycopg itself means.

        Args:
            cut: It was the end of its connection.
        """
        text = _server_message(error)
        match getattr(error, "sqlstate", None) or "":
            case "53100":
                return DiskFullError(f"disk full: nothing was written to {self}")
            case "55P03":
                return DatabaseBusyError(
                    f"{self} is held by another postbrush for longer than {_PATIENCE}"
                )
            case "42501":
                return DatabaseUnusableError(
                    f"{self}: {text}: make {self._user} the owner of the database"
                )
            case "3F000":
                return DatabaseUnusableError(
                    f"{self} has no schema to make tables in: CREATE SCHEMA public"
                )
            # Away, starting, stopping, or without a connection left for us.
            case state if cut or state[:2] in {"08", "57", "53"} or state == "25006":
                return self._away_error(text)
            # The driver has no code for whatever went wrong before it was let in.
            case "" if _is_operational(error):
                return self._login_error(text)
            case _:
                return DatabaseError(f"{self}: {text}")

    @property
    def _user(self) -> str:
        return self.url.username or "postbrush's user"

    def _away_error(self, text: str) -> DatabaseAwayError:
        return DatabaseAwayError(f"{self._server} cannot be reached: {text}")

    def _login_error(self, text: str) -> DatabaseError:
        if "password" in text:
            return DatabaseUnusableError(
                f"{self._server} does not take {self._user}'s password: put the right "
                f"one into DATABASE_PASSWORD ({text})"
            )
        if "does not exist" in text or "pg_hba.conf" in text or "permission" in text:
            return DatabaseUnusableError(
                f"{self._server} refuses: {text}: make the user and the database there "
                "(createuser, createdb), or correct database.url"
            )
        return self._away_error(text)

    def current_revision(self) -> str | None:
        """Return it; a database without tables is none yet."""
        engine = self.create_engine(size=1)
        try:
            with translate_errors(self), engine.connect() as connection:
                tables = set(connection.exec_driver_sql(_TABLES).scalars())
                if not tables:
                    return None
                if "alembic_version" not in tables:
                    raise DatabaseUnusableError(
                        f"{self} holds tables of another program: give postbrush one "
                        "of its own (createdb)"
                    )
                query = "SELECT version_num FROM alembic_version"
                found = connection.exec_driver_sql(query).scalar()
        finally:
            engine.dispose()
        return None if found is None else str(found)

    def migration_engine(self) -> sa.Engine:
        """Return an engine that waits for whoever else changes the schema."""
        return self._create_engine(_PATIENCE_TO_MIGRATE, size=1)

    def backup_before(self, change: str) -> Path | None:
        """Make none: its owner's tools do, and a change is whole or not at all."""
        del change
        return None

    def reset_sequences(
        self, writer: sa.Connection, tables: Sequence[sa.Table]
    ) -> None:
        """Set the sequences that ids come from."""
        for table in tables:
            if table.autoincrement_column is None:
                continue
            last = sa.func.max(table.c.id)
            sequence = sa.func.pg_get_serial_sequence(table.name, "id")
            writer.execute(
                sa.select(
                    sa.func.setval(
                        sequence, sa.func.coalesce(last, 1), last.is_not(None)
                    )
                )
            )

    @property
    def folder(self) -> Path | None:
        return None


def _is_operational(error: BaseException) -> bool:
    return any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)


def _server_message(error: BaseException) -> str:
    """Return what the server or the system said, without who passed it on.

    'connection to server at "db", port 5432 failed: FATAL:  no such thing' and then
    hints, or the same of further addresses.
    """
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return first.rsplit(" failed: ", 1)[-1].removeprefix("FATAL:").strip()
