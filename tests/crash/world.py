"""The world a dying daemon lives in, and what outside observers see of it."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.clock import utc_now
from daemon.pretend.town import Town
from tests.crash.child import live
from tests.daemon.services import keys_for, toml_for
from tests.providers.fakes import FAKES, Fake

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.crash.child"])
_LIFE_SECONDS = 60


@dataclass(slots=True)
class World:
    """A town, a service, a page, and a data folder."""

    folder: Path
    town: Town
    fake: Fake
    environ: Mapping[str, str]
    page: str

    async def life(self, die_at: int = 0) -> tuple[int | None, list[str]]:
        """Live once; return the exit code and the borders that were crossed."""
        journal = self.folder / "borders"
        journal.unlink(missing_ok=True)
        process = _PROCESSES.Process(
            target=live,
            args=(str(self.folder), dict(self.environ), str(journal), die_at),
        )
        process.start()
        await asyncio.to_thread(process.join, _LIFE_SECONDS)
        if process.is_alive():
            process.kill()
            raise AssertionError("it did not come to an end")
        crossed = journal.read_text().splitlines() if journal.exists() else []
        return process.exitcode, crossed

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the database, as somebody outside would."""
        with sqlite3.connect(self.folder / "postbrush.db") as connection:
            return connection.execute(query).fetchall()

    @property
    def writes(self) -> list[str]:
        """Writes to the page that Notion carried out."""
        return [
            one.path
            for one in self.town.workspace.requests
            if one.method == "PATCH" and "/pages/" in one.path
        ]


def _set_up(folder: Path, toml: str) -> None:
    folder.mkdir(parents=True)
    more = "[posts]\nsettle = '0s'\n[notion]\nrequests_per_second = 100\n"
    (folder / "postbrush.toml").write_text(toml + more)


@asynccontextmanager
async def world(folder: Path, kind: str, *, ticked: bool) -> AsyncIterator[World]:
    """Make one with one post, ticked or new."""
    town = Town(now=utc_now)
    town.workspace.requests_per_minute = None
    async with town, FAKES[kind](looks=1).serving() as fake:
        _set_up(folder, toml_for(kind, fake))
        environ = {
            "NOTION_TOKEN": town.workspace.token,
            "POSTBRUSH_NOTION__BASE_URL": town.notion_url,
            **keys_for(kind, fake),
        }
        values = {"Name": "Bread", "Post": "Bread at dawn.", "Regenerate": ticked}
        page = str(town.workspace.add_page(town.source.id, values))
        yield World(folder, town, fake, environ, page)
