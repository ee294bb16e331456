"""Supervises one daemon process: signals, reload, start and stop of the runner."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from daemon import app, notifications, service_conflict
from daemon.clock import Clock
from daemon.config import Settings
from daemon.errors import PostbrushError
from daemon.formatting import format_duration
from daemon.imaging import files
from daemon.runner import DaemonRunner
from daemon.service.control import ControlServer
from daemon.service.systemd import SystemdNotifier
from daemon.source_setup import build_pollers

_WRITE_RETRY = 5.0
#: How long a stop waits for paid calls: systemd (TimeoutStopSec) and Docker
#: (stop_grace_period) kill the daemon 10 seconds later.
STOP_PATIENCE = timedelta(seconds=80)


async def wait_until_writable(
    folder: Path, systemd: SystemdNotifier, clock: Clock
) -> None:
    """Wait while the disk of the data folder is full, read-only, or fails.

    systemd counts the daemon as ready, so that the start of the machine goes on.
    """
    log, began = structlog.get_logger(), clock.elapsed()
    is_waiting = False
    while why := files.write_problem(folder):
        if not is_waiting:
            is_waiting = True
            summary = f"{folder} is not writable: {why}. postbrush waits until it is"
            log.error("disk.full", summary=summary)
            systemd.set_status(summary)
            systemd.notify_ready()
        systemd.notify_watchdog()
        await clock.sleep(_WRITE_RETRY)
    if is_waiting:
        after = format_duration(clock.elapsed() - began)
        log.info("disk.freed", summary=f"{folder} is writable again after {after}")


def _limit_stop(daemon: DaemonRunner) -> None:
    """Abort the calls that still run after `STOP_PATIENCE`; the next start goes on."""

    async def abort() -> None:
        daemon.app.log.warning(
            "daemon.stopping",
            summary=f"Aborting the running images ({len(daemon.dispatcher.generating)})"
            f" after {STOP_PATIENCE.seconds} seconds. The next start continues",
        )
        daemon.abort()

    daemon.schedule.call_at("abort", daemon.app.now() + STOP_PATIENCE, abort)


@dataclass(slots=True)
class Supervisor:
    """Runs the daemon until a signal stops it, and restarts it for a reload.

    A reload stops and starts the runner within the process, under the same lock.  Paid
    calls end before the restart.

    Attributes:
        reread: Reads the configuration again; raises ConfigError.
        adopted: Called with the new settings after a reload.
        neighbours: Check whether this machine's service works on the same database.
        following: The settings of the next start, while a reload stops the runner.
        board: Port of the demo's board, for a link on the web page.
    """

    settings: Settings
    reread: Callable[[], Settings]
    adopted: Callable[[Settings], None] = lambda _settings: None
    neighbours: bool = True
    systemd: SystemdNotifier = field(default_factory=SystemdNotifier.from_environ)
    following: Settings | None = None
    board: int | None = None
    _daemon: DaemonRunner | None = None
    _stopping: bool = False

    async def run(self) -> None:
        """Run the daemon until SIGTERM or Ctrl-C.

        Raises:
            SetupError, DatabaseUnusableError: The daemon was not started.
        """
        app.require_notion_token(self.settings)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        # Not with the loop, which would restore the default, and that ends the process.
        signal.signal(signal.SIGHUP, lambda *_: loop.call_soon_threadsafe(self.reload))
        # A SIGHUP that arrived while the program was loading is delivered now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        try:
            async with app.data_dir_lock(self.settings, "run"):
                await self._run_until_stopped()
        finally:
            # Blocked in this thread only, it would end the process in another one.
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        structlog.get_logger().info("daemon.stopped", summary="postbrush has stopped")

    async def _run_until_stopped(self) -> None:
        while True:
            await self._run_daemon()
            if self._stopping or self.following is None:
                return
            self.settings, self.following = self.following, None
            self.adopted(self.settings)

    async def _run_daemon(self) -> None:
        settings = self.settings
        async with (
            app.open_context(settings) as sources,
            app.join_cluster(settings, sources) as company,
        ):
            daemon = DaemonRunner(
                sources=sources,
                pollers=build_pollers(sources),
                membership=company,
                poll_interval=settings.options.notion.poll_interval,
                started_at=sources.app.now(),
                systemd=self.systemd,
            )
            self._daemon = daemon
            # A signal may have arrived before the runner existed.
            if self._stopping or self.following is not None:
                daemon.stop()
            try:
                await self._check_conflict(daemon)
                await self._serve_daemon(daemon)
            finally:
                self._daemon = None

    async def _check_conflict(self, daemon: DaemonRunner) -> None:
        """Refuse to run beside the service; a signal ends the check."""
        if not self.neighbours:
            return
        check = asyncio.ensure_future(
            service_conflict.refuse_if_service_watches(
                daemon.source, daemon.pollers, os.environ
            )
        )
        stopping = asyncio.ensure_future(daemon.app.signals.stopping.wait())
        await asyncio.wait({check, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not check.done():
            check.cancel()
        with suppress(asyncio.CancelledError):
            await check

    async def _serve_daemon(self, daemon: DaemonRunner) -> None:
        async def handle_command(command: str) -> dict[str, Any]:
            if command == "reload":
                return {"error": self.reload()}
            return await daemon.handle_command(command)

        control = ControlServer(app.socket_path(self.settings), handle_command)
        await control.start()
        try:
            async with (
                notifications.run_notifications(self.settings, daemon),
                app.serve_web(
                    daemon.sources,
                    self.settings,
                    board=self.board,
                    poll_now=daemon.poll_now,
                ),
            ):
                app.log_ready(daemon.sources, self.settings)
                await daemon.run()
        finally:
            await control.stop()

    def stop(self) -> None:
        """Handle SIGTERM and SIGINT: drain at the first signal, abort at the second."""
        self.systemd.notify_stopping()
        if self._daemon is not None:
            if self._stopping:
                self._daemon.abort()
            elif self.systemd.address or self.settings.is_container:
                _limit_stop(self._daemon)
            self._daemon.stop()
        self._stopping = True

    def reload(self) -> str:
        """Restart the runner for SIGHUP or `reload`; return why not, "" if it does."""
        if self._stopping:
            return "postbrush is stopping"
        self.systemd.notify_reloading()
        try:
            settings = self.reread()
            app.require_notion_token(settings)
        except PostbrushError as error:
            return self._reject_reload("; ".join(str(error).splitlines()))
        if settings.data_dir != self.settings.data_dir:
            return self._reject_reload(
                "data_dir has changed. Restart postbrush to use it"
            )
        if str(app.database_backend(settings)) != str(
            app.database_backend(self.settings)
        ):
            return self._reject_reload(
                "database.url has changed. Restart postbrush to use it"
            )
        structlog.get_logger().info(
            "config.reloaded",
            summary=f"Settings read from {settings.file or 'the environment'}",
        )
        self.following = settings
        if self._daemon is not None:
            self._daemon.stop()
        return ""

    def _reject_reload(self, why: str) -> str:
        structlog.get_logger().error(
            "config.refused", summary=f"The previous configuration stays in use: {why}"
        )
        self.systemd.notify_ready()
        return why
