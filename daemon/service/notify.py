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

from daemon.config.addresses import Address
from daemon.service import apprises
from daemon.service.alerts import Alerts, Message
from daemon.service.apprises import Outlet
from daemon.service.aside import aside
from daemon.service.log import Line, Spell

#: How often time itself is looked at, and what waits is tried again.
LOOK = timedelta(minutes=1)
SECONDS = 30.0
_MOST = 20


@dataclass(slots=True, kw_only=True)
class Notifier:
    """One per process.

    Attributes:
        seconds: What one address may take for one message.
        patience: What all that waits may take at the end, in seconds.
        lost: Messages that made room for newer ones since the last was told.
    """

    addresses: Sequence[Address]
    now: Callable[[], datetime]
    log: BoundLogger
    alerts: Alerts = field(default_factory=Alerts)
    seconds: float = SECONDS
    patience: float = 5.0
    lost: int = 0
    _waiting: deque[Message] = field(default_factory=deque)
    _outlets: dict[str, Outlet] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)
    _spells: Spell = field(default_factory=Spell)
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _closing: bool = False

    def hear(self, line: Line) -> None:
        """Take in a line of the log."""
        self._post(self.alerts.hear(line, self.now()))

    async def look(self) -> None:
        """Say what is to be said because time has passed; try again what waits."""
        while (message := self.alerts.look(self.now())) is not None:
            self._post(message)
        if self._waiting:
            self._more.set()

    def _post(self, message: Message | None) -> None:
        if message is None:
            return
        if len(self._waiting) == _MOST:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(message)
        self._more.set()

    def start(self) -> None:
        """Begin to send; a wrong address is named at once."""
        self._task = asyncio.create_task(self._run(), name="notify")

    async def close(self) -> None:
        """Send what waits if that is quick, and end."""
        if self._task is None:
            return
        self._closing = True
        self._more.set()
        await asyncio.wait({self._task}, timeout=self.patience)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        for address in self.addresses:
            await self._open(address)
        while True:
            await self._more.wait()
            self._more.clear()
            await self._empty()
            if self._closing:
                return

    async def _empty(self) -> None:
        while self._waiting:
            message = self._waiting[0]
            # Nobody takes anything: it waits, and is tried again later.
            if not await self._tell(message):
                return
            # It may have been pushed out meanwhile.
            if self._waiting and self._waiting[0] is message:
                self._waiting.popleft()

    async def _tell(self, message: Message) -> bool:
        """Say whether anybody took it."""
        taken = [await self._send(address, message) for address in self.addresses]
        if any(taken) and self.lost:
            self.log.warning(
                "notify.lost",
                summary=f"{self.lost} older messages were not told to anybody",
            )
            self.lost = 0
        return any(taken)

    async def _open(self, address: Address) -> Outlet | None:
        """Return the outlet of an address, which is opened once."""
        if (found := self._outlets.get(address.place)) is not None:
            return found
        try:
            found = await aside(
                lambda: apprises.outlet(address.url), seconds=self.seconds
            )
        # Whatever it was: its words may hold the address.
        except Exception as error:  # noqa: BLE001 - the notifier is not the daemon's work
            self._failed(address, f"it cannot be opened ({type(error).__name__})")
            return None
        if not found.known:
            self._failed(address, "it is no address that Apprise knows")
        self._outlets[address.place] = found
        return found

    async def _send(self, address: Address, message: Message) -> bool:
        found = await self._open(address)
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
            taken = await aside(work, seconds=self.seconds)
        # The same.
        except Exception as error:  # noqa: BLE001 - the same
            self._failed(address, f"it could not be sent to ({type(error).__name__})")
            return False
        if not taken:
            self._failed(address, "it does not take messages")
            return False
        if (lasted := self._spells.ended(address.place, self.now())) is not None:
            self.log.info(
                "notify.recovered",
                summary=f"{address.place} takes messages again, after "
                f"{lasted.total_seconds() / 60:.0f} min",
            )
        return True

    def _failed(self, address: Address, why: str) -> None:
        # Once, and not once an hour: it is tried only when there is something to say.
        known = address.place in self._spells.open
        self._spells.failed(address.place, self.now())
        if not known:
            self.log.warning(
                "notify.failed",
                summary=f"{address.place}: {why}; `postbrush test --notify` tries it",
            )
