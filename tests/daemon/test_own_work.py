"""How much an image asks of the database: counted, since times differ by machine."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from db.engine import Database
from tests.cluster import on_postgres
from tests.daemon.house import house

_POSTS = 10
#: Of an image, from the poll that finds its post to the page that shows it: 55 to 57
#: were counted.  A server takes its time, so that fewer ends of work fall together and
#: the queue is looked at more often: 58 to 61.
#: Two of them ask what the account of flux includes.
_STATEMENTS = 68 if on_postgres() else 62
_TRANSACTIONS = 13


class Counted:
    """Statements and transactions, from now on."""

    def __init__(self, db: Database) -> None:
        self.statements = 0
        self.transactions = 0
        for desk in (db._reader, db._writer):
            assert desk is not None
            sa.event.listen(desk.engine, "before_cursor_execute", self._count)

    def _count(
        self, _connection: object, _cursor: object, statement: str, *_more: object
    ) -> None:
        if statement.startswith("BEGIN"):
            self.transactions += 1
        else:
            self.statements += 1


async def test_an_image_asks_little_of_the_database(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        await home.begin()
        for number in range(_POSTS):
            home.add(f"Post {number}")
        counted = Counted(home.source.app.db)
        await home.live()
        assert home.hub.painted == _POSTS
        assert counted.statements / _POSTS <= _STATEMENTS
        assert counted.transactions / _POSTS <= _TRANSACTIONS
