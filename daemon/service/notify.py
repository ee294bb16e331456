"""Sends the notifications that `alerts` derives from the log, in a background task.

A message is sent when at least one address accepted it.  Otherwise it is tried again
once a minute and with the next message.  Sending never delays other work.

Apprise sends them, and this is its only importer.  All its calls block, so they run in
a thread.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import SecretStr
from structlog.stdlib import BoundLogger

from daemon.config.addresses import NotifierAddress
from daemon.formatting import format_duration
from daemon.service.alerts import AlertRules, Message
from daemon.service.log import LogLine
from daemon.service.tasks import FailureThrottle, run_detached

if TYPE_CHECKING:
    from apprise import Apprise

#: How often messages that are due are checked, and unsent ones are tried again.
CHECK_INTERVAL = timedelta(minutes=1)
SEND_SECONDS = 30.0
#: Unsent messages; the oldest is dropped for a newer one.
_MAX_WAITING = 20
_NAME = "postbrush"


@dataclass(slots=True, kw_only=True)
class Notifier:
    """The notifier of a process.

    Attributes:
        seconds: The timeout of one address for one message.
        patience: The seconds for all unsent messages when the process ends.
        lost: The messages that were dropped since the last one was sent.
    """

    addresses: Sequence[NotifierAddress]
    now: Callable[[], datetime]
    log: BoundLogger
    alerts: AlertRules = field(default_factory=AlertRules)
    seconds: float = SEND_SECONDS
    patience: float = 5.0
    lost: int = 0
    _waiting: deque[Message] = field(default_factory=deque)
    _targets: dict[str, NotificationTarget] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)
    _failures: FailureThrottle = field(default_factory=FailureThrottle)
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _closing: bool = False

    def handle_line(self, line: LogLine) -> None:
        """Queue the message of a log line, if it has one."""
        self._queue_message(self.alerts.handle_line(line, self.now()))

    async def send_due(self) -> None:
        """Queue messages that are due, and try unsent ones again."""
        while (message := self.alerts.next_due_message(self.now())) is not None:
            self._queue_message(message)
        if self._waiting:
            self._more.set()

    def _queue_message(self, message: Message | None) -> None:
        if message is None:
            return
        if len(self._waiting) == _MAX_WAITING:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(message)
        self._more.set()

    def start(self) -> None:
        """Start the task that sends.  It logs invalid addresses at once."""
        self._task = asyncio.create_task(self._run_sender(), name="notify")

    async def close(self) -> None:
        """Send unsent messages within `patience` seconds, and stop."""
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
            if not await self._send_to_all(message):
                return
            # The message may have been dropped for a newer one meanwhile.
            if self._waiting and self._waiting[0] is message:
                self._waiting.popleft()

    async def _send_to_all(self, message: Message) -> bool:
        """Return whether at least one address accepted the message."""
        accepted = [await self._send_to(address, message) for address in self.addresses]
        if any(accepted) and self.lost:
            self.log.warning(
                "notify.lost", summary=f"{self.lost} older notifications were dropped"
            )
            self.lost = 0
        return any(accepted)

    async def _open_target(self, address: NotifierAddress) -> NotificationTarget | None:
        """Return the target of an address, which is opened once; None on an error."""
        if (target := self._targets.get(address.place)) is not None:
            return target
        try:
            target = await run_detached(
                lambda: open_target(address.url), seconds=self.seconds
            )
        # The text of the error may contain the address, so only its type is logged.
        except Exception as error:  # noqa: BLE001 - notifications must not stop the daemon
            self._record_failure(address, f"cannot be opened ({type(error).__name__})")
            return None
        if not target.known:
            self._record_failure(address, "is not an address that Apprise knows")
        self._targets[address.place] = target
        return target

    async def _send_to(self, address: NotifierAddress, message: Message) -> bool:
        target = await self._open_target(address)
        if target is None or not target.known:
            return False
        # An earlier message to this address hangs, and threads must not accumulate.
        if address.place in self._busy:
            return False
        self._busy.add(address.place)

        def send_and_release() -> bool:
            try:
                return target.send(message)
            finally:
                self._busy.discard(address.place)

        try:
            accepted = await run_detached(send_and_release, seconds=self.seconds)
        except Exception as error:  # noqa: BLE001 - notifications must not stop the daemon
            self._record_failure(
                address, f"could not be reached ({type(error).__name__})"
            )
            return False
        if not accepted:
            self._record_failure(address, "did not accept the message")
            return False
        self._record_recovery(address.place)
        return True

    def _record_recovery(self, place: str) -> None:
        duration = self._failures.record_recovery(place, self.now())
        if duration is not None:
            minutes = format_duration(duration.total_seconds(), "min")
            self.log.info(
                "notify.recovered",
                summary=f"{place} accepts notifications again after {minutes}",
            )

    def _record_failure(self, address: NotifierAddress, why: str) -> None:
        # Logged once, not hourly, because it is only tried when there is a message.
        is_known = address.place in self._failures.open
        self._failures.record_failure(address.place, self.now())
        if not is_known:
            self.log.warning(
                "notify.failed",
                summary=f"{address.place} {why}. Test it: `postbrush test --notify`",
            )


@dataclass(frozen=True, slots=True)
class NotificationTarget:
    """One notification address; `known` if Apprise accepts it."""

    _apprise: Apprise
    known: bool

    def send(self, message: Message) -> bool:
        """Return whether the service accepted the message; Apprise gives no reason."""
        return self.known and bool(
            self._apprise.notify(
                title=f"{_NAME}: {message.title}",
                body=message.body,
                notify_type=message.level,
                body_format="text",
            )
        )


def open_target(url: SecretStr) -> NotificationTarget:
    """Return the target of an address, without sending anything."""
    from apprise import Apprise, AppriseAsset, PersistentStoreMode  # noqa: PLC0415 - 0.3 s and 20 MB with the first address

    # Its library has a list of authorities of its own otherwise.
    paths = ssl.get_default_verify_paths()
    if trusted := paths.cafile or paths.capath:
        os.environ.setdefault("REQUESTS_CA_BUNDLE", trusted)
    asset = AppriseAsset(
        app_id=_NAME,
        app_desc=_NAME,
        app_url="",
        storage_mode=PersistentStoreMode.MEMORY,  # writes nothing to disk
    )
    client = Apprise(asset=asset)
    return NotificationTarget(client, known=bool(client.add(url.get_secret_value())))
