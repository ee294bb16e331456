"""The loops of one daemon process: polls, sweeps, work loop, pruning, watchdog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from daemon import status_line
from daemon.cluster.base import Membership
from daemon.context import AppContext, SourceContext, Sources
from daemon.dispatcher import Dispatcher
from daemon.generation.storage_guard import (
    log_database_error,
    log_database_recovery,
    sleep_unless_stopping,
)
from daemon.jobs.job_log import log_command_changes
from daemon.jobs.postponement import end_delay, list_delayed_tasks, postpone_task
from daemon.maintenance.prune import prune_source
from daemon.schedule import Scheduler
from daemon.service import malloc
from daemon.service.systemd import SystemdNotifier
from daemon.service.tasks import TaskKey, TaskKind
from daemon.sync.poller import Poller, is_active_poll_due, note_activity
from daemon.sync.sweep import sweep_if_due
from db.errors import DatabaseAwayError, DatabaseError

_FIRST_PRUNE = timedelta(minutes=5)
_PRUNE = timedelta(days=1)
_TROUBLE_PAUSE = 30.0
#: A restarted database server is back within seconds.
_AWAY_PAUSE = 2.0
#: Shortest and longest time between two steps of the work loop without a kick.
_MIN_STEP_PAUSE, _MAX_STEP_PAUSE = timedelta(milliseconds=500), timedelta(minutes=15)
#: Pages of one poll whose memory is worth returning; a hundred take 4 MB.
_MANY_PAGES = 25
#: Seconds after which the watchdog counts a poll, or a step of the work loop, as stuck.
_MAX_POLL = 900.0
_MAX_STEP = 300.0


@dataclass(slots=True)
class DaemonRunner:
    """Runs the loops of one process until `Signals.stopping` is set.

    Attributes:
        pollers: One poller for each source.
        started_at: Start of the process, for `status`.
        systemd: Client of the service manager.
    """

    sources: Sources
    pollers: Sequence[Poller]
    membership: Membership
    poll_interval: timedelta
    started_at: datetime
    dispatcher: Dispatcher = field(init=False)
    schedule: Scheduler = field(default_factory=Scheduler)
    systemd: SystemdNotifier = field(default_factory=SystemdNotifier)
    _standing: str = ""
    _worked: bool = False

    def __post_init__(self) -> None:
        self.dispatcher = Dispatcher(self.sources)

    @property
    def app(self) -> AppContext:
        """What all sources share."""
        return self.sources.app

    @property
    def source(self) -> SourceContext:
        """The context of the first source, for what all sources share."""
        return self.sources.first

    async def run(self) -> None:
        """Run until `Signals.stopping` is set, then drain the running tasks."""
        await self._recover_work()
        # The next step of the work loop adjusts the stored times.
        self.schedule.clock_set = self.app.signals.kick.set
        self.schedule.start()
        try:
            now = self.app.now()
            for watcher in self.pollers:
                name = watcher.source.watchdog_name
                poll = partial(self._poll_source, watcher)
                self.schedule.call_every(name, self.poll_interval, poll, now)
            if interval := self.membership.renew_interval:
                self.schedule.call_every(
                    "company", interval, self._renew_membership, now + interval
                )
            self.schedule.call_every(
                "prune", _PRUNE, self._prune_images, now + _FIRST_PRUNE
            )
            if timeout := self.systemd.watchdog:
                self.schedule.call_every(
                    "watchdog", timeout / 3, self._feed_watchdog, now
                )
            self.systemd.notify_ready()
            await self._run_work_loop()
        finally:
            await self.schedule.stop()

    async def _recover_work(self) -> None:
        """Recover the previous run's work, as soon as the database is available."""
        while not self.app.signals.stopping.is_set():
            try:
                await self.membership.recover_work()
            except DatabaseAwayError as error:
                log_database_error(self.app, error)
                await sleep_unless_stopping(self.app, _AWAY_PAUSE)
            else:
                return

    async def _poll_source(self, watcher: Poller) -> None:
        source = watcher.source
        max_seconds = self.poll_interval.total_seconds() + _MAX_POLL
        self.app.watchdog.set_deadline(source.watchdog_name, max_seconds)
        task_key = TaskKey(TaskKind.POLL, source.name)
        is_delayed = self.app.retry_schedule.is_delayed(
            task_key, self.app.clock.elapsed()
        )
        if not source.state.is_leader or is_delayed:
            return
        try:
            is_first = source.state.schema is None
            outage_before = source.notion_backoff.why
            applied = await watcher.poll()
            if is_first or outage_before != source.notion_backoff.why:
                self.app.signals.change_event.announce_change()
            if is_first and source.state.schema is not None:
                # All modules that polls and sweeps need are loaded now.
                malloc.freeze_loaded()
                self.app.signals.kick.set()
            # A sweep runs beside the polls, as it may take minutes.
            if (
                applied is not None
                and watcher.sweep_is_due
                and not source.state.is_sweeping
            ):
                name = f"sweep of {source.name}"
                sweep = partial(self._sweep_source, source)
                self.schedule.call_at(name, self.app.now(), sweep)
        except DatabaseError as error:
            log_database_error(self.app, error)
        except Exception as error:  # noqa: BLE001 - postpone_task logs it
            await postpone_task(source, task_key, error)
        else:
            await end_delay(source.app, task_key)
        self.app.watchdog.set_deadline(source.watchdog_name, max_seconds)
        # Polls list an edited page for minutes, which leaves nothing to return.
        if watcher.listed >= _MANY_PAGES and not self.dispatcher.is_busy:
            malloc.trim_heap()
        self._publish_status()
        self._schedule_active_poll(watcher)

    def _schedule_active_poll(self, watcher: Poller) -> None:
        """Poll again soon while a person is active; the usual polls go on."""
        if is_active_poll_due(watcher.source):
            pause = watcher.source.options.notion.poll_active
            self._poll_at(watcher, self.app.now() + pause)

    def poll_now(self) -> None:
        """Poll all sources at once, as another program asks for."""
        for watcher in self.pollers:
            note_activity(watcher.source)
            self._poll_at(watcher, self.app.now())

    def _poll_at(self, watcher: Poller, time: datetime) -> None:
        name = f"active {watcher.source.watchdog_name}"
        self.schedule.call_at(name, time, partial(self._poll_source, watcher))

    async def _renew_membership(self) -> None:
        try:
            await self.membership.renew_membership()
        except DatabaseError as error:
            log_database_error(self.app, error)

    async def _sweep_source(self, source: SourceContext) -> None:
        try:
            await sweep_if_due(source)
        except DatabaseError as error:
            log_database_error(self.app, error)
        if not self.dispatcher.is_busy:
            malloc.trim_heap()

    async def _prune_images(self) -> None:
        for source in self.sources:
            if days := source.options.images.keep_days:
                await prune_source(source, timedelta(days=days))

    async def _run_work_loop(self) -> None:
        while not self.app.signals.stopping.is_set():
            self.app.signals.kick.clear()
            try:
                with self.app.watchdog.deadline_during("work", _MAX_STEP):
                    look_again = await self.dispatcher.tick()
                    await self._refresh_status()
            except DatabaseError as error:
                log_database_error(self.app, error)
                is_away = isinstance(error, DatabaseAwayError)
                pause = _AWAY_PAUSE if is_away else _TROUBLE_PAUSE
                await sleep_unless_stopping(self.app, pause)
                continue
            log_database_recovery(self.app)
            # A due time in the past must not cause a busy loop, and a step asks the
            # accounts that are due.
            now, latest = self.app.now(), self.app.now() + _MAX_STEP_PAUSE
            due = max(now + _MIN_STEP_PAUSE, min(look_again or latest, latest))
            self.schedule.call_at("due", due, self._wake_work_loop)
            self._release_memory()
            await self.app.signals.kick.wait()
        await self.dispatcher.drain()

    def _release_memory(self) -> None:
        """Return free memory to the system when the last task has ended."""
        if self._worked and not self.dispatcher.is_busy:
            malloc.trim_heap()
        self._worked = self.dispatcher.is_busy

    async def _wake_work_loop(self) -> None:
        self.app.signals.kick.set()

    async def _feed_watchdog(self) -> None:
        """Notify the watchdog unless a deadline was missed."""
        stuck = self.app.watchdog.missed_deadlines()
        failures, steady = self.app.log_state.failures, self.app.steady_now()
        if not stuck:
            failures.record_recovery("stuck", steady)
            self.systemd.notify_watchdog()
        elif failures.record_failure("stuck", steady):
            names = " and ".join(stuck)
            self.app.log.error(
                "daemon.stuck", summary=f"No progress: {names}. Waiting for a restart"
            )

    async def _refresh_status(self) -> None:
        """Compose the status line anew, if there is a service manager."""
        if self.systemd.address:
            self._standing = await status_line.compose_status_line(self.sources)
            self._publish_status()

    def _publish_status(self) -> None:
        watching = status_line.describe_watching(self.sources)
        self.systemd.set_status(
            f"{watching}; {self._standing}" if self._standing else watching
        )

    def stop(self) -> None:
        """Stop starting work; `run` returns when the paid calls have ended."""
        running = len(self.dispatcher.generating)
        if running and not self.app.signals.stopping.is_set():
            self.app.log.info(
                "daemon.stopping",
                summary=f"Stopping when the running images are finished ({running}). "
                "A second signal aborts them",
            )
        self.app.signals.stopping.set()
        self.app.signals.kick.set()

    def abort(self) -> None:
        """Cancel all tasks, even paid calls."""
        self.dispatcher.abort()

    async def handle_command(self, command: str) -> dict[str, Any]:
        """Answer the command `wake` or `status` of the control socket."""
        if command == "wake":
            await log_command_changes(self.sources, self.started_at)
            self.app.signals.kick.set()
            # Our own database object does not notice a write of another process.
            self.app.signals.change_event.announce_change()
        elif command == "status":
            polled = self.sources.last_poll_at
            return {
                "started_at": self.started_at.isoformat(),
                "polled_at": polled.isoformat() if polled else None,
                "notion": self.sources.outage_reason,
                "is_leader": bool(self.sources.led),
                "store": self.app.store.away,
                "running_jobs": len(self.dispatcher.generating),
                "delayed": await list_delayed_tasks(self.app),
            }
        else:
            return {"error": f"unknown command {command!r}"}
        return {"ok": True}
