"""Schema upgrades: at start, after a backup, in one transaction.

Alembic is imported only for an upgrade, so that a daemon that starts with a current
database does not load it.
"""

from __future__ import annotations

from pathlib import Path

from db.backend import Backend, translate_errors
from db.errors import DatabaseUnusableError

#: All revisions, oldest first; a test compares them with migrations/versions.
REVISIONS = (
    *("a1_first", "a2_upkeep", "a3_tallies"),
    *("a4_indexes", "a5_claims", "a6_claimed"),
    *("a7_names", "a8_accounts", "a9_index"),
    *("b1_written", "b2_sums"),
    *("b3_statuses", "b4_status_index"),
)
HEAD = REVISIONS[-1]
_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def refuse_newer(backend: Backend) -> str | None:
    """Return the revision of the schema; None if there are no tables yet.

    Raises:
        DatabaseUnusableError: The database is damaged, another program's, or of a
            newer release; nothing was changed.
        DatabaseAwayError: The server cannot be reached.
    """
    revision = backend.current_revision()
    if revision is not None and revision not in REVISIONS:
        raise DatabaseUnusableError(
            f"{backend} was written by a newer postbrush (revision {revision}; this "
            f"one supports up to {HEAD}). Upgrade postbrush, or restore a backup"
        )
    return revision


def database_exists(backend: Backend) -> bool:
    """Return whether the database has tables.

    Raises:
        DatabaseError: The database cannot be read, or is another program's.
    """
    return backend.current_revision() is not None


def require_current(backend: Backend) -> None:
    """Check that a command that does not upgrade can use the database.

    Raises:
        DatabaseUnusableError: The schema is of another release, or as `refuse_newer`.
        DatabaseAwayError: The server cannot be reached.
    """
    revision = refuse_newer(backend)
    if revision is not None and revision != HEAD:
        raise DatabaseUnusableError(
            f"{backend} was written by an older postbrush. Start the daemon, or run "
            "`postbrush migrate`, to upgrade it"
        )


def upgrade_schema(backend: Backend) -> Path | None:
    """Upgrade the schema to `HEAD`; return the backup made before, if there is one.

    The caller holds the lock of the data directory.  On a server several processes
    may call it at the same time: one upgrades, the others wait and find it done.

    Raises:
        DatabaseUnusableError: As `refuse_newer`.
        DatabaseError: The upgrade failed, for example because the disk is full or
            rights are missing; the schema is unchanged.
    """
    revision = refuse_newer(backend)
    if revision == HEAD:
        return None
    with translate_errors(backend):
        backup = backend.backup_before(f"{HEAD}-was-{revision}") if revision else None
        _run_migrations(backend)
    return backup


def _run_migrations(backend: Backend) -> None:
    from alembic import command  # noqa: PLC0415 - takes 0.3 s, needed by few starts
    from alembic.config import Config  # noqa: PLC0415 - part of Alembic

    engine = backend.migration_engine()
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    try:
        with engine.connect() as connection:
            # One explicit transaction, so that a crash leaves the old schema intact.
            connection.exec_driver_sql(backend.begin_write_sql)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.exec_driver_sql("COMMIT")
    finally:
        engine.dispose()
