"""The errors of the database.  Their messages tell the owner what to do.

::

    DatabaseError
    ├── DatabaseMissingError    a reading command found none
    ├── DatabaseUnusableError   corrupt, not SQLite, newer than this program, no rights
    ├── DatabaseBusyError       another process holds it for too long
    ├── DatabaseAwayError       the server cannot be reached, or was cut off
    ├── DiskFullError           nothing was written
    └── StaleJobError           the job changed since it was read
"""

from __future__ import annotations


class DatabaseError(Exception):
    """Base class; the message is one line for people."""


class DatabaseMissingError(DatabaseError):
    """There is no database yet, and this command does not create one."""


class DatabaseUnusableError(DatabaseError):
    """The database cannot be used as it is; nothing was changed."""


class DatabaseBusyError(DatabaseError):
    """Another process held the write lock for longer than the busy timeout."""


class DatabaseAwayError(DatabaseError):
    """PostgreSQL cannot be reached; the result of an interrupted commit is unknown."""


class DiskFullError(DatabaseError):
    """The disk is full; the transaction was rolled back."""


class StaleJobError(DatabaseError):
    """The state or the claim of a job changed after the job was read."""
