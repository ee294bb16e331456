"""Who is there is heard, and who is gone holds nothing: against a real server."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from hypothesis import given
from hypothesis import strategies as st

from db import source_state
from db.engine import Database
from db.instances import LockSession, lock_key
from db.models import Pause
from db.postgres import Postgres
from tests.cluster import cluster

_KEY = lock_key("a token")
_NOW = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass(slots=True)
class Daemon:
    """A presence, and what it was told."""

    presence: LockSession
    heard: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    lost: int = 0
    pauses: list[float] = field(default_factory=list)
    away: asyncio.Event = field(default_factory=asyncio.Event)
    may_come_back: asyncio.Event = field(default_factory=asyncio.Event)

    async def next(self) -> str:
        async with asyncio.timeout(5):
            return await self.heard.get()


@asynccontextmanager
async def daemon(place: Postgres, who: str) -> AsyncIterator[Daemon]:
    """Be there; when cut off, come back as soon as the test says so."""

    def heard(who: str) -> None:
        made.heard.put_nowait(who)

    def lost() -> None:
        made.lost += 1

    async def sleep(seconds: float) -> None:
        made.pauses.append(seconds)
        made.away.set()
        await made.may_come_back.wait()

    presence = LockSession(
        backend=place,
        sender_id=who,
        instance_id=who,
        on_change=heard,
        on_lost=lost,
        sleep=sleep,
    )
    made = Daemon(presence)
    running = asyncio.create_task(presence.run())
    try:
        assert await made.next() == ""
        yield made
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def _end(one: Daemon) -> None:
    connection = one.presence._connection
    assert connection is not None
    cluster().ask(f"SELECT pg_terminate_backend({connection.info.backend_pid})")


async def _takes_over(one: Daemon, key: int) -> None:
    async with asyncio.timeout(1):
        while not await one.presence.try_lock(key):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0)


async def test_a_lock_is_one_daemons_until_it_gives_it_back() -> None:
    place = cluster().empty()
    async with daemon(place, "a") as member, daemon(place, "b") as two:
        assert await member.presence.try_lock(_KEY)
        assert await member.presence.try_lock(_KEY)
        assert not await two.presence.try_lock(_KEY)
        assert await two.presence.try_lock(lock_key("another"))
        assert member.presence.held_locks == {_KEY}
        await member.presence.unlock(_KEY)
        assert member.presence.held_locks == frozenset()
        assert await two.presence.try_lock(_KEY)
        assert not await member.presence.try_lock(_KEY)


async def test_whoever_is_killed_knows_at_once_and_another_takes_over() -> None:
    place = cluster().empty()
    async with daemon(place, "a") as member, daemon(place, "b") as two:
        assert await member.presence.try_lock(_KEY)
        _end(member)
        await _takes_over(two, _KEY)
        # It hears of it without asking, and comes back without its locks.
        assert await member.next() == ""
        assert (member.lost, member.presence.held_locks) == (1, frozenset())
        assert not await member.presence.try_lock(_KEY)
        assert two.lost == 0


async def test_who_ends_leaves_its_locks_to_others() -> None:
    place = cluster().empty()
    async with daemon(place, "b") as two:
        async with daemon(place, "a") as member:
            assert await member.presence.try_lock(_KEY)
        assert member.lost == 0
        await _takes_over(two, _KEY)


async def test_whoever_writes_is_heard_by_the_others_and_not_by_itself() -> None:
    place = cluster().ready()
    own, other = Database(place), Database(place)
    async with daemon(place, own.sender_id) as member:
        for db in (own, other, own, other):
            async with db.write_transaction() as tx:
                pause = Pause(source="x", since=_NOW, until=None)
                await source_state.set_pause(tx, pause)
            # It asks something itself meanwhile.
            await member.presence.try_lock(_KEY)
        assert [await member.next(), await member.next()] == [
            other.sender_id,
            other.sender_id,
        ]
        await member.presence.unlock(_KEY)
        assert member.heard.empty()
    await own.close()
    await other.close()


class Wire:
    """What is between a daemon and the server, to be cut."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writers: list[asyncio.StreamWriter] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        path = str(self.folder / ".s.PGSQL.5432")
        server = await asyncio.start_unix_server(self._serve, path)
        self._stack.callback(server.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        await self._stack.aclose()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there = str(cluster().folder / ".s.PGSQL.5432")
        back, forth = await asyncio.open_unix_connection(there)
        self.writers += [writer, forth]
        with suppress(OSError):
            await asyncio.gather(_pass(reader, forth), _pass(back, writer))

    def cut(self) -> None:
        for writer in self.writers:
            writer.close()
        self.writers.clear()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


async def test_a_wire_that_is_cut_is_noticed_at_once() -> None:
    name = str(cluster().empty().url.database)
    folder = Path(tempfile.mkdtemp(prefix="wire-", dir="/tmp"))
    async with Wire(folder) as wire:
        place = Postgres(cluster().url(name, host=folder))
        direct = Postgres(cluster().url(name))
        async with daemon(place, "a") as member, daemon(direct, "b") as two:
            assert await member.presence.try_lock(_KEY)
            wire.cut()
            await _takes_over(two, _KEY)
            assert await member.next() == ""
            assert (member.lost, member.presence.held_locks) == (1, frozenset())
    shutil.rmtree(folder)


async def test_a_server_that_restarts_is_waited_for_with_growing_pauses() -> None:
    place = cluster().empty()
    async with daemon(place, "a") as member:
        assert await member.presence.try_lock(_KEY)
        cluster().stop()
        try:
            async with asyncio.timeout(5):
                await member.away.wait()
            assert member.lost == 1
            assert not await member.presence.try_lock(_KEY)
        finally:
            cluster().start()
        member.may_come_back.set()
        assert await member.next() == ""
        assert await member.presence.try_lock(_KEY)


async def test_pauses_grow_up_to_half_a_minute() -> None:
    folder = tempfile.mkdtemp(prefix="none-", dir="/tmp")
    slept: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 7:
            enough.set()
            await asyncio.Event().wait()

    presence = LockSession(
        backend=Postgres(f"postgresql://me@/x?host={folder}"),
        sender_id="a",
        instance_id="a",
        on_change=lambda _who: None,
        on_lost=lambda: None,
        sleep=sleep,
    )
    running = asyncio.create_task(presence.run())
    async with asyncio.timeout(20):
        await enough.wait()
    running.cancel()
    assert slept == [1, 2, 4, 8, 16, 30, 30]
    shutil.rmtree(folder)


@given(st.text(max_size=50))
def test_the_key_of_a_text_fits_the_server_and_stays_the_same(text: str) -> None:
    assert -(2**63) <= lock_key(text) < 2**63
    assert lock_key(text) == lock_key(text)
    assert lock_key(text) != lock_key(f"{text}x")


def test_keys_are_what_every_release_makes_them() -> None:
    assert lock_key("postbrush") == int.from_bytes(
        bytes.fromhex(_DIGEST[:16]), "big", signed=True
    )


#: sha256 of "postbrush", as `sha256sum` says it.
_DIGEST = "d37aa594deedca3fe1d00ac395f6beb829e9d1a6d70591ff829eb242897b536a"
