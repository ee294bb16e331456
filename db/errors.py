"""What can go wrong with the database, in words an owner can act on.

::

    DatabaseError
    ├── DatabaseMissingError    a reading command found none
    ├── DatabaseUnusableError   corrupt, not SQLite, newer than this program, no rights
    ├── DatabaseBusyError       another process holds it for too long
    ├── DatabaseAwayError       the server cannot be reached, or was cut off
    ├── DiskFullError           nothing was written
    └── MovedElsewhereError     a guarded move found the row in another state
"""

from __future__ import annotations


class DatabaseError(Exception):
    """One line for people."""


class DatabaseMissingError(DatabaseError):
    """There is no database yet, and this command does not make one."""


class DatabaseUnusableError(DatabaseError):
    """It cannot be used as it is; nothing was changed."""


class DatabaseBusyError(DatabaseError):
    """Another process holds the database for longer than the busy timeout."""


class DatabaseAwayError(DatabaseError):
    """PostgreSQL cannot be reached.  What a commit cut off did, nobody knows."""


class DiskFullError(DatabaseError):
    """The disk is full; the transaction was rolled back."""


class StaleJobError(DatabaseError):
    """The job is no longer in the state it was read in: somebody else moved it."""
