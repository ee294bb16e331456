"""One process from its start to its end: signals, a reload, what systemd is told."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from daemon import app, neighbour, notices
from daemon.assembly import watchers_of
from daemon.clock import Clock
from daemon.config import Settings
from daemon.errors import PostbrushError
from daemon.loop import Daemon
from daemon.service import readiness
from daemon.service.control import ControlServer
from daemon.service.readiness import Readiness


@dataclass(slots=True)
class Life:
    """A daemon that ends when it is told to, and begins anew when it is to reload.

    A reload is a stop and a start within the process, under the same lock: what is
    paid for arrives first, and there is one way to begin.

    Attributes:
        reread: Returns the configuration as it is now; raises ConfigError.
        adopted: Told the settings that are gone on with, once they are.
        neighbours: Look whether this machine's service works on the same database.
        following: The settings to go on with, after a reload.
        board: Port of the demo's board, for the web page to link to.
    """

    settings: Settings
    reread: Callable[[], Settings]
    adopted: Callable[[Settings], None] = lambda _settings: None
    clock: Clock | None = None
    neighbours: bool = True
    readiness: Readiness = field(default_factory=readiness.from_environment)
    following: Settings | None = None
    board: int | None = None
    _daemon: Daemon | None = None
    _stopping: bool = False

    async def run(self) -> None:
        """Be the daemon until SIGTERM or Ctrl-C.

        Raises:
            SetupError, DatabaseUnusableError: Nothing was started.
        """
        app.require_notion(self.settings)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        # One that came while all of this was loaded is heard now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        try:
            async with app.locked(self.settings, "run"):
                await self._until_stopped()
        finally:
            # A reload that comes now is too late, and without a handler it would kill.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)
        structlog.get_logger().info("daemon.stopped", summary="nothing is in work")

    async def _until_stopped(self) -> None:
        while True:
            await self._one()
            if self._stopping or self.following is None:
                return
            self.settings, self.following = self.following, None
            self.adopted(self.settings)

    async def _one(self) -> None:
        settings = self.settings
        async with (
            app.opened(settings, clock=self.clock) as flows,
            app.joined(settings, flows) as company,
        ):
            daemon = Daemon(
                flows=flows,
                watchers=watchers_of(settings, flows),
                company=company,
                poll_interval=settings.notion.poll_interval,
                started_at=flows.first.now(),
                readiness=self.readiness,
            )
            self._daemon = daemon
            # A signal may have come before there was anything to stop.
            if self._stopping or self.following is not None:
                daemon.stop()
            try:
                await self._alone(daemon)
                await self._work(daemon)
            finally:
                self._daemon = None

    async def _alone(self, daemon: Daemon) -> None:
        """Look for a second one; a signal does not wait for systemd and Notion."""
        if not self.neighbours:
            return
        looking = asyncio.ensure_future(
            neighbour.refuse_second(daemon.flow, daemon.watchers, os.environ)
        )
        stopping = asyncio.ensure_future(daemon.flow.stopping.wait())
        await asyncio.wait({looking, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not looking.done():
            looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking

    async def _work(self, daemon: Daemon) -> None:
        control = ControlServer(app.socket_path(self.settings), daemon.answer)
        await control.start()
        try:
            async with (
                notices.told(self.settings, daemon),
                app.page(daemon.flows, self.settings, board=self.board),
            ):
                app.say_ready(daemon.flows, self.settings)
                await daemon.run()
        finally:
            await control.stop()

    def stop(self) -> None:
        """SIGTERM: the first time cleanly, the second time at once."""
        self.readiness.stopping()
        if self._daemon is not None:
            if self._stopping:
                self._daemon.cut()
            self._daemon.stop()
        self._stopping = True

    def reload(self) -> None:
        """SIGHUP: a configuration that is wrong is refused, and the old one stays."""
        if self._stopping:
            return
        self.readiness.reloading()
        try:
            found = self.reread()
            app.require_notion(found)
        except PostbrushError as error:
            self._refuse("; ".join(str(error).splitlines()))
            return
        if found.data_dir != self.settings.data_dir:
            self._refuse("data_dir cannot change while it runs: restart it")
            return
        if str(app.database(found)) != str(app.database(self.settings)):
            self._refuse("database.url cannot change while it runs: restart it")
            return
        structlog.get_logger().info(
            "config.reloaded", summary=f"from {found.file or 'the environment'}"
        )
        self.following = found
        if self._daemon is not None:
            self._daemon.stop()

    def _refuse(self, why: str) -> None:
        structlog.get_logger().error(
            "config.refused", summary=f"the old one stays: {why}"
        )
        self.readiness.ready()
