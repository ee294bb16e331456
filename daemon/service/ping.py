"""The ping: a watcher elsewhere is told every few minutes that all is well.

When it is not told any more, it raises the alarm: also when this machine is off.
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import SecretStr
from structlog.stdlib import BoundLogger

from daemon.config.addresses import host_of
from daemon.service.detached_thread import run_detached
from daemon.service.log import FailureThrottle

PING_INTERVAL = timedelta(minutes=5)
_SECONDS = 10.0
#: All pages of a poll take time; this long is no poll any more.
_LONGEST_POLL = timedelta(minutes=10)
_MISSED = 3


def is_polling_well(
    looked_at: datetime | None, *, away: bool, now: datetime, interval: timedelta
) -> bool:
    """Say whether Notion is looked at as it should be.

    Args:
        looked_at: When the last poll that Notion answered ended.
        away: The newest poll was not answered.
        interval: Between polls.
    """
    # Not once since the start.
    if looked_at is None:
        return False
    # One poll that failed is no outage.
    if now - looked_at <= interval * _MISSED:
        return True
    # A long poll is no failure; one that hangs is.
    return not away and now - looked_at <= max(_LONGEST_POLL, interval * _MISSED)


@dataclass(slots=True, kw_only=True)
class Ping:
    """Fetches one address while *well* says so."""

    address: SecretStr
    well: Callable[[], Awaitable[bool]]
    now: Callable[[], datetime]
    log: BoundLogger
    _spells: FailureThrottle = field(default_factory=FailureThrottle)

    async def send_if_well(self) -> None:
        """Fetch it once, if all is well."""
        if not await self.well():
            return
        why = await fetch_address(self.address)
        known = "ping" in self._spells.open
        name = host_of(self.address.get_secret_value())
        if why is not None:
            self._spells.record_failure("ping", self.now())
            if not known:
                self.log.warning("ping.failed", summary=f"{name}: {why}")
        elif (lasted := self._spells.record_recovery("ping", self.now())) is not None:
            minutes = f"{lasted.total_seconds() / 60:.0f} min"
            self.log.info("ping.recovered", summary=f"{name} answers, after {minutes}")


async def fetch_address(address: SecretStr) -> str | None:
    """Fetch it; say what went wrong, without the address, or None."""
    try:
        return await run_detached(lambda: _get_address(address), seconds=_SECONDS * 2)
    except TimeoutError:
        return "no answer in time"


def _get_address(address: SecretStr) -> str | None:
    try:
        request = urllib.request.Request(  # noqa: S310 - the opener speaks nothing but HTTP
            address.get_secret_value(), headers={"User-Agent": "postbrush"}
        )
        with _build_opener().open(request, timeout=_SECONDS):
            return None
    except urllib.error.HTTPError as error:
        with error:
            return f"HTTP {error.code}"
    except urllib.error.URLError as error:
        reason = error.reason
        if isinstance(reason, str):
            return "it leads to something that is no web address"
        return getattr(reason, "strerror", None) or type(reason).__name__
    # Their words may hold the address.
    except (OSError, http.client.HTTPException, ValueError) as error:
        return type(error).__name__


def _build_opener() -> urllib.request.OpenerDirector:
    """Return one that no redirect leads to a file, or to anything but HTTP."""
    made = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        made.add_handler(handler)
    return made
