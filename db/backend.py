"""Where a database is, and all that its kind does in its own way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import sqlalchemy as sa

from db.errors import DatabaseError


class Backend(ABC):
    """A database that is there, or is to be made; as `str`, what people may read.

    Attributes:
        inline: Between begin and end a transaction waits for nobody, so that its
            statements need no thread.
        reading: What a transaction that sees one moment begins with, in SQL.
        writing: The same of one that writes: only one does at a time, whoever began
            it, and what it reads first is what all before it have written.
    """

    inline: ClassVar[bool]
    begin_read_sql: ClassVar[str]
    begin_write_sql: ClassVar[str]

    @abstractmethod
    def create_engine(self, *, size: int, more: int = 0) -> sa.Engine:
        """Return an engine that leaves beginning a transaction to us.

        Args:
            size: Connections that stay open; `more` may be for a moment.

        Raises:
            DatabaseUnusableError: Its driver is not installed.
        """

    @abstractmethod
    def commit_sql(self, who: str) -> str:
        """Return the SQL that ends a transaction which changed something.

        Args:
            who: Letters and digits: who tells the other processes of the change.
                Empty SQL: there is nobody to tell, and a commit is all.
        """

    @abstractmethod
    def translate_error(self, error: BaseException) -> DatabaseError | None:
        """Return what an error of the driver means; None: it is not the driver's."""

    @abstractmethod
    def current_revision(self) -> str | None:
        """Return the revision of the schema; None: none was made yet.

        Raises:
            DatabaseError: It cannot be looked at, or is another program's.
        """

    @abstractmethod
    def migration_engine(self) -> sa.Engine:
        """Return an engine to change the schema with, in one transaction."""

    @abstractmethod
    def backup_before(self, change: str) -> Path | None:
        """Keep a copy, named after a coming change; None: its owner's tools do."""

    @abstractmethod
    def reset_sequences(
        self, writer: sa.Connection, tables: Sequence[sa.Table]
    ) -> None:
        """Make the ids of new rows follow those of rows that were copied."""

    @property
    @abstractmethod
    def folder(self) -> Path | None:
        """The folder of this machine that it is in; None: a server's."""


class translate_errors:  # noqa: N801 - reads as a phrase where it is used
    """Turn what a driver says into the errors of this package."""

    def __init__(self, place: Backend) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _tb: object) -> None:
        if (
            error is not None
            and (said := self._place.translate_error(error)) is not None
        ):
            raise said from error
