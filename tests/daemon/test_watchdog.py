"""The watchdog is fed while there is progress, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daemon.dispatcher import Dispatcher
from daemon.runner import DaemonRunner
from daemon.schedule import Action, Scheduler
from daemon.service.systemd import SystemdNotifier
from daemon.sync.apply import ApplyResult
from daemon.sync.poller import Poller
from tests.daemon.house import House, MovingClock, house
from tests.daemon.service.manager import Manager, listening

_PATIENCE = 20.0
_POLL = 10.0


class Hands(Scheduler):
    """A schedule whose calls are made by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, Action] = {}
        self.pauses: dict[str, timedelta] = {}
        self.times: dict[str, datetime | None] = {}
        self.ready = asyncio.Event()

    def start(self) -> None:
        """Nothing begins by itself."""

    async def stop(self) -> None:
        """Nor does it have to be stopped."""

    def call_every(
        self, name: str, pause: timedelta, action: Action, now: datetime
    ) -> None:
        del now
        self.calls[name], self.pauses[name] = action, pause
        if name == "watchdog":
            self.ready.set()

    def call_at(self, name: str, time: datetime | None, action: Action) -> None:
        self.calls[name], self.times[name] = action, time


@dataclass(slots=True)
class HeldClock(MovingClock):
    """Whoever wants to wait long waits until the test lets go."""

    asked: float = 0.0
    asks: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)

    async def sleep(self, seconds: float) -> None:
        if seconds > 600:
            self.asked = seconds
            self.asks.set()
            await self.go.wait()
        else:
            await MovingClock.sleep(self, seconds)


class HungPoll(Poller):
    """Notion's client neither answers nor gives up."""

    async def poll(self) -> ApplyResult | None:
        await self.source.app.signals.stopping.wait()
        return None


class HungWork(Dispatcher):
    """The disk neither answers nor fails."""

    async def tick(self) -> datetime | None:
        await self.source.app.signals.stopping.wait()
        return None


@dataclass(slots=True)
class Watched:
    """A daemon at work, in the hands of the test, and its service manager."""

    home: House
    daemon: DaemonRunner
    hands: Hands
    manager: Manager
    running: asyncio.Task[None]

    async def fed(self) -> bool:
        """Let a third of the watchdog's time pass; say whether it was fed."""
        await self.rest()
        self.home.clock.move(seconds=self.hands.pauses["watchdog"].total_seconds())
        self.manager.heard()
        await self.hands.calls["watchdog"]()
        return self.manager.signs_of_life() == 1

    async def rest(self) -> None:
        """Let the work end that is under way, before the clock is moved."""
        await _breath()
        while self._at_work():
            await _breath()

    def _at_work(self) -> bool:
        return "work" in self.home.source.app.watchdog._until and not isinstance(
            self.daemon.dispatcher, HungWork
        )

    async def poll(self) -> None:
        await self.hands.calls["poll"]()
        # A sweep that is due begins beside the polls.
        if sweep := self.hands.calls.pop("sweep of default", None):
            await sweep()

    def stuck(self) -> list[str]:
        return [line for line in self.home.said if line.startswith("daemon.stuck")]


@asynccontextmanager
async def watched(
    folder: Path,
    *,
    watcher: type[Poller] = Poller,
    dispatcher: type[Dispatcher] = Dispatcher,
) -> AsyncIterator[Watched]:
    """Run a daemon that a service manager wants a sign of life from every minute."""
    with listening(str(folder / "notify")) as manager:
        async with house(folder, clock=HeldClock()) as home:
            hands = Hands()
            daemon = DaemonRunner(
                sources=home.sources,
                pollers=[watcher(source=home.source, target="")],
                membership=home.company,
                poll_interval=timedelta(seconds=_POLL),
                started_at=home.source.app.now(),
                schedule=hands,
                systemd=SystemdNotifier(manager.address, timedelta(minutes=1)),
            )
            daemon.dispatcher = dispatcher(home.sources)
            running = asyncio.create_task(daemon.run())
            try:
                await asyncio.wait_for(hands.ready.wait(), _PATIENCE)
                yield Watched(home, daemon, hands, manager, running)
            finally:
                daemon.stop()
                await running


async def _breath() -> None:
    await asyncio.sleep(0)


async def test_it_is_fed_thrice_a_period_while_polls_go_on(tmp_path: Path) -> None:
    async with watched(tmp_path) as watch:
        assert watch.hands.pauses["watchdog"] == timedelta(seconds=20)
        for _ in range(150):
            await watch.poll()
            assert await watch.fed()
        assert watch.home.clock.passed >= 3000
        assert watch.stuck() == []


