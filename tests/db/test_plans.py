"""No question the daemon asks all the time is answered by reading a whole table.

The questions are not listed here: the daemon works for a day, and every statement it
sends is explained by SQLite.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from daemon.status_line import compose_status_line
from db.engine import Database
from tests.daemon.house import house

_GROWING = {"posts", "jobs", "attempts", "images", "events"}
#: Indexes that hold only what is owed, open or replaceable: never many.
_SMALL = ("ix_jobs_pending_write", "ix_attempts_open", "uq_jobs_one_open_per_page")
#: The sweep, once a day, reads what there is; that is its work.
_ONCE_A_DAY = "FROM posts WHERE posts.source = ? AND posts.removed IS 0"


class Asked:
    """Every statement sent, with parameters it was sent with."""

    def __init__(self, db: Database) -> None:
        self.statements: dict[str, Any] = {}
        for desk in (db._reader, db._writer):
            assert desk is not None
            sa.event.listen(desk.engine, "before_cursor_execute", self._note)

    def _note(
        self,
        _connection: object,
        _cursor: object,
        statement: str,
        given: Any,  # noqa: ANN401 - the driver's
        *_more: object,
    ) -> None:
        parameters = given[0] if isinstance(given, list) else given
        self.statements.setdefault(" ".join(statement.split()), parameters)


def _whole_tables(plan: Sequence[Any]) -> list[str]:
    found = []
    for step in (str(row[3]) for row in plan):
        words = step.split()
        if words[0] == "SCAN" and words[1] in _GROWING:
            found += [] if any(name in step for name in _SMALL) else [step]
    return found


@pytest.mark.sqlite_only  # it is asked how it would go about it
async def test_no_question_asked_all_the_time_reads_a_whole_table(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        asked = Asked(home.source.app.db)
        home.hub.credits = 2
        await home.begin()
        pages = [home.add(f"Post {n}") for n in range(4)]
        await home.live()
        home.space.tick_box(pages[0])
        await home.live()
        # Credits are back, and cards are replaced.
        home.hub.credits = None
        home.clock.move(hours=30)
        await home.live()
        await compose_status_line(home.sources)
        assert len(asked.statements) > 40
        slow = {}
        with closing(sqlite3.connect(tmp_path / "postbrush.db")) as db:
            for statement, parameters in list(asked.statements.items()):
                if statement.startswith(("INSERT", "BEGIN", "PRAGMA", "EXPLAIN")):
                    continue
                if _ONCE_A_DAY in statement:
                    continue
                question = f"EXPLAIN QUERY PLAN {statement}"
                plan = db.execute(question, parameters).fetchall()
                if tables := _whole_tables(plan):
                    slow[statement] = tables
        assert slow == {}
