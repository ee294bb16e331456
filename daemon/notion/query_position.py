"""The position in a sweep over all pages of a source.  Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

#: Answers in a row without a new row after which a query counts as a loop.
_EMPTY_IN_A_ROW = 20


@dataclass(slots=True)
class CursorTrail:
    """Detects a query whose cursors form a loop.

    Attributes:
        followed: The cursors so far.
        empty: The newest answers in a row without a new row.
    """

    followed: set[str] = field(default_factory=set)
    empty: int = 0

    def follow_cursor(self, cursor: str, rows: int) -> bool:
        """Record a cursor and its answer's number of new rows; False means a loop."""
        self.empty = 0 if rows else self.empty + 1
        if cursor in self.followed or self.empty >= _EMPTY_IN_A_ROW:
            return False
        self.followed.add(cursor)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPosition:
    """The position of the next pages, oldest first.

    Attributes:
        created_from: The creation time from which the query reads; None for all.
        cursor: The cursor of the next answer; "" before the first one.
        newest: The creation time of the newest page read so far.
        rows: The number of rows that the query has returned.
        restarts: Restarts in a row because of an expired cursor.
        trail: The cursors of this query.
    """

    created_from: datetime | None = None
    cursor: str = ""
    newest: datetime | None = None
    rows: int = 0
    restarts: int = 0
    trail: CursorTrail = field(default_factory=CursorTrail)
