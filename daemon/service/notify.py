"""Tells people: hears the log, lets `alerts` decide, and sends beside the work.

A message is told when one address took it.  While none does, it waits: it is tried
again once a minute and with the next one.  Nothing here ever holds up the daemon.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from structlog.stdlib import BoundLogger

from daemon.config.addresses import NotifierAddress
from daemon.service import apprise_adapter
from daemon.service.alerts import AlertRules, Message
from daemon.service.apprise_adapter import NotificationTarget
from daemon.service.detached_thread import run_detached
from daemon.service.log import FailureThrottle, LogLine

#: How often time itself is looked at, and what waits is tried again.
CHECK_INTERVAL = timedelta(minutes=1)
SEND_SECONDS = 30.0
_MOST = 20


@dataclass(slots=True, kw_only=True)
class Notifier:
    """One per process.

    Attributes:
        seconds: What one address may take for one message.
        patience: What all that waits may take at the end, in seconds.
        lost: Messages that made room for newer ones since the last was told.
    """

    addresses: Sequence[NotifierAddress]
    now: Callable[[], datetime]
    log: BoundLogger
    alerts: AlertRules = field(default_factory=AlertRules)
    seconds: float = SEND_SECONDS
    patience: float = 5.0
    lost: int = 0
    _waiting: deque[Message] = field(default_factory=deque)
    _outlets: dict[str, NotificationTarget] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)
    _spells: FailureThrottle = field(default_factory=FailureThrottle)
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _closing: bool = False

    def handle_line(self, line: LogLine) -> None:
        """Take in a line of the log."""
        self._queue_message(self.alerts.handle_line(line, self.now()))

    async def send_due(self) -> None:
        """Say what is to be said because time has passed; try again what waits."""
        while (message := self.alerts.next_due_message(self.now())) is not None:
            self._queue_message(message)
        if self._waiting:
            self._more.set()

    def _queue_message(self, message: Message | None) -> None:
        if message is None:
            return
        if len(self._waiting) == _MOST:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(message)
        self._more.set()

    def start(self) -> None:
        """Begin to send; a wrong address is named at once."""
        self._task = asyncio.create_task(self._run_sender(), name="notify")

    async def close(self) -> None:
        """Send what waits if that is quick, and end."""
        if self._task is None:
            return
        self._closing = True
        self._more.set()
        await asyncio.wait({self._task}, timeout=self.patience)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run_sender(self) -> None:
        for address in self.addresses:
            await self._open_target(address)
        while True:
            await self._more.wait()
            self._more.clear()
            await self._send_waiting()
            if self._closing:
                return

    async def _send_waiting(self) -> None:
        while self._waiting:
            message = self._waiting[0]
            # Nobody takes anything: it waits, and is tried again later.
            if not await self._send_to_all(message):
                return
            # It may have been pushed out meanwhile.
            if self._waiting and self._waiting[0] is message:
                self._waiting.popleft()

    async def _send_to_all(self, message: Message) -> bool:
        """Say whether anybody took it."""
        taken = [await self._send_to(address, message) for address in self.addresses]
        if any(taken) and self.lost:
            self.log.warning(
                "notify.lost",
                summary=f"{self.lost} older messages were not told to anybody",
            )
            self.lost = 0
        return any(taken)

    async def _open_target(self, address: NotifierAddress) -> NotificationTarget | None:
        """Return the outlet of an address, which is opened once."""
        if (found := self._outlets.get(address.place)) is not None:
            return found
        try:
            found = await run_detached(
                lambda: apprise_adapter.open_target(address.url), seconds=self.seconds
            )
        # Whatever it was: its words may hold the address.
        except Exception as error:  # noqa: BLE001 - the notifier is not the daemon's work
            self._record_failure(
                address, f"it cannot be opened ({type(error).__name__})"
            )
            return None
        if not found.known:
            self._record_failure(address, "it is no address that Apprise knows")
        self._outlets[address.place] = found
        return found

    async def _send_to(self, address: NotifierAddress, message: Message) -> bool:
        found = await self._open_target(address)
        if found is None or not found.known:
            return False
        # It hangs: threads must not pile up.
        if address.place in self._busy:
            return False
        self._busy.add(address.place)

        def work() -> bool:
            try:
                return found.send(message)
            finally:
                self._busy.discard(address.place)

        try:
            taken = await run_detached(work, seconds=self.seconds)
        # The same.
        except Exception as error:  # noqa: BLE001 - the same
            self._record_failure(
                address, f"it could not be sent to ({type(error).__name__})"
            )
            return False
        if not taken:
            self._record_failure(address, "it does not take messages")
            return False
        if (
            lasted := self._spells.record_recovery(address.place, self.now())
        ) is not None:
            self.log.info(
                "notify.recovered",
                summary=f"{address.place} takes messages again, after "
                f"{lasted.total_seconds() / 60:.0f} min",
            )
        return True

    def _record_failure(self, address: NotifierAddress, why: str) -> None:
        # Once, and not once an hour: it is tried only when there is something to say.
        known = address.place in self._spells.open
        self._spells.record_failure(address.place, self.now())
        if not known:
            self.log.warning(
                "notify.failed",
                summary=f"{address.place}: {why}; `postbrush test --notify` tries it",
            )