async def test_notion_away_for_hours_is_no_standstill(tmp_path: Path) -> None:
    async with watched(tmp_path) as watch:
        watch.home.space.inject_fault("POST", times=10_000, status=503)
        watch.home.space.inject_fault("GET", times=10_000, status=503)
        for _ in range(40):
            await watch.poll()
            await watch.rest()
            watch.home.clock.move(minutes=5)
            assert await watch.fed()
        # Nor does it fill the log: one line an hour, and none of the library's own.
        said = [s.split()[0] for s in watch.home.said if "account.read" not in s]
        assert said == ["poll.failed"] * 4


async def test_a_poll_that_hangs_starves_it_and_says_so_once(tmp_path: Path) -> None:
    async with watched(tmp_path, watcher=HungPoll) as watch:
        poll = asyncio.create_task(watch.poll())
        await _breath()
        assert await watch.fed()
        await watch.rest()
        watch.home.clock.move(seconds=860)
        assert await watch.fed()
        watch.home.clock.move(seconds=20)
        assert [await watch.fed() for _ in range(9)] == [False] * 9
        assert watch.stuck() == [
            "daemon.stuck No progress: poll. Waiting for a restart"
        ]
        watch.daemon.stop()
        await poll


async def test_polls_that_are_never_made_again_starve_it(tmp_path: Path) -> None:
    async with watched(tmp_path) as watch:
        await watch.poll()
        watch.home.clock.move(seconds=_POLL + 900)
        assert not await watch.fed()
        await watch.poll()
        assert await watch.fed()
        # The next time is news again.
        watch.home.clock.move(seconds=_POLL + 900)
        assert not await watch.fed()
        assert len(watch.stuck()) == 2


async def test_an_hour_that_notion_asks_for_does_not_starve_it(tmp_path: Path) -> None:
    async with watched(tmp_path) as watch:
        clock = watch.home.clock
        assert isinstance(clock, HeldClock)
        await watch.poll()
        watch.home.space.inject_fault("/query", status=429, retry_after=3600)
        poll = asyncio.create_task(watch.poll())
        await asyncio.wait_for(clock.asks.wait(), _PATIENCE)
        assert clock.asked == pytest.approx(3600)
        until = clock.passed + 3600
        while clock.passed < until:
            assert await watch.fed()
        # Also while it asks again, after the wait.
        assert await watch.fed()
        clock.go.set()
        await poll
        assert await watch.fed()
        assert watch.stuck() == []


async def test_a_wait_that_another_request_was_told_of_counts_for_polls_too(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path) as watch:
        clock = watch.home.clock
        assert isinstance(clock, HeldClock)
        await watch.poll()
        watch.home.space.inject_fault("/users/me", status=429, retry_after=3600)
        upload = asyncio.create_task(watch.home.source.notion.fetch_bot_user())
        await asyncio.wait_for(clock.asks.wait(), _PATIENCE)
        poll = asyncio.create_task(watch.poll())
        await _breath()
        for _ in range(170):
            assert await watch.fed()
        clock.move(seconds=200)
        clock.go.set()
        await asyncio.gather(poll, upload)
        assert await watch.fed()


async def test_a_step_of_the_work_that_hangs_starves_it(tmp_path: Path) -> None:
    async with watched(tmp_path, dispatcher=HungWork) as watch:
        await watch.poll()
        watch.home.clock.move(seconds=270)
        assert await watch.fed()
        for _ in range(9):
            await watch.poll()
            assert not await watch.fed()
        assert watch.stuck() == [
            "daemon.stuck No progress: work. Waiting for a restart"
        ]


async def test_a_stop_does_not_wait_an_hour_for_notion(tmp_path: Path) -> None:
    async with watched(tmp_path) as watch:
        clock, page = watch.home.clock, watch.home.add()
        assert isinstance(clock, HeldClock)
        watch.daemon.dispatcher.patience = 0.0
        watch.home.space.inject_fault("/file_uploads", status=429, retry_after=3600)
        await watch.poll()
        await watch.rest()
        clock.move(minutes=3)
        await watch.hands.calls["due"]()
        await asyncio.wait_for(clock.asks.wait(), _PATIENCE)
        assert watch.daemon.dispatcher.notion_worker.uploading
        watch.daemon.stop()
        await asyncio.wait_for(watch.running, _PATIENCE)
        assert clock.passed < 3600
        assert watch.home.hub.painted == 1
        assert watch.home.space.list_files(page) == []
        (job,) = await watch.home.jobs()
        assert job.state == "uploading"


async def test_a_sweep_that_failed_is_tried_again_once_notion_answers(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path) as watch:
        page = watch.home.add()
        await watch.hands.calls["poll"]()
        watch.home.space.inject_fault("/query", times=5, status=503)
        await watch.hands.calls.pop("sweep of default")()
        assert any("reading all posts failed" in line for line in watch.home.said)
        watch.home.clock.move(seconds=6)
        await watch.poll()
        assert [job.page_id for job in await watch.home.jobs()] == [page]
