"""The schema: brought up to date at start, after a copy, in one transaction.

Alembic is imported only when there is something to do, so that a daemon that
starts on an up-to-date database does not pay for it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from db.engine import BUSY_TIMEOUT_MS, translate
from db.errors import DatabaseUnusableError

#: Every revision this program knows, oldest first; a test compares them with
#: migrations/versions.
REVISIONS = ("a1_first", "a2_upkeep", "a3_tallies", "a4_indexes")
HEAD = REVISIONS[-1]
_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def revision(path: Path) -> str | None:
    """Return the revision of the database at *path*; None: none, or an empty file.

    Raises:
        DatabaseUnusableError: Damaged, not a database, or made by something else.
    """
    if path.is_dir():
        raise DatabaseUnusableError(f"{path} is a folder: move it away")
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
            if not tables:
                return None
            row = connection.execute("SELECT version_num FROM alembic_version")
            found = row.fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            raise DatabaseUnusableError(
                f"{path} is a database of another program: move it away"
            ) from None
        raise translate(error, path) from error
    except sqlite3.DatabaseError as error:
        raise translate(error, path) from error
    return str(found[0]) if found else None


def refuse_newer(path: Path) -> str | None:
    """Return the revision, or refuse one this program does not know.

    Raises:
        DatabaseUnusableError: Made by a newer postbrush; nothing was changed.
    """
    found = revision(path)
    if found is not None and found not in REVISIONS:
        raise DatabaseUnusableError(
            f"{path} was made by a newer postbrush (revision {found}, this one knows "
            f"up to {HEAD}): upgrade postbrush, or restore a backup"
        )
    return found


def is_there(path: Path) -> bool:
    """Say whether a database has been made; an empty file is none yet."""
    return revision(path) is not None


def require_current(path: Path) -> None:
    """See that a command that does not migrate can work with the database.

    Raises:
        DatabaseUnusableError: Newer or older than this program, damaged.
    """
    found = refuse_newer(path)
    if found is not None and found != HEAD:
        raise DatabaseUnusableError(
            f"{path} was made by an older postbrush: start the daemon, or run "
            "`postbrush migrate`, to bring it up to date"
        )


def upgrade(path: Path) -> Path | None:
    """Bring the database to `HEAD`; return the copy made before, if one was.

    The caller holds the lock of the data directory.

    Raises:
        DatabaseUnusableError: As `refuse_newer`.
        DatabaseError: The disk is full, no rights, ...; the old one is untouched.
    """
    found = refuse_newer(path)
    if found == HEAD:
        return None
    try:
        copy = _copy(path, found) if found else None
        _run(path)
    except sqlite3.Error as error:
        raise translate(error, path) from error
    return copy


def _copy(path: Path, found: str) -> Path:
    target = path.with_name(f"{path.name}.before-{HEAD}-was-{found}")
    target.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(path)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
    return target


def _run(path: Path) -> None:
    import sqlalchemy as sa  # noqa: PLC0415 - with Alembic, only when needed
    from alembic import command  # noqa: PLC0415 - 0.3 s that most starts do not need
    from alembic.config import Config  # noqa: PLC0415 - the same
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - the same

    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(
            path, isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000
        ),
    )
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    try:
        with engine.connect() as connection:
            # One explicit transaction, so that a crash leaves the old schema whole.
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.exec_driver_sql("COMMIT")
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise error.orig from error
        raise
    finally:
        engine.dispose()
