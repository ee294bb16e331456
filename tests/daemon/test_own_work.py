"""How much an image asks of the database: counted, since times differ by machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path

from db.engine import Database, Result, Tx
from tests.cluster import on_postgres
from tests.daemon.chat import ChatServer, writing_house
from tests.daemon.house import house

_POSTS = 10
#: Of an image, in the tasks of its jobs: from the claim to the page that shows it.
#: Always 357 and 102 for ten; two of them ask what the account of flux includes.  Two
#: an image ask what it cost, for the property that shows it, and which headline its
#: post had before.  On a server leases are renewed meanwhile, too.
_STATEMENTS = 40 if on_postgres() else 36
_TRANSACTIONS = 11.5 if on_postgres() else 10.5
#: More with a prompt writer: the job, the chain, the page's jobs and images, the call
#: and the answer on record, the breaker.
_OF_PROMPT = 12
#: Of an image, in the polls and the dispatcher.  The queue is looked at after an end of
#: work, and how many ends fall together varies: 33 to 41 for ten were counted.
_LOOKS = 6


class Counted:
    """Statements and transactions of the tasks that this one starts, and its own."""

    def __init__(self, db: Database) -> None:
        self.statements = 0
        self.transactions = 0
        self.looks = 0
        self._own = asyncio.current_task()
        for pool in (db._reader, db._writer):
            assert pool is not None
            counting = partial(self._count, pool.transaction)
            pool.transaction = counting  # type: ignore[method-assign]  # counted

    @asynccontextmanager
    async def _count(
        self,
        begin: Callable[..., AbstractAsyncContextManager[Tx]],
        *,
        commit: bool,
    ) -> AsyncIterator[Tx]:
        async with begin(commit=commit) as tx:
            if asyncio.current_task() is self._own:
                self.looks += 1
            else:
                self.transactions += 1
                counted = partial(self._execute, tx._execute)
                tx._execute = counted  # type: ignore[method-assign]
            yield tx

    def _execute(self, execute: Callable[..., Result], *given: object) -> Result:
        self.statements += 1
        return execute(*given)


async def test_a_written_prompt_asks_little_more(tmp_path: Path) -> None:
    async with writing_house(tmp_path, ChatServer()) as home:
        await home.begin()
        for number in range(_POSTS):
            home.add(f"Post {number}")
        counted = Counted(home.source.app.db)
        await home.live()
        assert home.hub.painted == _POSTS
        assert counted.statements / _POSTS <= _STATEMENTS + _OF_PROMPT
        assert counted.transactions / _POSTS <= _TRANSACTIONS + 2
        assert counted.looks / _POSTS <= _LOOKS


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
        assert counted.looks / _POSTS <= _LOOKS
