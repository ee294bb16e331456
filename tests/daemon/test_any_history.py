"""Any history, searched: services and Notion fail, people interfere, power goes.

After each history everything is mended and given time; then nothing is lost, stuck
or paid for twice, and every page shows what the database says.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from daemon.pretend.painter import paint
from daemon.pretend.town import Town
from db import images, jobs, posts
from db.states import State
from providers.outcomes import FREE
from tests.daemon.house import House, MovingClock, house
from tests.daemon.power import PowerCut, empty_database
from tests.search import examples

T = TypeVar("T")
_TOML = """\
chain = ["flux", "freeapi"]
[posts]
hold = 0
replacements_per_day = 50
[budget]
month = 0.5
per_post_day = 6
[providers.flux]
price = 0.0035
"""
#: What a step may take; more would be turning in circles.
_MOST_STEPS = 400
_SERVICE = st.sampled_from(
    [
        {"status": 500},
        {"status": 503, "body": {"error": "loading", "estimated_time": 20}},
        {"status": 429, "retry_after": 40},
        {"status": 401, "body": {"error": "Invalid username or password."}},
        {"status": 504},
        {"status": 200, "html": True},
        {"status": 200, "body": b"\x89PNG\r\n\x1a\ncut short"},
        {"status": 400, "body": {"error": "NSFW content detected"}},
        {"drop": True},
    ]
)
_NOTION = st.sampled_from(
    [
        {"status": 429, "retry_after": 70},
        {"status": 409},
        {"status": 500},
        {"status": 503, "html": True},
        {"status": 529, "retry_after": 5},
        {"drop": True},
        {"drop": True, "after": True},
        {"status": 504, "after": True},
        {"status": 200, "html": True},
    ]
)
_WHERE = st.sampled_from(["PATCH /v1/pages/", "/query", "file_uploads", "GET /v1/"])


class AnyHistory(RuleBasedStateMachine):
    """One town, one data folder, and a daemon that is there or not."""

    pages = Bundle("pages")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = Path(self.temporary.name) / "data"
        self.folder.mkdir()
        self.clock = MovingClock()
        self.town = Town(now=self.clock.now)
        self.stack = contextlib.AsyncExitStack()
        self.home: House | None = None
        self.words = 0

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

    def work(self) -> None:
        """Let it do all that it can do now, counting its steps."""
        daemon, steps = self.daemon, 0

        async def whole() -> None:
            nonlocal steps
            await daemon.poll()
            while True:
                daemon.flow.kick.clear()
                await daemon.dispatcher.step()
                steps += 1
                assert steps < _MOST_STEPS, "it turns in circles"
                if daemon.dispatcher.busy:
                    await daemon.flow.kick.wait()
                elif not daemon.flow.kick.is_set():
                    return

        self.run(whole())

    @rule(target=pages, ticked=st.booleans())
    def somebody_writes_a_post(self, *, ticked: bool) -> str:
        self.words += 1
        return self.daemon.add(
            f"Post {self.words}", f"Bread number {self.words}.", Regenerate=ticked
        )

    @rule(page=pages)
    def somebody_edits_it(self, page: str) -> None:
        self.words += 1
        self.town.workspace.edit(page, {"Post": f"Cake number {self.words}."})

    @rule(page=pages)
    def somebody_ticks_the_box(self, page: str) -> None:
        self.town.workspace.tick(page)

    @rule(page=pages, back=st.booleans())
    def somebody_trashes_it_or_takes_it_out(self, page: str, *, back: bool) -> None:
        self.town.workspace.trash(page, restore=back)

    @rule(page=pages)
    def somebody_adds_a_file_of_their_own(self, page: str) -> None:
        data = paint("holiday", 1, 64, 64)
        self.town.workspace.add_file(page, "Image", "holiday.png", data)

    @rule(left=st.sampled_from([None, 0, 2]))
    def credits_change(self, left: int | None) -> None:
        self.town.hub.credits = left

    @rule(fault=_SERVICE, times=st.integers(1, 4))
    def the_service_fails(self, fault: dict[str, Any], times: int) -> None:
        self.town.hub.fail(times=times, **fault)

    @rule(fault=_NOTION, where=_WHERE, times=st.integers(1, 6))
    def notion_fails(self, fault: dict[str, Any], where: str, times: int) -> None:
        self.town.workspace.fail(where, times=times, **fault)

    @rule(seconds=st.sampled_from([1, 15, 130, 700, 4000, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds=seconds)
        self.work()

    @rule(
        commits=st.integers(0, 15),
        kept=st.booleans(),
        seconds=st.sampled_from([0, 130]),
    )
    def the_power_goes(self, *, commits: int, kept: bool, seconds: int) -> None:
        """Drop everything at some commit of its work, and start again."""
        self.clock.move(seconds=seconds)
        self.run(self._die(commits, kept=kept))
        self.start()

    async def _die(self, commits: int, *, kept: bool) -> None:
        daemon, cut = self.daemon, PowerCut(commits, kept=kept)
        with mock.patch.object(daemon.flow.db, "writing", cut.over(daemon.flow.db)):
            task = asyncio.ensure_future(self._some_of_it())
            await asyncio.wait(
                [task, asyncio.ensure_future(cut.gone.wait())],
                return_when=asyncio.FIRST_COMPLETED,
            )
            cut.gone.set()
            task.cancel()
            daemon.dispatcher.cut()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await asyncio.gather(*daemon.dispatcher._tasks(), return_exceptions=True)
        await self.stack.aclose()

    async def _some_of_it(self) -> None:
        daemon = self.daemon
        await daemon.poll()
        await daemon.work()

    @invariant()
    def a_page_has_at_most_one_open_job(self) -> None:
        if self.home is None:
            return
        found = [one for one in self.run(self.daemon.jobs()) if one.is_open]
        assert len(found) == len({one.page_id for one in found})

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
        self.town.hub.credits = None
        for hours in (1, 1, 24, 24, 24):
            self.clock.move(hours=hours)
            self.work()
            self.run(self.daemon.sweep())
            self.clock.move(seconds=700)
            self.work()

    async def _check(self) -> None:
        daemon, space = self.daemon, self.town.workspace
        found = await daemon.jobs()
        calls = await daemon.calls()
        # Nothing is stuck.
        assert [one for one in found if one.is_open or one.owed] == []
        # What was painted is on record, and what may have been paid is counted.
        charged = [one for one in calls if one.outcome not in FREE]
        flux = [one for one in charged if one.provider == "flux"]
        assert self.town.hub.painted <= len(flux)
        assert all(one.cost + one.covered > 0 for one in flux)
        assert sum(one.cost for one in calls) <= 0.5 + 1e-9
        # No image was made twice for the same place in a job.
        made = [(c.job_id, c.number, c.round) for c in calls if c.outcome == "image"]
        assert len(made) == len(set(made))
        for page in space.pages(self.town.source.id):
            if not space.row(page).in_trash:
                await self._check_page(page)

    async def _check_page(self, page: str) -> None:
        daemon, space = self.daemon, self.town.workspace
        cells = space.read(page)
        assert cells["Regenerate"] is False
        names = [file.name for file in space.files(page)]
        async with daemon.flow.db.reading() as tx:
            post = await posts.get(tx, "default", page)
            rows = await images.of_page(tx, "default", page)
            history = await jobs.of_page(tx, "default", page)
        assert post is not None
        # We know what it shows; what people put there is still there.
        assert list(post.shows) == names
        shown = [one for one in rows if one.name in names]
        for one in shown:
            assert one.shown_at is not None
            assert (daemon.flow.images / one.name).is_file()
        # It has its image, or its wish has an answer.
        answered = any(job.state in {State.FAILED, State.CANCELLED} for job in history)
        assert names or answered
        # The newest wish that was fulfilled is what it shows.
        done = [job.id for job in history if job.state is State.DONE]
        if done and "holiday.png" not in names:
            assert {one.job_id for one in shown} == {max(done)}


#: `HISTORIES=400` looks further than `make test-long` does.
_HISTORIES = int(os.environ.get("HISTORIES", examples(60)))
AnyHistory.TestCase.settings = settings(
    max_examples=_HISTORIES,
    stateful_step_count=18,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# A history takes a second, and three on a machine with other things to do.
TestAnyHistory = pytest.mark.timeout(60 + 10 * _HISTORIES)(AnyHistory.TestCase)
