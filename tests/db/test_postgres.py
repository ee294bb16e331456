"""What a server does that a file does not: it goes away, refuses, has many guests."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from db import upgrade
from db.engine import Database
from db.errors import (
    DatabaseAwayError,
    DatabaseBusyError,
    DatabaseError,
    DatabaseUnusableError,
    DiskFullError,
)
from db.models import Pause
from db.postgres import Postgres
from db.source_state import clear_pause, get_pause, set_pause
from db.tables import metadata
from tests.cluster import cluster, rows

_NOW = datetime(2026, 11, 24, tzinfo=UTC)
_PASSWORD = "s3cret-Pass/word"


async def _pause(db: Database, source: str) -> None:
    async with db.write_transaction() as tx:
        await set_pause(tx, Pause(source=source, since=_NOW, until=None))


async def _is_paused(db: Database, source: str) -> bool:
    async with db.read_transaction() as tx:
        return await get_pause(tx, source, _NOW) is not None


def test_the_tables_are_what_the_code_believes() -> None:
    engine = cluster().ready().create_engine(size=1)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"compare_type": True, "compare_server_default": True},
        )
        differences = compare_metadata(context, metadata)
    engine.dispose()
    views = [one for one in differences if one[0] == "add_table"]
    assert [one[1].name for one in views] == ["counters"]
    assert [one for one in differences if one not in views] == []


def test_many_who_start_at_once_make_the_tables_once() -> None:
    place = cluster().empty()
    with ThreadPoolExecutor(4) as pool:
        copies = list(pool.map(lambda _: upgrade.upgrade_schema(place), range(4)))
    assert copies == [None] * 4
    assert place.current_revision() == upgrade.HEAD
    assert rows(place, "SELECT count(*) FROM alembic_version") == [(1,)]


def test_a_newer_database_and_another_programs_are_refused() -> None:
    newer, other = cluster().ready(), cluster().empty()
    rows(newer, "UPDATE alembic_version SET version_num = 'z9_later'")
    rows(other, "CREATE TABLE theirs (a integer)")
    for place, tells in ((newer, "newer postbrush"), (other, "another program")):
        for ask in (upgrade.upgrade_schema, upgrade.require_current):
            with pytest.raises(DatabaseUnusableError, match=tells):
                ask(place)
    assert rows(other, "SELECT count(*) FROM theirs") == [(0,)]


def test_a_migration_that_is_cut_off_leaves_nothing_half_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = cluster().empty()
    real = Postgres.migration_engine

    def soon_over(self: Postgres) -> sa.Engine:
        engine = real(self)

        def cut(*what: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own signature
            if "CREATE TABLE images" in what[2]:
                cluster().end_all(place)

        sa.event.listen(engine, "before_cursor_execute", cut)
        return engine

    with monkeypatch.context() as then:
        then.setattr(Postgres, "migration_engine", soon_over)
        with pytest.raises(DatabaseAwayError):
            upgrade.upgrade_schema(place)
    assert place.current_revision() is None
    assert upgrade.upgrade_schema(place) is None
    assert place.current_revision() == upgrade.HEAD


async def test_connections_that_died_in_the_pool_are_replaced_unnoticed() -> None:
    place = cluster().ready()
    db = Database(place)
    await _pause(db, "one")
    assert await _is_paused(db, "one")
    cluster().end_all(place)
    assert await _is_paused(db, "one")
    await _pause(db, "two")
    cluster().end_all(place)
    await _pause(db, "three")
    assert await _is_paused(db, "three")
    await db.close()


async def test_what_is_cut_off_in_the_middle_is_said_and_nothing_is_kept() -> None:
    place = cluster().ready()
    db = Database(place)
    with pytest.raises(DatabaseAwayError, match="cannot be reached"):  # noqa: PT012 - the whole transaction
        async with db.write_transaction() as tx:
            await set_pause(tx, Pause(source="one", since=_NOW, until=None))
            cluster().end_all(place)
            await get_pause(tx, "one", _NOW)
    with pytest.raises(DatabaseAwayError):  # noqa: PT012 - the same
        async with db.write_transaction() as tx:
            await set_pause(tx, Pause(source="two", since=_NOW, until=None))
            cluster().end_all(place)
    assert not await _is_paused(db, "one")
    assert not await _is_paused(db, "two")
    await _pause(db, "two")
    assert await _is_paused(db, "two")
    await db.close()


async def test_many_daemons_write_one_after_the_other_and_lose_nothing() -> None:
    """Each reads, waits, and writes what it read plus one: no sum gets lost."""
    place = cluster().ready()
    daemons = [Database(place) for _ in range(4)]

    async def count(db: Database) -> None:
        for _ in range(5):
            async with db.write_transaction() as tx:
                pause = await get_pause(tx, "sum", _NOW)
                number = pause.since.microsecond if pause else 0
                await asyncio.sleep(0)
                since = _NOW.replace(microsecond=number + 1)
                await set_pause(tx, Pause(source="sum", since=since, until=None))

    await asyncio.gather(*[count(db) for db in daemons])
    async with daemons[0].read_transaction() as tx:
        pause = await get_pause(tx, "sum", _NOW)
    assert pause is not None
    assert pause.since.microsecond == 20
    for db in daemons:
        await db.close()


async def test_whoever_waits_too_long_for_its_turn_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("db.postgres._LOCK_TIMEOUT", "50ms")
    place = cluster().ready()
    slow, other = Database(place), Database(place)
    async with slow.write_transaction() as tx:
        await get_pause(tx, "one", _NOW)
        with pytest.raises(DatabaseBusyError, match="Another postbrush"):
            await _pause(other, "two")
    await _pause(other, "two")
    await slow.close()
    await other.close()


async def test_who_writes_tells_the_others_and_who_looks_does_not() -> None:
    place = cluster().ready()
    db = Database(place)
    with psycopg.connect(autocommit=True, **place.connection_parameters()) as listener:
        listener.execute("LISTEN postbrush")
        await _pause(db, "one")
        async with db.write_transaction() as tx:
            assert await get_pause(tx, "one", _NOW) is not None
            assert not await clear_pause(tx, "nobody")
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the whole transaction
            async with db.write_transaction() as tx:
                await clear_pause(tx, "one")
                raise ZeroDivisionError
        await _pause(db, "two")
        told = list(listener.notifies(timeout=1, stop_after=2))
        told += listener.notifies(timeout=0)
    assert [row.payload for row in told] == [db.sender_id, db.sender_id]
    await db.close()


async def test_other_work_goes_on_while_a_statement_takes_its_time() -> None:
    db = Database(cluster().ready())
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with db.read_transaction() as tx:
        await tx.execute(sa.select(1))
        working = asyncio.create_task(others())
        await tx.execute(sa.select(sa.func.pg_sleep(0.2)))
        working.cancel()
    assert turns > 100
    await db.close()


async def test_what_it_cannot_work_with_is_said_in_one_line_without_the_password() -> (
    None
):
    wrong = Postgres(cluster().url("nowhere"), _PASSWORD)
    cluster().ask("DROP ROLE IF EXISTS guest")
    cluster().ask("CREATE ROLE guest LOGIN")
    guest = Postgres(
        cluster().url("postgres").replace("postgres@", "guest@"), _PASSWORD
    )
    away = Postgres(f"postgresql://me:{_PASSWORD.replace('/', '%2F')}@127.0.0.1:1/x")
    for place, kind, tells in (
        (wrong, DatabaseUnusableError, '"nowhere" does not exist'),
        (guest, DatabaseUnusableError, "Make guest the owner"),
        (away, DatabaseAwayError, "127.0.0.1:1 cannot be reached: Connection refused$"),
    ):
        with pytest.raises(kind, match=tells) as raised:
            upgrade.upgrade_schema(place)
        whole = f"{raised.value} {place} {place!r} {place.create_engine(size=1)!r}"
        assert len(str(raised.value).splitlines()) == 1
        assert _PASSWORD not in whole
        assert _PASSWORD not in repr(raised.value.__cause__)


class _RefusedError(Exception):
    """An error as psycopg raises it."""

    def __init__(self, sqlstate: str | None, words: str) -> None:
        super().__init__(words)
        self.sqlstate = sqlstate


class OperationalError(_RefusedError):
    """As psycopg calls what went wrong before it was let in."""


@pytest.mark.parametrize(
    ("error", "cut", "kind", "tells"),
    [
        (_RefusedError("53100", "no space"), False, DiskFullError, "disk is full"),
        (_RefusedError("55P03", "lock"), False, DatabaseBusyError, "Another postbrush"),
        (_RefusedError("57P01", "shutdown"), False, DatabaseAwayError, "shutdown"),
        (_RefusedError("57P03", "starting up"), False, DatabaseAwayError, "starting"),
        (_RefusedError("53300", "too many"), False, DatabaseAwayError, "too many"),
        (_RefusedError("25006", "read-only"), False, DatabaseAwayError, "read-only"),
        (_RefusedError("42501", "denied"), False, DatabaseUnusableError, "the owner"),
        (_RefusedError("3F000", "no schema"), False, DatabaseUnusableError, "SCHEMA"),
        (_RefusedError("23505", "twice\nDETAIL: x"), False, DatabaseError, "twice$"),
        (_RefusedError(None, "gone"), True, DatabaseAwayError, "gone"),
        (
            OperationalError(None, "x failed: FATAL:  password authentication\nhint"),
            False,
            DatabaseUnusableError,
            "DATABASE_PASSWORD",
        ),
        (OperationalError(None, "no route"), False, DatabaseAwayError, "no route"),
    ],
)
def test_what_the_server_says_is_said_in_our_words(
    error: Exception,
    cut: bool,  # noqa: FBT001 - a column of the table
    kind: type[Exception],
    tells: str,
) -> None:
    place = Postgres(f"postgresql://me:{_PASSWORD.replace('/', '%2F')}@db.test/x")
    said = place.translate_driver_error(error, cut=cut)
    assert type(said) is kind
    with pytest.raises(kind, match=tells):
        raise said
    assert _PASSWORD not in str(said)


def test_an_address_that_is_none_is_refused_and_not_said() -> None:
    for url in (_PASSWORD, f"{_PASSWORD}@h:port/x"):
        with pytest.raises(DatabaseUnusableError, match="USER@HOST") as raised:
            Postgres(url)
        assert _PASSWORD not in str(raised.value)


def test_nobody_who_has_a_file_loads_the_driver() -> None:
    code = (
        "import sys, daemon.app, db.transfer; "
        "sys.exit(any(name.startswith(('psycopg', 'db.postgres', "
        "'sqlalchemy.dialects.postgresql')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
