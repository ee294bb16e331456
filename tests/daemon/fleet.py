"""Several daemons on one PostgreSQL: all of them but their process, and its clock."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon.pretend.server import FakeServer
from db.errors import DatabaseAwayError
from db.postgres import Postgres
from db.states import JobState
from tests.cluster import cluster
from tests.daemon.house import House, MovingClock, house


@dataclass(slots=True)
class Fleet:
    """Daemons of one database, each with a folder of its own but for the images."""

    houses: list[House]
    place: Postgres

    @property
    def first(self) -> House:
        return self.houses[0]

    async def begin(self) -> None:
        for member in self.houses:
            await member.begin()
            await member.dispatcher.accounts.refresh_all()

    async def live(self, rounds: int = 40) -> None:
        """Let all of them poll and work until nothing is open."""
        for _ in range(rounds):
            for member in self.houses:
                await member.company.renew_membership()
                await member.poll()
            await asyncio.gather(*(self._along(member) for member in self.houses))
            if not await self.open():
                return
            self.first.clock.move(seconds=20)
        raise AssertionError(f"still open: {await self.open()}")

    async def _along(self, home: House) -> None:
        """Work as long as any of them does: each may make work for the others."""
        while True:
            await work(home)
            if not any(member.dispatcher.is_busy for member in self.houses):
                return
            await asyncio.sleep(0)

    async def open(self) -> list[tuple[int, JobState]]:
        jobs = await self.first.jobs()
        return [(job.id, job.state) for job in jobs if job.is_open]

    def speakers(self) -> list[House]:
        return [member for member in self.houses if member.source.state.is_leader]

    async def makers(self) -> Counter[str]:
        return Counter(job.claimed_by for job in await self.first.jobs())


@asynccontextmanager
async def fleet(
    folder: Path,
    *,
    size: int = 3,
    toml: str = "",
    environs: Sequence[Mapping[str, str]] = (),
) -> AsyncIterator[Fleet]:
    clock = MovingClock()
    town = FakeServer(now=clock.now)
    town.workspace.requests_per_minute = None
    town.hub.sleep = clock.sleep
    place = cluster().ready()
    url = place.url.render_as_string()
    (folder / "shared").mkdir()
    await town.start()
    try:
        async with AsyncExitStack() as stack:
            houses: list[House] = []
            for number in range(size):
                own = folder / f"daemon{number}"
                own.mkdir()
                (own / "images").symlink_to(folder / "shared")
                more = environs[number] if environs else {}
                environ = {"POSTBRUSH_DATABASE__URL": url, **more}
                made = house(own, toml=toml, town=town, clock=clock, environ=environ)
                houses.append(await stack.enter_async_context(made))
            yield Fleet(houses, place)
    finally:
        await town.stop()


async def until(true: Callable[[], object]) -> None:
    """Let others work until something is so; nothing waits for time to pass."""
    while not true():  # noqa: ASYNC110 - what is waited for sets no event
        await asyncio.sleep(0)


async def work(home: House) -> None:
    """Work as the loop does, which goes on when the database is back."""
    while True:
        try:
            await home.work()
        except DatabaseAwayError:
            continue
        else:
            return


def asked(home: House) -> int:
    return sum(home.source.app.traffic.values())
