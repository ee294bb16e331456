"""A whole postbrush against the pretend world, over HTTP, with a clock to move."""

from __future__ import annotations

import asyncio
import io
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from daemon import app, config
from daemon.clock import Clock
from daemon.cluster.base import Membership
from daemon.cluster.member import ClusterMember
from daemon.config import Settings
from daemon.context import SourceContext, Sources
from daemon.dispatcher import Dispatcher
from daemon.pretend.server import FakeServer
from daemon.service import log
from daemon.source_setup import build_pollers
from daemon.sync.poller import Poller
from daemon.sync.sweep import sweep_if_due
from db import attempts, jobs, queue
from db.backend import Backend
from db.models import Attempt, Job, JobEvent
from db.sqlite import Sqlite
from tests.cluster import cluster, on_postgres
from tests.daemon.power import empty_database

START = datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
#: Nobody's: no test speaks TLS, and reading all that are trusted takes a while.
TRUSTED = Path(__file__).with_name("trusted.pem")


@dataclass(slots=True)
class MovingClock:
    """Time passes only when somebody waits, or the test says so."""

    time: datetime = START
    passed: float = 0.0

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        # Whoever waits longest decides; two who wait at once do not add up.
        until = self.passed + seconds
        await asyncio.sleep(0)
        self.move(seconds=max(0.0, until - self.passed))

    def monotonic(self) -> float:
        return self.passed

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)
        self.passed += timedelta(**by).total_seconds()


@dataclass(slots=True)
class House:
    """One data folder, one daemon's parts, one town around it."""

    town: FakeServer
    clock: MovingClock
    settings: Settings
    sources: Sources
    watchers: Sequence[Poller]
    company: Membership
    dispatcher: Dispatcher
    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    @property
    def source(self) -> SourceContext:
        return self.sources.first

    @property
    def watcher(self) -> Poller:
        return self.watchers[0]

    @property
    def space(self) -> Any:  # noqa: ANN401 - Workspace, for brevity in tests
        return self.town.workspace

    @property
    def hub(self) -> Any:  # noqa: ANN401 - Hub, likewise
        return self.town.hub

    def add(
        self,
        title: str = "A post",
        post: str = "Bread for everyone.",
        **cells: Any,  # noqa: ANN401 - plain values
    ) -> str:
        values = {"Name": title, "Post": post, **cells}
        return str(self.space.add_page(self.town.source.id, values))

    async def poll(self) -> None:
        for watcher in self.watchers:
            if watcher.source.state.is_leader:
                await watcher.poll()

    async def sweep(self) -> None:
        for source in self.sources:
            if source.state.is_leader:
                await sweep_if_due(source)

    async def work(self) -> datetime | None:
        """Do all that can be done now; return when there is more."""
        while True:
            self.source.app.signals.kick.clear()
            due_at = await self.dispatcher.tick()
            if not self.dispatcher.is_busy:
                if not self.source.app.signals.kick.is_set():
                    return due_at
                continue
            await self.source.app.signals.kick.wait()

    async def begin(self) -> None:
        """The first look of a daemon's life."""
        await self.company.recover_work()
        await self.poll()
        await self.sweep()

    async def die(self) -> None:
        """Leave everything as a power cut does: nobody holds any lock."""
        (self.settings.data_dir / "postbrush.lock").unlink()
        if isinstance(self.company, ClusterMember):
            await self.company.presence._close_connection()

    async def live(self, seconds: float = 130) -> None:
        """Let some time pass in which the daemon polls, settles and works."""
        await self.poll()
        await self.work()
        self.clock.move(seconds=seconds)
        await self.poll()
        await self.work()

    async def pass_time(self, *, minutes: float, steps: int = 12) -> None:
        """Let time pass with a poll and all work that is due, every so often."""
        for _ in range(steps):
            self.clock.move(minutes=minutes / steps)
            await self.poll()
            await self.work()

    async def jobs(self) -> list[Job]:
        async with self.source.app.db.read_transaction() as tx:
            newest_first = await queue.list_jobs(tx, limit=500)
        return list(reversed(newest_first))

    async def calls(self, job_id: int | None = None) -> list[Attempt]:
        found: list[Attempt] = []
        async with self.source.app.db.read_transaction() as tx:
            for job in reversed(await queue.list_jobs(tx, limit=500)):
                if job_id in {None, job.id}:
                    found += await attempts.of_job(tx, job.id)
        return found

    async def jobs_all(self) -> list[Job]:
        async with self.source.app.db.read_transaction() as tx:
            return await queue.list_jobs(tx, limit=100_000)

    async def calls_all(self) -> list[Attempt]:
        async with self.source.app.db.read_transaction() as tx:
            by_job = await attempts.of_jobs(
                tx, [job.id for job in await queue.list_jobs(tx, limit=100_000)]
            )
        return [one for some in by_job.values() for one in some]

    async def history(self, job_id: int) -> list[JobEvent]:
        async with self.source.app.db.read_transaction() as tx:
            return await jobs.list_events(tx, job_id)

    def writes(self) -> list[str]:
        """What an observer at Notion's door counts as writes."""
        return [f"{r.method} {r.path}" for r in self.space.requests if r.is_write]

    def forget(self) -> None:
        self.space.requests.clear()
        self.hub.served.clear()

    def read(self, page: str) -> Mapping[str, Any]:
        return dict(self.space.read_cells(page))


