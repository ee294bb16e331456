"""A PostgreSQL server for the tests of one process: there once one asks for it."""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from db import upgrade
from db.backend import Backend
from db.postgres import Postgres
from db.tables import metadata

#: Set to "postgres": the daemon's tests keep what they know on a server, not in a file.
VARIABLE = "POSTBRUSH_TEST_DATABASE"
_WHY = "no PostgreSQL server is installed: apt install postgresql"
_WITH_ICU = 15
#: It is thrown away: what a disk has of it does not matter.
_OPTIONS = (
    "-c fsync=off -c full_page_writes=off -c synchronous_commit=off "
    "-c shared_buffers=16MB -c max_connections=100 -c listen_addresses="
)


def on_postgres() -> bool:
    """Say whether the daemon's tests are to run on PostgreSQL."""
    return os.environ.get(VARIABLE) == "postgres"


@dataclass(slots=True)
class Cluster:
    """A server of our own, reached by a socket in its folder."""

    folder: Path
    bin: Path
    _owner: Mapping[str, Any]
    _made: set[str] = field(default_factory=set)

    def _run(self, program: str, *words: str) -> None:
        subprocess.run(
            [self.bin / program, *words],
            check=True,
            env={
                "PATH": f"{self.bin}:/usr/bin:/bin",
                "LC_ALL": "C.UTF-8",
                "HOME": str(self.folder),
            },
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._owner,
        )

    def make(self) -> None:
        data = str(self.folder / "data")
        words = ["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8"]
        words.append("--locale=C.UTF-8")
        # As servers in the wild order texts: not by code points.
        if int(self.bin.parent.name) >= _WITH_ICU:
            words += ["--locale-provider=icu", "--icu-locale=en"]
        self._run("initdb", "-D", data, *words)

    def start(self) -> None:
        data, log = str(self.folder / "data"), str(self.folder / "log")
        options = f"-k {self.folder} {_OPTIONS}"
        self._run("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")

    def stop(self) -> None:
        data = str(self.folder / "data")
        self._run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def url(self, name: str, *, host: Path | None = None) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={host or self.folder}"

    def empty(self, name: str = "") -> Postgres:
        """Make a database without tables."""
        name = name or f"t{uuid.uuid4().hex}"
        self.ask(f"CREATE DATABASE {name}")
        self._made.add(name)
        return Postgres(self.url(name))

    def ready(self, name: str = "") -> Postgres:
        """Make a database with all tables, all of them empty."""
        if "pattern" not in self._made:
            upgrade.upgrade_schema(self.empty("pattern"))
        name = name or f"t{uuid.uuid4().hex}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE pattern")
        self._made.add(name)
        return Postgres(self.url(name))

    def of(self, folder: Path) -> Postgres:
        """Return the database of a data folder: of the same one the same."""
        name = f"h{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:40]}"
        return Postgres(self.url(name)) if name in self._made else self.ready(name)

    def drop(self) -> None:
        """Drop all databases but the pattern."""
        for name in self._made - {"pattern"}:
            self.ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            self._made.discard(name)

    def end_all(self, place: Postgres) -> None:
        """End every connection of postbrush, as a restart of the server does."""
        self.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "  # noqa: S608 - our own
            "starts_with(application_name, 'postbrush') "
            f"AND datname = '{place.url.database}'"
        )

    def ask(self, statement: str, database: str = "postgres") -> list[Any]:
        """Send one statement as the server's owner; return its rows."""
        engine = sa.create_engine(
            self.url(database), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool
        )
        with engine.connect() as connection:
            found = connection.exec_driver_sql(statement)
            return [tuple(row) for row in found] if found.returns_rows else []


def _version(program: Path) -> int:
    return int(program.parent.parent.name)


def installed_servers() -> list[Path]:
    """Return the servers that are installed, the newest last."""
    return sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_version)


#: For what makes things before it asks for a server: a skip would leave them open.
NEEDS_POSTGRES = pytest.mark.skipif(not installed_servers(), reason=_WHY)


@functools.cache
def cluster() -> Cluster:
    """Return the server of this process; skip the test where none is installed."""
    known = installed_servers()
    if not known:
        pytest.skip(_WHY)
    # A short path: that of a socket has a limit.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    owner: dict[str, Any] = {}
    if os.geteuid() == 0:
        # It refuses to run as root.
        names = {one.pw_name for one in pwd.getpwall()}
        user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
        owner = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    folder.chmod(0o755)
    made = Cluster(folder, known[-1].parent, owner)
    atexit.register(made.remove)
    made.make()
    made.start()
    return made


def stored(place: Backend) -> str:
    """Return all that a database of either kind holds, to look for words in it."""
    found: list[object] = []
    for table in metadata.sorted_tables:
        found += rows(place, f"SELECT * FROM {table.name}")  # noqa: S608 - our own
    return repr(found)


def rows(place: Backend, query: str) -> list[tuple[Any, ...]]:
    """Ask a database of either kind, as somebody outside would."""
    engine = place.create_engine(size=1)
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql(query)
            return [tuple(row) for row in found] if found.returns_rows else []
    finally:
        engine.dispose()
