"""The daemon at work: polls, sweeps, the work loop, and a clean stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from daemon import status_line
from daemon.cluster.base import Membership
from daemon.context import SourceContext
from daemon.dispatcher import Dispatcher
from daemon.generation.storage_guard import log_outage, sleep_unless_stopping
from daemon.jobs import breaker_store, job_log
from daemon.jobs.postponement import end_delay, list_delayed_tasks, postpone_task
from daemon.maintenance.prune import prune_source
from daemon.schedule import Scheduler
from daemon.service import malloc
from daemon.service.sd_notify import SystemdNotifier
from daemon.service.task_delays import TaskKey, TaskKind
from daemon.sources import Sources
from daemon.sync.poller import Poller
from daemon.sync.sweep import sweep_if_due
from db import jobs
from db.errors import DatabaseAwayError, DatabaseError, DiskFullError
from db.states import JobState

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
class DaemonRunner:
    """One process at work on its sources.

    Attributes:
        watchers: One for each.
        started_at: For `status`.
        readiness: The way to the service manager.
    """

    flows: Sources
    watchers: Sequence[Poller]
    company: Membership
    poll_interval: timedelta
    started_at: datetime
    dispatcher: Dispatcher = field(init=False)
    schedule: Scheduler = field(default_factory=Scheduler)
    readiness: SystemdNotifier = field(default_factory=SystemdNotifier)
    _standing: str = ""
    _worked: bool = False

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(self.flows)

    @property
    def flow(self) -> SourceContext:
        """The way to what all sources share."""
        return self.flows.first

    async def run(self) -> None:
        """Work until `SourceContext.stopping` is set, then end cleanly."""
        flow = self.flow
        await self._recover_work()
        # What jobs wait for is moved by the next step of the work.
        self.schedule.clock_set = flow.kick.set
        self.schedule.start()
        try:
            now = flow.now()
            for watcher in self.watchers:
                name, poll = (
                    watcher.flow.watchdog_name,
                    partial(self._poll_source, watcher),
                )
                self.schedule.call_every(name, self.poll_interval, poll, now)
            if look := self.company.renew_interval:
                self.schedule.call_every(
                    "company", look, self._renew_membership, now + look
                )
            self.schedule.call_every(
                "prune", _PRUNE, self._prune_images, now + _FIRST_PRUNE
            )
            if wanted := self.readiness.watchdog:
                self.schedule.call_every(
                    "watchdog", wanted / 3, self._feed_watchdog, now
                )
            self.readiness.notify_ready()
            await self._run_work_loop()
        finally:
            await self.schedule.stop()

    async def _recover_work(self) -> None:
        """Take up what was left; a server that is away meanwhile is waited for."""
        while not self.flow.stopping.is_set():
            try:
                await self.company.recover_work()
            except DatabaseAwayError as error:
                self._log_database_error(error)
                await sleep_unless_stopping(self.flow, _AWAY_PAUSE)
            else:
                return

    async def _poll_source(self, watcher: Poller) -> None:
        flow = watcher.flow
        allowed = self.poll_interval.total_seconds() + _LONGEST_POLL
        flow.pulse.set_deadline(flow.watchdog_name, allowed)
        subject = TaskKey(TaskKind.POLL, flow.plan.source)
        waits = flow.delays.is_delayed(subject, flow.clock.elapsed())
        # Somebody else asks Notion, or the last poll broke.
        if not flow.speaks or waits:
            return
        try:
            first, away = flow.schema is None, flow.outage.why
            found = await watcher.poll()
            if first or away != flow.outage.why:
                flow.news.announce_change()
            if first and flow.schema is not None:
                # All that polls and sweeps need is loaded by now.
                malloc.freeze_loaded()
                flow.kick.set()
            # As soon as Notion answers, and beside the polls: it may take minutes.
            if found is not None and watcher.sweep_is_due and not flow.sweeping:
                name, sweep = (
                    f"sweep of {flow.plan.source}",
                    partial(self._sweep_source, flow),
                )
                self.schedule.call_at(name, flow.now(), sweep)
        except DatabaseError as error:
            self._log_database_error(error)
        except Exception as error:  # noqa: BLE001 - it is logged there
            await postpone_task(flow, subject, error)
        else:
            await end_delay(flow, subject)
        flow.pulse.set_deadline(flow.watchdog_name, allowed)
        # A hundred pages are 4 MB while they are read.
        if watcher.listed and not self.dispatcher.is_busy:
            malloc.trim_heap()
        self._publish_status()

    async def _renew_membership(self) -> None:
        try:
            await self.company.renew_membership()
        except DatabaseError as error:
            self._log_database_error(error)

    async def _sweep_source(self, flow: SourceContext) -> None:
        try:
            await sweep_if_due(flow)
        except DatabaseError as error:
            self._log_database_error(error)
        if not self.dispatcher.is_busy:
            malloc.trim_heap()

    async def _prune_images(self) -> None:
        for flow in self.flows:
            if flow.plan.keep is not None:
                await prune_source(flow, flow.plan.keep)

    async def _run_work_loop(self) -> None:
        flow = self.flow
        while not flow.stopping.is_set():
            flow.kick.clear()
            try:
                with flow.pulse.deadline_during("work", _LONGEST_STEP):
                    again = await self.dispatcher.tick()
                    await self._refresh_status()
            except DatabaseError as error:
                self._log_database_error(error)
                away = isinstance(error, DatabaseAwayError)
                await sleep_unless_stopping(
                    flow, _AWAY_PAUSE if away else _TROUBLE_PAUSE
                )
                continue
            self._log_database_recovery()
            # Never in a circle, whatever a stored time says.
            soonest = flow.now() + _BREATH
            self.schedule.call_at(
                "due", again and max(again, soonest), self._wake_work_loop
            )
            self._release_memory()
            await flow.kick.wait()
        await self.dispatcher.drain()

    def _release_memory(self) -> None:
        """Keep no more memory than needed once the last of the work is done."""
        if self._worked and not self.dispatcher.is_busy:
            malloc.trim_heap()
        self._worked = self.dispatcher.is_busy

    async def _wake_work_loop(self) -> None:
        self.flow.kick.set()

    async def _feed_watchdog(self) -> None:
        """Feed the watchdog while everybody keeps their promises."""
        stuck = self.flow.pulse.missed_deadlines()
        if not stuck:
            self.flow.spells.record_recovery("stuck", self.flow.steady_now())
            self.readiness.notify_watchdog()
        elif self.flow.spells.record_failure("stuck", self.flow.steady_now()):
            names = " and ".join(stuck)
            self.flow.shared_log.error(
                "daemon.stuck", summary=f"{names}: no progress; waiting for a restart"
            )

    async def _refresh_status(self) -> None:
        """Read what the line of status says; only when somebody listens."""
        if self.readiness.address:
            self._standing = await status_line.compose_status_line(self.flows)
            self._publish_status()

    def _publish_status(self) -> None:
        seen = status_line.describe_watching(self.flows)
        self.readiness.set_status(
            f"{seen}; {self._standing}" if self._standing else seen
        )

    def _log_database_error(self, error: DatabaseError) -> None:
        if isinstance(error, DiskFullError):
            log_outage(self.flow, str(error))
        elif isinstance(error, DatabaseAwayError):
            if self.flow.spells.record_failure("database", self.flow.steady_now()):
                self.flow.shared_log.error(
                    "database.away",
                    summary=f"{error}: nothing is done until it is back",
                )
        elif self.flow.spells.record_failure(
            f"database: {error}", self.flow.steady_now()
        ):
            self.flow.shared_log.error("database.failed", summary=str(error))

    def _log_database_recovery(self) -> None:
        if (
            lasted := self.flow.spells.record_recovery(
                "database", self.flow.steady_now()
            )
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

    def abort(self) -> None:
        """Cut off even what is paid for."""
        self.dispatcher.abort()

    async def _log_command_changes(self) -> None:
        """Name the jobs that a command has made, and the services it has reset."""
        async with self.flow.db.read_transaction() as tx:
            open_ones = await jobs.in_state(tx, [JobState.QUEUED], limit=500)
            found = await breaker_store.load_breakers(tx, self.flow)
        for one in found.values():
            job_log.log_breaker_reset(self.flow, one)
        for job in open_ones:
            if job.created_at >= self.started_at:
                job_log.log_job_queued(self.flows.get(job.source) or self.flow, job)

    async def handle_command(
        self, command: str, args: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Answer a command that came through the control socket."""
        del args
        if command == "wake":
            await self._log_command_changes()
            self.flow.kick.set()
            # Another process has written: our own database could not say so.
            self.flow.news.announce_change()
        elif command == "status":
            polled = self.flows.last_poll_at
            return {
                "started_at": self.started_at.isoformat(),
                "polled_at": polled.isoformat() if polled else None,
                "notion": self.flows.outage_reason,
                "asks_notion": any(flow.speaks for flow in self.flows),
                "store": self.flow.store.away,
                "in_work": len(self.dispatcher.generating),
                "delayed": await list_delayed_tasks(self.flow),
            }
        else:
            return {"error": f"unknown command {command!r}"}
        return {"ok": True}
