"""The schema: brought up to date at start, after a copy, in one transaction.

Alembic is imported only when there is something to do, so that a daemon that
starts on an up-to-date database does not pay for it.
"""

from __future__ import annotations

from pathlib import Path

from db.backend import Backend, translate_errors
from db.errors import DatabaseUnusableError

#: Every revision this program knows, oldest first; a test compares them with
#: migrations/versions.
REVISIONS = (
    *("a1_first", "a2_upkeep", "a3_tallies"),
    *("a4_indexes", "a5_claims", "a6_claimed"),
)
HEAD = REVISIONS[-1]
_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def refuse_newer(place: Backend) -> str | None:
    """Return the revision, or refuse one this program does not know.

    Raises:
        DatabaseUnusableError: Damaged, another program's, or made by a newer
            postbrush; nothing was changed.
        DatabaseAwayError: Its server cannot be reached.
    """
    found = place.current_revision()
    if found is not None and found not in REVISIONS:
        raise DatabaseUnusableError(
            f"{place} was made by a newer postbrush (revision {found}, this one knows "
            f"up to {HEAD}): upgrade postbrush, or restore a backup"
        )
    return found


def database_exists(place: Backend) -> bool:
    """Say whether a database has been made; an empty one is none yet."""
    return place.current_revision() is not None


def require_current(place: Backend) -> None:
    """See that a command that does not migrate can work with the database.

    Raises:
        DatabaseUnusableError: Newer or older than this program, damaged.
    """
    found = refuse_newer(place)
    if found is not None and found != HEAD:
        raise DatabaseUnusableError(
            f"{place} was made by an older postbrush: start the daemon, or run "
            "`postbrush migrate`, to bring it up to date"
        )


def upgrade_schema(place: Backend) -> Path | None:
    """Bring the database to `HEAD`; return the copy made before, if one was.

    The caller holds the lock of the data directory.  Several may do it at once on a
    server: the first does, the others wait for it and find it done.

    Raises:
        DatabaseUnusableError: As `refuse_newer`.
        DatabaseError: The disk is full, no rights, ...; the old one is untouched.
    """
    found = refuse_newer(place)
    if found == HEAD:
        return None
    with translate_errors(place):
        copy = place.backup_before(f"{HEAD}-was-{found}") if found else None
        _run_migrations(place)
    return copy


def _run_migrations(place: Backend) -> None:
    from alembic import command  # noqa: PLC0415 - 0.3 s that most starts do not need
    from alembic.config import Config  # noqa: PLC0415 - the same

    engine = place.migration_engine()
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    try:
        with engine.connect() as connection:
            # One explicit transaction, so that a crash leaves the old schema whole.
            connection.exec_driver_sql(place.begin_write_sql)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.exec_driver_sql("COMMIT")
    finally:
        engine.dispose()
