"""The schema: made, copied before it changes, never downgraded."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command

from db import upgrade
from db.errors import DatabaseUnusableError
from db.sqlite import Sqlite

ROOT = Path(__file__).resolve().parent.parent.parent


def _tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as db:
        return {row[0] for row in db.execute("select name from sqlite_master")}


def test_the_known_revisions_are_the_files() -> None:
    names = [path.stem for path in (ROOT / "migrations" / "versions").glob("rev_*.py")]
    assert sorted(name.removeprefix("rev_") for name in names) == sorted(
        upgrade.REVISIONS
    )


def test_a_new_database_is_made_at_once_and_a_second_time_untouched(
    tmp_path: Path,
) -> None:
    path = tmp_path / "data" / "postbrush.db"
    assert upgrade.upgrade_schema(Sqlite(path)) is None
    assert {"jobs", "events", "attempts", "images", "posts"} <= _tables(path)
    assert Sqlite(path).current_revision() == upgrade.HEAD
    before = path.read_bytes()
    assert upgrade.upgrade_schema(Sqlite(path)) is None
    assert path.read_bytes() == before
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("pragma journal_mode").fetchone() == ("wal",)


def test_an_older_database_is_copied_before_it_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "postbrush.db"
    upgrade.upgrade_schema(Sqlite(path))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("create table kept (words text)")
        db.execute("insert into kept values ('from before')")
    newest = upgrade.HEAD
    # As if a later program, with one more revision, met it.
    monkeypatch.setattr(upgrade, "REVISIONS", (*upgrade.REVISIONS, "b2_later"))
    monkeypatch.setattr(upgrade, "HEAD", "b2_later")
    with pytest.raises(DatabaseUnusableError, match="older postbrush"):
        upgrade.require_current(Sqlite(path))
    copy = upgrade.upgrade_schema(Sqlite(path))
    assert copy is not None
    assert copy.name == f"postbrush.db.before-b2_later-was-{newest}"
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("select words from kept").fetchone() == ("from before",)


@pytest.mark.parametrize(
    ("content", "tells"),
    [(b"rubbish" * 999, "database"), (b"SQLite format 3\x00" + bytes(99), "database")],
)
def test_what_is_no_database_is_refused_and_kept(
    tmp_path: Path, content: bytes, tells: str
) -> None:
    path = tmp_path / "postbrush.db"
    path.write_bytes(content)
    for ask in (upgrade.upgrade_schema, upgrade.require_current):
        with pytest.raises(DatabaseUnusableError, match=tells):
            ask(Sqlite(path))
    assert path.read_bytes() == content


def test_a_newer_database_and_another_programs_are_refused(tmp_path: Path) -> None:
    newer, other = tmp_path / "newer.db", tmp_path / "other.db"
    upgrade.upgrade_schema(Sqlite(newer))
    with closing(sqlite3.connect(newer)) as db, db:
        db.execute("update alembic_version set version_num = 'z9_later'")
    with closing(sqlite3.connect(other)) as db, db:
        db.execute("create table theirs (a)")
    for path, tells in ((newer, "newer postbrush"), (other, "another program")):
        for ask in (upgrade.upgrade_schema, upgrade.require_current):
            with pytest.raises(DatabaseUnusableError, match=tells):
                ask(Sqlite(path))


def test_a_migration_that_is_cut_off_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "postbrush.db"
    upgrade.upgrade_schema(Sqlite(path))
    whole = _tables(path)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("delete from alembic_version")
        db.execute("insert into alembic_version values ('a0_before')")
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        (versions.parent / name).write_text((ROOT / "migrations" / name).read_text())
    (versions / "a0.py").write_text(
        "revision='a0_before'\ndown_revision=None\ndef upgrade(): pass\n"
    )
    (versions / "a1.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        "revision='a1_first'\ndown_revision='a0_before'\n"
        "def upgrade():\n"
        "    op.drop_table('events')\n"
        "    op.execute('insert into nothing values (1)')\n"
    )
    monkeypatch.setattr(upgrade, "_MIGRATIONS", versions.parent)
    monkeypatch.setattr(upgrade, "REVISIONS", ("a0_before", "a1_first"))
    with pytest.raises(Exception, match="nothing"):
        upgrade.upgrade_schema(Sqlite(path))
    assert _tables(path) == whole
    assert Sqlite(path).current_revision() == "a0_before"


def test_the_first_database_gets_what_came_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, whole = tmp_path / "postbrush.db", command.upgrade
    with monkeypatch.context() as then:
        then.setattr(command, "upgrade", lambda config, _: whole(config, "a1_first"))
        upgrade.upgrade_schema(Sqlite(path))
    assert Sqlite(path).current_revision() == "a1_first"
    copy = upgrade.upgrade_schema(Sqlite(path))
    assert copy is not None
    assert Sqlite(copy).current_revision() == "a1_first"
    with closing(sqlite3.connect(path)) as db:
        names = {row[1] for row in db.execute("pragma table_info(images)")}
        assert "pruned_at" in names
        assert db.execute("select * from pauses").fetchall() == []
