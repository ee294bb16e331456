"""The world a dying daemon lives in, and what outside observers see of it."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.clock import utc_now
from daemon.pretend.server import FakeServer
from db.sqlite import Sqlite
from tests.cluster import cluster, on_postgres, rows
from tests.crash.child import live
from tests.daemon.power import empty_database
from tests.daemon.services import keys_for, toml_for
from tests.providers.fakes import FAKES, Fake

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.crash.preloaded"])
_LIFE_SECONDS = 60


@dataclass(slots=True)
class World:
    """A town, a service, a page, and a data folder."""

    folder: Path
    town: FakeServer
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
        if on_postgres():
            return rows(cluster().of(self.folder), query)
        return rows(Sqlite(self.folder / "postbrush.db"), query)

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
    (folder / "postbrush.db").write_bytes(empty_database())
    more = "[posts]\nwait_after_edit = '0s'\n[notion]\nrequests_per_second = 100\n"
    more += "[images]\nformat = '256x256'\n"
    (folder / "postbrush.toml").write_text(toml + more)


@asynccontextmanager
async def world(folder: Path, kind: str, *, ticked: bool) -> AsyncIterator[World]:
    """Make one with one post, ticked or new."""
    town = FakeServer(now=utc_now)
    town.workspace.requests_per_minute = None
    async with town, FAKES[kind](looks=1).serving() as fake:
        _set_up(folder, toml_for(kind, fake))
        environ = {
            "NOTION_TOKEN": town.workspace.token,
            "POSTBRUSH_NOTION__BASE_URL": town.url,
            "POSTBRUSH_WRITER__USE": "off",
            **keys_for(kind, fake),
        }
        if on_postgres():
            place = cluster().of(folder)
            environ["POSTBRUSH_DATABASE__URL"] = place.url.render_as_string()
        values = {"Name": "Bread", "Post": "Bread at dawn.", "Regenerate": ticked}
        page = str(town.workspace.add_page(town.source.id, values))
        yield World(folder, town, fake, environ, page)
    if on_postgres():
        cluster().drop()


#: The call is on record from the first of these, and what it brought from the second:
#: in between the service may have been paid, and nobody can know.
_BEGUN = "after commit in generation/provider_call.admit_call"
_KEPT = (
    "after commit in generation/provider_call.commit_remote_id",
    "after link of the image",
)


def unknowable(borders: list[str], number: int) -> bool:
    """Say whether who dies at that crossing cannot know if a call was paid for."""
    kept = next(n for n, border in enumerate(borders) if border in _KEPT)
    return borders.index(_BEGUN) < number <= kept


def all_is_well(here: World, where: str, most_writes: int, *, unknowable: bool) -> None:
    space = here.town.workspace
    cells = space.read_cells(here.page)
    (file,) = space.list_files(here.page)
    # The wish has its one outcome.
    rows = here.rows("SELECT state, pending_write, again FROM jobs")
    assert rows == [("done", "", None)], where
    assert cells["Image status"] == "Done", where
    assert cells["Regenerate"] is False, where
    # The page shows what the database says, and it is on disk.
    ((name, on_page),) = here.rows("SELECT name, shown_at FROM images")
    assert (file.name, on_page is not None) == (name, True), where
    on_disk = {path.name for path in (here.folder / "images").iterdir()}
    assert on_disk == {name}, where
    # Nothing was knowingly paid for twice, and whatever may have been is counted.
    attempts = here.rows("SELECT outcome, cost + included_cost, price FROM attempts")
    outcomes = Counter(outcome for outcome, _, _ in attempts)
    assert outcomes["image"] == 1, where
    unknown = outcomes["unknown"]
    assert unknown <= unknowable, where
    assert here.fake.painted <= 1 + unknown, where
    assert sum(counted for _, counted, _ in attempts) >= (
        here.fake.painted * attempts[0][2] - 1e-9
    ), where
    # Notion was not written to more often than one answer was lost.
    assert len(here.writes) <= most_writes, where
