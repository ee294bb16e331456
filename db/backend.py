"""The interface to a kind of database: `db.sqlite` and `db.postgres` implement it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import sqlalchemy as sa

from db.errors import DatabaseError


class Backend(ABC):
    """One database, which may not exist yet; its `str` is for people, without secrets.

    Attributes:
        inline: Statements between begin and end of a transaction cannot block, so
            they need no thread.
        begin_read_sql: Begins a transaction that reads one snapshot.
        begin_write_sql: Begins a writing transaction.  Only one runs at a time, over
            all processes, and it sees everything committed before.
        folder: The local folder that holds the database; None for a server.
    """

    inline: ClassVar[bool]
    begin_read_sql: ClassVar[str]
    begin_write_sql: ClassVar[str]
    folder: Path | None = None

    @abstractmethod
    def create_engine(self, *, size: int, overflow: int = 0) -> sa.Engine:
        """Return an engine whose driver begins no transaction on its own.

        Args:
            size: Connections that stay open.
            overflow: Further connections that are closed after use.

        Raises:
            DatabaseUnusableError: The driver is not installed.
        """

    def for_reading(self) -> Backend:
        """Return the same database for a process that only reads, for a short time."""
        return self

    @abstractmethod
    def translate_error(self, error: BaseException) -> DatabaseError | None:
        """Return what a driver's error means; None if it is not a driver's error."""

    @abstractmethod
    def current_revision(self) -> str | None:
        """Return the revision of the schema; None if there are no tables yet.

        Raises:
            DatabaseError: The database cannot be read, or is another program's.
        """

    @abstractmethod
    def migration_engine(self) -> sa.Engine:
        """Return an engine to change the schema with, in one transaction."""

    @contextmanager
    def connect(self, begin_sql: str) -> Iterator[sa.Connection]:
        """Open one connection, and begin a transaction; the caller commits.

        Raises:
            DatabaseError: The database cannot be used.
        """
        engine = self.create_engine(size=1)
        try:
            with translate_errors(self), engine.connect() as connection:
                connection.exec_driver_sql(begin_sql)
                yield connection
        finally:
            engine.dispose()

    def commit_sql(self, sender_id: str) -> str:
        """Return the SQL that commits a change and notifies the other processes.

        Args:
            sender_id: Id of this process, letters and digits.

        Returns:
            Empty if a plain commit is enough: the control socket notifies the
            processes of one machine.
        """
        del sender_id
        return ""

    def backup_before(self, change: str) -> Path | None:
        """Copy the database before *change*, which is part of the copy's name.

        Returns:
            The copy; None on a server, where backups are its owner's task and a
            migration is atomic.
        """
        del change
        return None

    def reset_sequences(  # noqa: B027 - SQLite's next id is one more than the highest
        self, writer: sa.Connection, tables: Sequence[sa.Table]
    ) -> None:
        """Make new ids continue after the highest id of the copied rows."""


@contextmanager
def translate_errors(backend: Backend) -> Iterator[None]:
    """Raise a driver's error as the `DatabaseError` it means."""
    try:
        yield
    except Exception as error:
        if (translated := backend.translate_error(error)) is None:
            raise
        raise translated from error