@asynccontextmanager
async def house(
    folder: Path,
    *,
    toml: str = "",
    hugging: bool = True,
    town: FakeServer | None = None,
    clock: MovingClock | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[House]:
    """Open a house; *town* and *clock* of an earlier one for a restart."""
    clock = clock or MovingClock()
    own = town is None
    town = town or FakeServer(now=clock.now)
    if own:
        town.workspace.requests_per_minute = None
        town.hub.sleep = clock.sleep
        await town.start()
    try:
        settings = settings_for(
            folder, town, toml, hugging=hugging, environ=environ or {}
        )
        database = settings.data_dir / "postbrush.db"
        if not database.exists() and not on_postgres():
            database.write_bytes(empty_database())
        said: list[str] = []
        warned: list[str] = []

        def note(line: log.LogLine) -> None:
            said.append(line.message)
            if line.level in {"warning", "error"}:
                warned.append(line.message)

        log.configure("debug", "pretty", environ={}, stream=io.StringIO())
        with log.listen_to_log(note):
            async with (
                app.data_dir_lock(settings, "run"),
                app.open_context(
                    settings,
                    clock=Clock(
                        now=clock.now,
                        monotonic=clock.monotonic,
                        elapsed=clock.monotonic,
                        sleep=clock.sleep,
                        zone=ZONE,
                    ),
                ) as sources,
                app.join_cluster(settings, sources) as company,
            ):
                yield House(
                    town=town,
                    clock=clock,
                    settings=settings,
                    sources=sources,
                    watchers=build_pollers(sources),
                    company=company,
                    dispatcher=Dispatcher(sources),
                    said=said,
                    warned=warned,
                )
    finally:
        structlog.reset_defaults()
        if own:
            await town.stop()


def place_of(folder: Path) -> Backend:
    """Return where the database of a data folder is."""
    if on_postgres():
        return cluster().of(folder)
    return Sqlite(folder / "postbrush.db")


def settings_for(
    folder: Path,
    town: FakeServer,
    toml: str = "",
    *,
    hugging: bool = True,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Return a configuration that points at *town*."""
    folder.mkdir(exist_ok=True)
    path = folder / "postbrush.toml"
    path.write_text(toml)
    given = {
        "NOTION_TOKEN": town.workspace.token,
        "POSTBRUSH_NOTION__BASE_URL": town.url,
        "POSTBRUSH_NOTION__REQUESTS_PER_SECOND": "100",
        "POSTBRUSH_PROVIDERS__FLUX__BASE_URL": town.hf_url,
        "POSTBRUSH_PROVIDERS__FLUX__HUB_URL": town.hf_url,
        "POSTBRUSH_PROVIDERS__SPACE__BASE_URL": town.hf_url,
        "POSTBRUSH_PROVIDERS__SPACE__HUB_URL": town.hf_url,
        **({} if "[writer]" in toml else {"POSTBRUSH_WRITER__USE": "off"}),
        **(environ or {}),
    }
    if "format" not in toml:
        # Large images take time, and promise nothing more.
        given.setdefault("POSTBRUSH_IMAGES__FORMAT", "256x256")
    if on_postgres():
        url = cluster().of(folder).url.render_as_string()
        given.setdefault("POSTBRUSH_DATABASE__URL", url)
    if hugging:
        given["HUGGINGFACE_TOKEN"] = town.hub.token
        if "chain" not in tomllib.loads(toml):
            given.setdefault("POSTBRUSH_CHAIN", '["flux", "freeapi"]')
    return config.load_settings(path, given, folder)
