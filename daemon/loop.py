"""The daemon at work: polls, sweeps, the work loop, and a clean stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from daemon.company import Company
from daemon.flow import breakers, standing, tell
from daemon.flow.context import Flow
from daemon.flow.delays import Subject, Task
from daemon.flow.dispatch import Dispatcher
from daemon.flow.flows import Flows
from daemon.flow.poll import Watcher
from daemon.flow.postpone import delayed, postpone, resume
from daemon.flow.storage import pause, say_trouble
from daemon.flow.sweep import sweep_if_due
from daemon.schedule import Schedule
from daemon.service import memory
from daemon.service.readiness import Readiness
from daemon.store.errors import StoreAwayError
from daemon.upkeep.prune import prune
from db import jobs
from db.errors import DatabaseAwayError, DatabaseError, DiskFullError
from db.states import State

_FIRST_PRUNE = timedelta(minutes=5)
_PRUNE = timedelta(days=1)
_TROUBLE_PAUSE = 30.0
#: A server that was started anew is back in seconds.
_AWAY_PAUSE = 2.0
_BREATH = timedelta(milliseconds=500)
#: Seconds that one poll, and one step of the work loop, never take.
_LONGEST_POLL = 900.0
_LONGEST_STEP = 300.0


@dataclass(slots=True)
class Daemon:
    """One process at work on its sources.

    Attributes:
        watchers: One for each.
        started_at: For `status`.
        readiness: The way to the service manager.
    """

    flows: Flows
    watchers: Sequence[Watcher]
    company: Company
    poll_interval: timedelta
    started_at: datetime
    dispatcher: Dispatcher = field(init=False)
    schedule: Schedule = field(default_factory=Schedule)
    readiness: Readiness = field(default_factory=Readiness)
    _standing: str = ""
    _worked: bool = False

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(self.flows)

    @property
    def flow(self) -> Flow:
        """The way to what all sources share."""
        return self.flows.first

    async def run(self) -> None:
        """Work until `Flow.stopping` is set, then end cleanly."""
        flow = self.flow
        await self._begin()
        # What jobs wait for is moved by the next step of the work.
        self.schedule.clock_set = flow.kick.set
        self.schedule.start()
        try:
            now = flow.now()
            for watcher in self.watchers:
                name, poll = watcher.flow.poll_name, partial(self._poll, watcher)
                self.schedule.every(name, self.poll_interval, poll, now)
            if look := self.company.every:
                self.schedule.every("company", look, self._look_for_others, now + look)
            self.schedule.every("prune", _PRUNE, self._prune, now + _FIRST_PRUNE)
            if wanted := self.readiness.watchdog:
                self.schedule.every("watchdog", wanted / 3, self._watch, now)
            self.readiness.ready()
            await self._work()
        finally:
            await self.schedule.stop()

    async def _begin(self) -> None:
        """Take up what was left; a server that is away meanwhile is waited for."""
        while not self.flow.stopping.is_set():
            try:
                await self.company.begin()
            except DatabaseAwayError as error:
                self._trouble(error)
                await pause(self.flow, _AWAY_PAUSE)
            else:
                return

    async def _poll(self, watcher: Watcher) -> None:
        flow = watcher.flow
        allowed = self.poll_interval.total_seconds() + _LONGEST_POLL
        flow.pulse.promise(flow.poll_name, allowed)
        subject = Subject(Task.POLL, flow.plan.source)
        waits = flow.delays.lasts(subject, flow.clock.elapsed())
        # Somebody else asks Notion, or the last poll broke.
        if not flow.speaks or waits:
            return
        try:
            first, away = flow.schema is None, flow.outage.why
            found = await watcher.poll()
            if first or away != flow.outage.why:
                flow.news.stir()
            if first and flow.schema is not None:
                # All that polls and sweeps need is loaded by now.
                memory.freeze_loaded()
                flow.kick.set()
            # As soon as Notion answers, and beside the polls: it may take minutes.
            if found is not None and watcher.sweep_is_due and not flow.sweeping:
                name, sweep = f"sweep of {flow.plan.source}", partial(self._sweep, flow)
                self.schedule.at(name, flow.now(), sweep)
        except DatabaseError as error:
            self._trouble(error)
        except Exception as error:  # noqa: BLE001 - it is logged there
            await postpone(flow, subject, error)
        else:
            await resume(flow, subject)
        flow.pulse.promise(flow.poll_name, allowed)
        # A hundred pages are 4 MB while they are read.
        if watcher.listed and not self.dispatcher.busy:
            memory.give_back()
        self._say()

    async def _look_for_others(self) -> None:
        try:
            await self.company.look()
        except DatabaseError as error:
            self._trouble(error)

    async def _sweep(self, flow: Flow) -> None:
        try:
            await sweep_if_due(flow)
        except DatabaseError as error:
            self._trouble(error)
        if not self.dispatcher.busy:
            memory.give_back()

    async def _prune(self) -> None:
        for flow in self.flows:
            if flow.plan.keep is not None:
                await self._prune_source(flow, flow.plan.keep)

    async def _prune_source(self, flow: Flow, keep: timedelta) -> None:
        source = flow.plan.source
        try:
            gone = await prune(
                flow.db, flow.store, now=flow.now(), keep=keep, source=source
            )
        except (DatabaseError, OSError, StoreAwayError) as error:
            flow.log.warning("images.kept", summary=f"cannot prune: {error}")
            return
        if gone.names:
            flow.log.info(
                "images.pruned",
                summary=f"{len(gone.names)} old images, {gone.bytes // 2**20} MiB",
            )

    async def _work(self) -> None:
        flow = self.flow
        while not flow.stopping.is_set():
            flow.kick.clear()
            try:
                with flow.pulse.during("work", _LONGEST_STEP):
                    again = await self.dispatcher.step()
                    await self._look_around()
            except DatabaseError as error:
                self._trouble(error)
                away = isinstance(error, DatabaseAwayError)
                await pause(flow, _AWAY_PAUSE if away else _TROUBLE_PAUSE)
                continue
            self._well_again()
            # Never in a circle, whatever a stored time says.
            soonest = flow.now() + _BREATH
            self.schedule.at("due", again and max(again, soonest), self._kick)
            self._rest()
            await flow.kick.wait()
        await self.dispatcher.finish()

    def _rest(self) -> None:
        """Keep no more memory than needed once the last of the work is done."""
        if self._worked and not self.dispatcher.busy:
            memory.give_back()
        self._worked = self.dispatcher.busy

    async def _kick(self) -> None:
        self.flow.kick.set()

    async def _watch(self) -> None:
        """Feed the watchdog while everybody keeps their promises."""
        stuck = self.flow.pulse.stuck()
        if not stuck:
            self.flow.spells.ended("stuck", self.flow.steady())
            self.readiness.alive()
        elif self.flow.spells.failed("stuck", self.flow.steady()):
            names = " and ".join(stuck)
            self.flow.shared_log.error(
                "daemon.stuck", summary=f"{names}: no progress; waiting for a restart"
            )

    async def _look_around(self) -> None:
        """Read what the line of status says; only when somebody listens."""
        if self.readiness.address:
            self._standing = await standing.standing(self.flows)
            self._say()

    def _say(self) -> None:
        seen = standing.watching(self.flows)
        self.readiness.say(f"{seen}; {self._standing}" if self._standing else seen)

    def _trouble(self, error: DatabaseError) -> None:
        if isinstance(error, DiskFullError):
            say_trouble(self.flow, str(error))
        elif isinstance(error, DatabaseAwayError):
            if self.flow.spells.failed("database", self.flow.steady()):
                self.flow.shared_log.error(
                    "database.away",
                    summary=f"{error}: nothing is done until it is back",
                )
        elif self.flow.spells.failed(f"database: {error}", self.flow.steady()):
            self.flow.shared_log.error("database.failed", summary=str(error))

    def _well_again(self) -> None:
        if (
            lasted := self.flow.spells.ended("database", self.flow.steady())
        ) is not None:
            words = f"it answers again after {str(lasted).split('.')[0]}"
            self.flow.shared_log.info("database.back", summary=words)

    def stop(self) -> None:
        """Begin nothing more; what is paid for arrives first."""
        paid = len(self.dispatcher.generating)
        if paid and not self.flow.stopping.is_set():
            self.flow.shared_log.info(
                "daemon.stopping",
                summary=f"once the images in work are there ({paid}); "
                "a second signal cuts them off",
            )
        self.flow.stopping.set()
        self.flow.kick.set()

    def cut(self) -> None:
        """Cut off even what is paid for."""
        self.dispatcher.cut()

    async def _announce(self) -> None:
        """Name the jobs that a command has made, and the services it has reset."""
        async with self.flow.db.reading() as tx:
            open_ones = await jobs.in_state(tx, [State.QUEUED], limit=500)
            found = await breakers.load(tx, self.flow)
        for one in found.values():
            tell.say_reset(self.flow, one)
        for job in open_ones:
            if job.created_at >= self.started_at:
                tell.say_queued(self.flows.of(job.source) or self.flow, job)

    async def answer(self, command: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a command that came through the control socket."""
        del args
        if command == "wake":
            await self._announce()
            self.flow.kick.set()
            # Another process has written: our own database could not say so.
            self.flow.news.stir()
        elif command == "status":
            polled = self.flows.looked_at
            return {
                "started_at": self.started_at.isoformat(),
                "polled_at": polled.isoformat() if polled else None,
                "notion": self.flows.trouble,
                "asks_notion": any(flow.speaks for flow in self.flows),
                "store": self.flow.store.away,
                "in_work": len(self.dispatcher.generating),
                "delayed": await delayed(self.flow),
            }
        else:
            return {"error": f"unknown command {command!r}"}
        return {"ok": True}
