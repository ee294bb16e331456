"""Several real daemons on one PostgreSQL and one store, each in a folder of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from daemon.pretend.errors import RecordedRequest
from db.postgres import Postgres
from tests.cluster import cluster, rows
from tests.daemon.cli.desk import Daemon, Desk, desk

#: As an agency would, but for the times, which a real clock is to pass soon.
SHARED = """\
chain = ["flux"]
[notion]
poll_interval = "{poll}"
requests_per_second = {rate}
[posts]
wait_after_edit = "0s"
approve_above = 0
[database]
lease = "{lease}"
[providers.flux]
concurrency = 4
"""
#: On a machine with other things to do; a hang fails by the limit of the test.
_PATIENCE = 400.0


@dataclass(slots=True)
class Crew:
    """Daemons by number; `desk` is the first one's folder, and the town of all."""

    desk: Desk
    place: Postgres
    toml: str
    running: dict[int, Daemon] = field(default_factory=dict)
    _lives: dict[int, AsyncExitStack] = field(default_factory=dict)

    def folder(self, number: int) -> Path:
        return self.desk.folder / f"daemon{number}"

    async def start(self, number: int, **environ: str) -> Daemon:
        """Start one, the first time or again."""
        self.folder(number).mkdir(exist_ok=True)
        own = replace(self.desk, folder=self.folder(number))
        own.configure(self.toml)
        life = self._lives[number] = AsyncExitStack()
        self.running[number] = await life.enter_async_context(own.daemon(**environ))
        return self.running[number]

    async def kill(self, number: int) -> None:
        """As `kill -9` does."""
        self.running.pop(number).process.kill()
        await self._lives.pop(number).aclose()

    async def close(self) -> None:
        """End all of them, as a person would."""
        ends = {number: await one.end() for number, one in self.running.items()}
        for life in self._lives.values():
            await life.aclose()
        assert set(ends.values()) <= {0}, ends

    def uploads(self) -> list[RecordedRequest]:
        """The writes that put an image on a page."""
        return [
            request
            for request in self.desk.town.workspace.requests
            if puts_image(request)
        ]

    async def until(
        self, happened: Callable[[], bool], *, within: float = _PATIENCE
    ) -> None:
        """Wait until something has happened in the town."""
        async with asyncio.timeout(within):
            seen = -1
            while not happened():
                seen = await self.desk.town.workspace.wait_changed(seen, 1)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return rows(self.place, query)

    def speaker(self) -> int:
        """Return who asks Notion: the one that holds a lock for as long as it lives."""
        held = self.ask(
            "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND application_name LIKE 'postbrush %%'"
        )
        ((name,),) = set(held)
        known = {
            (self.folder(number) / "postbrush.id").read_text().strip(): number
            for number in self.running
        }
        return known[name.removeprefix("postbrush ")]


def puts_image(one: RecordedRequest) -> bool:
    properties = (one.body or {}).get("properties") or {}
    files = [value for value in properties.values() if value.get("files")]
    return one.method == "PATCH" and one.status == 200 and bool(files)


@asynccontextmanager
async def crew(
    folder: Path,
    *,
    size: int,
    rate: int,
    poll: str = "1s",
    lease: str = "3s",
    top: str = "",
    toml: str = "",
    **environ: str,
) -> AsyncIterator[Crew]:
    """Set one up; nobody runs yet."""
    place = cluster().ready()
    async with desk(folder) as new_desk:
        url = place.url.render_as_string()
        new_desk.environ |= {"POSTBRUSH_DATABASE__URL": url, **environ}
        # What Notion enforces in these tests is what the daemons are told.
        new_desk.town.workspace.requests_per_minute = 60 * rate
        # What comes before the first table is of none.
        text = top + SHARED.format(rate=rate, poll=poll, lease=lease) + toml
        made = Crew(new_desk, place, text)
        try:
            for number in range(size):
                await made.start(number)
            yield made
        except BaseException:
            for number, daemon in made.running.items():
                print(f"== daemon {number}", *daemon.raw[-60:], sep="\n")  # noqa: T201 - shown when the test fails
            raise
        finally:
            with contextlib.suppress(TimeoutError):
                await made.close()
