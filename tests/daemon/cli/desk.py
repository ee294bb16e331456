"""The built command as its owner runs it: a process of its own, a town around it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from daemon.clock import utc_now
from daemon.pretend.server import FakeServer
from db.backend import Backend
from db.postgres import Postgres
from db.sqlite import Sqlite
from tests.cluster import cluster, on_postgres, rows
from tests.daemon.cli.process import COMMAND, Process, started
from tests.daemon.cli.shapes import check_shape
from tests.daemon.cli.zygote import Request
from tests.daemon.power import empty_database

#: Short times, so that a real clock is fast enough.
QUICK = """\
[notion]
poll_interval = "1s"
requests_per_second = 50
[posts]
wait_after_edit = "0s"
"""
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.out)


@dataclass(slots=True)
class Daemon:
    """A running `postbrush run` and the lines it has said."""

    process: Process
    lines: list[dict[str, Any]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def listen(self) -> None:
        """Collect what it says until it ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            async with self.more:
                self.raw.append(line.decode())
                if line.startswith(b"{"):
                    self.lines.append(json.loads(line))
                self.more.notify_all()
        async with self.more:
            self.more.notify_all()

    async def says(self, event: str, times: int = 1) -> dict[str, Any]:
        """Wait until it has said *event* so often; return the newest."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.lines if line.get("event") == event]

        async with asyncio.timeout(_PATIENCE), self.more:
            await self.more.wait_for(lambda: len(found()) >= times)
        return found()[-1]

    async def end(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; return the exit code."""
        self.process.send_signal(sign)
        async with asyncio.timeout(_PATIENCE):
            return await self.process.wait()


@dataclass(slots=True)
class Desk:
    """A folder with a configuration, and the town it points at."""

    folder: Path
    town: FakeServer
    environ: dict[str, str]

    def without_database(self) -> None:
        """Be one whose daemon was never started."""
        if on_postgres():
            self.environ["POSTBRUSH_DATABASE__URL"] = of_server(cluster().empty())

    def elsewhere(self, folder: str) -> dict[str, str]:
        """Return what makes commands work on another data folder, a new one."""
        environ = {"POSTBRUSH_DATA_DIR": str(self.folder / folder)}
        if on_postgres():
            environ["POSTBRUSH_DATABASE__URL"] = of_server(cluster().empty())
        return environ

    def configure(self, text: str) -> None:
        """Write the configuration."""
        (self.folder / "postbrush.toml").write_text(text)

    def add(self, title: str = "A post", post: str = "Bread.", **cells: object) -> str:
        values: Mapping[str, object] = {"Name": title, "Post": post, **cells}
        return self.town.workspace.add_page(self.town.source.id, values)

    async def cli(self, *words: str, given: str = "", **environ: str) -> Said:
        """Run a command to its end; what it prints as JSON has the shape of docs."""
        said = await self._ended(await self._start(*words, environ=environ), given)
        check_shape(words, said.out)
        return said

    async def cli_itself(self, *words: str) -> Said:
        """Run one that imports what it needs by itself."""
        return await self._ended(await self._start(*words, environ={}, really=True))

    async def _ended(self, process: Process, given: str = "") -> Said:
        async with asyncio.timeout(_PATIENCE):
            out, err = await process.communicate(given.encode())
        return Said(process.returncode or 0, out.decode(), err.decode())

    async def _start(
        self,
        *words: str,
        environ: Mapping[str, str],
        merged: bool = False,
        really: bool = False,
    ) -> Process:
        request = Request(
            command=[str(COMMAND), *words],
            environ={**self.environ, **environ},
            folder=str(self.folder),
            really=really,
        )
        return await started(request, merged=merged)

    @asynccontextmanager
    async def daemon(self, **environ: str) -> AsyncIterator[Daemon]:
        """Run the daemon beside everything else."""
        # Most are about its life, not the one start that has a database to make.
        database = self.folder / "postbrush.db"
        on_a_server = "POSTBRUSH_DATABASE__URL" in self.environ
        if not on_a_server and not database.exists():
            database.write_bytes(empty_database())
        process = await self._start("run", environ=environ, merged=True)
        daemon = Daemon(process)
        listening = asyncio.create_task(daemon.listen())
        try:
            await daemon.says("daemon.ready")
            yield daemon
        except TimeoutError:
            print("".join(daemon.raw))  # noqa: T201 - shown when the test fails
            raise
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await listening

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait until something has happened in the town."""
        async with asyncio.timeout(_PATIENCE):
            seen = -1
            while not happened():
                seen = await self.town.workspace.wait_changed(seen, 1)

    @property
    def place(self) -> Backend:
        """The database that its commands are set to."""
        url = self.environ.get("POSTBRUSH_DATABASE__URL")
        return Postgres(url) if url else Sqlite(self.folder / "postbrush.db")

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database, as somebody outside would."""
        return rows(self.place, query)

    def shows(self, page: str) -> str:
        """Return a page's image status."""
        return str(self.town.workspace.read_cells(page)["Image status"])


def of_server(place: Postgres) -> str:
    """Return the address that a command finds a database of the tests under."""
    return cluster().url(str(place.url.database))


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    """Set a desk up in an empty folder."""
    async with FakeServer(now=utc_now) as town:
        town.workspace.requests_per_minute = None
        environ = {
            # So that messages name commands as `postbrush ...`.
            "PATH": f"{COMMAND.parent}:{os.environ['PATH']}",
            # Large images take time, and promise nothing more.
            "POSTBRUSH_IMAGES__FORMAT": "256x256",
            # Several run at once, and a port is one's alone.
            "POSTBRUSH_WEB__LISTEN": "off",
            # Few certificates are soon read; a benchmark has those of the system.
            **{n: v for n, v in os.environ.items() if n == "SSL_CERT_FILE"},
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "100",
            "TZ": "UTC",
            "NOTION_TOKEN": town.workspace.token,
            "HUGGINGFACE_TOKEN": town.hub.token,
            "POSTBRUSH_NOTION__BASE_URL": town.url,
            "POSTBRUSH_PROVIDERS__FLUX__BASE_URL": town.hf_url,
            "POSTBRUSH_PROVIDERS__FLUX__HUB_URL": town.hf_url,
            "POSTBRUSH_PROVIDERS__SPACE__BASE_URL": town.hf_url,
            "POSTBRUSH_PROVIDERS__SPACE__HUB_URL": town.hf_url,
            "POSTBRUSH_WRITER__USE": "off",
        }
        new_desk = Desk(folder, town, environ)
        new_desk.configure(QUICK)
        yield new_desk
