"""Where the reading of all pages of a source goes on.  Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

#: Answers in a row without a single new row; Notion may send some that are short.
_EMPTY_IN_A_ROW = 20


@dataclass(slots=True)
class CursorTrail:
    """The cursors one query has followed, to notice when they lead nowhere."""

    followed: set[str] = field(default_factory=set)
    empty: int = 0

    def follow_cursor(self, cursor: str, rows: int) -> bool:
        """Follow *cursor*, from an answer of so many new rows; False: in a circle."""
        self.empty = 0 if rows else self.empty + 1
        if cursor in self.followed or self.empty >= _EMPTY_IN_A_ROW:
            return False
        self.followed.add(cursor)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPosition:
    """Where the next pages begin, oldest first.

    Attributes:
        created_from: Where the query began; None: at the oldest page.
        cursor: Its next answer; empty: the query is still to be sent.
        newest: When the newest page that was read was created.
        rows: How many the query has returned.
        restarts: How often it was begun anew in a row, since a cursor was stale.
    """

    created_from: datetime | None = None
    cursor: str = ""
    newest: datetime | None = None
    rows: int = 0
    restarts: int = 0
    trail: CursorTrail = field(default_factory=CursorTrail)
