"""The town and the daemon of a searched history: it works, dies, and is looked at."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar, cast
from unittest import mock

from hypothesis.stateful import RuleBasedStateMachine, initialize

from daemon.jobs import actions
from daemon.notion.api import NotionApi
from daemon.pretend.server import FakeServer
from db import images, jobs, posts, source_state
from db.models import Job, JobEvent
from db.states import JobState
from providers.charges import FREE
from tests.daemon.house import House, MovingClock, house
from tests.daemon.power import PowerCut, empty_database
from tests.daemon.reading import HeldUp
from tests.daemon.storm import work_until
from tests.daemon.test_races import OurClock

T = TypeVar("T")
_TOML = """\
chain = ["flux", "freeapi"]
[posts]
approve_above = 3
replacements_per_day = 50
[budget]
month = 0.5
per_post_day = 6
[providers.flux]
price = 0.0035
"""
#: What a step may take; more would be turning in circles.
_MOST_STEPS = 400
#: Events of a job's history that lead nowhere by themselves.
_NO_PROGRESS = {"delayed", "resumed"}
#: Seconds: an hour, and the ten minutes between two looks of the search.
_SILENCE = 4200


class SearchedTown(RuleBasedStateMachine):
    """One town, one data folder, and a daemon that is there or not.

    Attributes:
        wishes: By page, how often somebody asked for an image: an upper bound.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name) / "data"
        self.folder.mkdir()
        self.clock = OurClock()
        self.clock.other = MovingClock()
        self.town = FakeServer(now=self.clock.other.now)
        self.stack = contextlib.AsyncExitStack()
        self.home: House | None = None
        self.words = 0
        self.wishes: Counter[str] = Counter()

    def run(self, work: Awaitable[T]) -> T:
        async def whole() -> T:
            return await work

        return self.loop.run_until_complete(whole())

    @initialize()
    def begin(self) -> None:
        self.town.workspace.requests_per_minute = None
        self.town.hub.sleep = self.clock.sleep
        self.run(self.town.start())
        (self.folder / "postbrush.db").write_bytes(empty_database())
        self.start()

    def start(self) -> None:
        self.stack = contextlib.AsyncExitStack()
        made = house(self.folder, toml=_TOML, town=self.town, clock=self.clock)
        self.home = self.run(self.stack.enter_async_context(made))
        self.run(self.home.begin())

    @property
    def daemon(self) -> House:
        assert self.home is not None
        return self.home

    async def work(self) -> None:
        """Poll and do all that can be done now, counting the steps."""
        daemon, steps = self.daemon, 0
        await daemon.poll()
        while True:
            daemon.source.app.signals.kick.clear()
            await daemon.dispatcher.tick()
            steps += 1
            assert steps < _MOST_STEPS, "it turns in circles"
            if daemon.dispatcher.is_busy:
                await daemon.source.app.signals.kick.wait()
            elif not daemon.source.app.signals.kick.is_set():
                return

    async def approve(self, newest: int | None) -> None:
        async with self.daemon.source.app.db.write_transaction() as tx:
            await actions.approve_held(tx, newest, self.clock.now())

    async def sweep_while(self, something: Callable[[], object]) -> None:
        """Sweep; after its answer was read something happens, and a poll sees it."""
        daemon, source = self.daemon, self.daemon.source
        async with source.app.db.write_transaction() as tx:
            state = await source_state.load_source_state(tx, source.name)
            if state is not None:
                await source_state.save_source_state(
                    tx, replace(state, last_sweep_at=None)
                )

        async def meanwhile(_window: int) -> None:
            something()
            # Notion's times are of a minute.
            self.clock.move(seconds=70)
            await self.work()

        door = source.notion
        object.__setattr__(
            source, "notion", cast("NotionApi", HeldUp(door, meanwhile=meanwhile))
        )
        try:
            await daemon.sweep()
        finally:
            object.__setattr__(source, "notion", door)

    async def pass_minute(self) -> None:
        """Live a minute; nothing came of it: then few requests were sent."""
        space, begin = self.town.workspace, self.clock.passed
        before = await self._count_progress()
        waiting = [
            job for job in await self.daemon.jobs() if job.is_open or job.pending_write
        ]
        sent = len(space.requests)
        while self.clock.passed < begin + 60:
            await self.work()
            await work_until(self.daemon, self.clock.time + timedelta(seconds=5))
        sent = len(space.requests) - sent
        if before == await self._count_progress():
            # A poll every 5 seconds, and for each job a try every 5, 10, 20 seconds,
            # each of up to five requests.
            assert sent <= 20 + 20 * len(waiting), space.requests[-1]

    async def _count_progress(self) -> int:
        calls = await self.daemon.calls()
        rows = [
            row for job in await self.daemon.jobs() for row in await self._rows(job)
        ]
        # Time that is over in the waiting rooms is progress, too.
        return len(calls) + sum(row.event not in _NO_PROGRESS for row in rows)

    async def _rows(self, job: Job) -> list[JobEvent]:
        return await self.daemon.history(job.id)

    async def pass_hours(self) -> None:
        """Live two hours, in which nothing that fails is silent for one."""
        spoken = self.clock.passed
        for _ in range(12):
            said = await self._count_signs()
            await self.work()
            self.clock.move(minutes=10)
            if said != await self._count_signs() or not self._fails():
                spoken = self.clock.passed
            assert self.clock.passed - spoken <= _SILENCE, self._fails()

    async def _count_signs(self) -> int:
        rows = [
            row for job in await self.daemon.jobs() for row in await self._rows(job)
        ]
        return len(self.daemon.warned) + len(rows)

    def _fails(self) -> list[str]:
        source = self.daemon.source
        failing = [
            f"{task.subject} {task.why}"
            for task in source.app.retry_schedule.of_tasks()
        ]
        return [
            *failing,
            *([source.notion_backoff.why] if source.notion_backoff.why else []),
        ]

    async def _die(self, commits: int, *, kept: bool) -> None:
        daemon, cut = self.daemon, PowerCut(commits, kept=kept)
        with mock.patch.object(
            daemon.source.app.db, "write_transaction", cut.over(daemon.source.app.db)
        ):
            task = asyncio.ensure_future(self._some_of_it())
            await asyncio.wait(
                [task, asyncio.ensure_future(cut.gone.wait())],
                return_when=asyncio.FIRST_COMPLETED,
            )
            cut.gone.set()
            task.cancel()
            daemon.dispatcher.abort()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await asyncio.gather(
                *daemon.dispatcher._all_tasks(), return_exceptions=True
            )
        await self.stack.aclose()

    async def _some_of_it(self) -> None:
        daemon = self.daemon
        await daemon.poll()
        await daemon.work()

    def teardown(self) -> None:
        try:
            if self.home is not None:
                self._mend()
                self.run(self._check())
        finally:
            with contextlib.suppress(Exception):
                self.run(self.stack.aclose())
            self.run(self.town.stop())
            self.loop.close()
            self.temporary.cleanup()

    def _mend(self) -> None:
        """Everything works again, and there is time: three days of it."""
        self.town.hub.faults.waiting.clear()
        self.town.workspace.faults.waiting.clear()
        self.town.workspace.faults.lasting.clear()
        self.town.hub.credits = None
        for hours in (1, 1, 24, 24, 24):
            self.clock.move(hours=hours)
            self.run(self.work())
            self.run(self.daemon.sweep())
            self.run(self.approve(None))
            self.clock.move(seconds=700)
            self.run(self.work())

    async def _check(self) -> None:
        daemon, space = self.daemon, self.town.workspace
        all_jobs = await daemon.jobs()
        calls = await daemon.calls()
        # Nothing is stuck.
        assert [job for job in all_jobs if job.is_open or job.pending_write] == []
        # What was painted is on record, and what may have been paid is counted.
        charged = [call for call in calls if call.outcome not in FREE]
        flux = [one for one in charged if one.provider == "flux"]
        assert self.town.hub.painted <= len(flux)
        assert all(one.cost + one.included_cost > 0 for one in flux)
        assert sum(call.cost for call in calls) <= 0.5 + 1e-9
        # No image was made twice for the same place in a job.
        made = [(c.job_id, c.number, c.round) for c in calls if c.outcome == "image"]
        assert len(made) == len(set(made))
        # Nobody paid twice for what was asked for once.
        page_of = {job.id: job.page_id for job in all_jobs}
        paid = Counter(
            page_of[call.job_id or 0]
            for call in calls
            if call.outcome == "image" and call.cost + call.included_cost > 0
        )
        assert paid <= self.wishes, (paid, self.wishes)
        for page in space.list_page_ids(self.town.source.id):
            if not space.get_page(page).in_trash:
                await self._check_page(page)

    async def _check_page(self, page: str) -> None:
        daemon, space = self.daemon, self.town.workspace
        cells = space.read_cells(page)
        assert cells["Regenerate"] is False
        # Nothing is under way, and the page does not say that something is.
        assert cells["Image status"] in {None, "Done", "Card", "Failed"}
        names = [file.name for file in space.list_files(page)]
        async with daemon.source.app.db.read_transaction() as tx:
            post = await posts.get(tx, "default", page)
            rows = await images.of_page(tx, "default", page)
            history = await jobs.of_page(tx, "default", page)
        assert post is not None
        # We know what it shows; what people put there is still there.
        assert list(post.shown_files) == names
        shown = [row for row in rows if row.name in names]
        for one in shown:
            assert one.shown_at is not None
            assert (daemon.source.app.image_folder / one.name).is_file()
        # It has its image, or its wish has an answer.
        answered = any(
            job.state in {JobState.FAILED, JobState.CANCELLED} for job in history
        )
        assert names or answered
        # The newest wish that was fulfilled is what it shows.
        done = [job.id for job in history if job.state is JobState.DONE]
        if done and "holiday.png" not in names:
            assert {one.job_id for one in shown} == {max(done)}
