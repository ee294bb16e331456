"""Sends a request to an external monitor every five minutes while polling works.

The monitor raises an alarm when the requests stop, also if this machine is off.
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
from daemon.formatting import format_duration
from daemon.service.tasks import FailureThrottle, run_detached

PING_INTERVAL = timedelta(minutes=5)
_SECONDS = 10.0
#: A poll that takes longer than this counts as hanging.
_LONGEST_POLL = timedelta(minutes=10)
#: Poll intervals without an answer before polling counts as failed.
_MISSED = 3


def is_polling_well(
    looked_at: datetime | None, *, away: bool, now: datetime, interval: timedelta
) -> bool:
    """Return whether Notion is polled as configured.

    Args:
        looked_at: The end of the last answered poll; None before the first.
        away: Whether the newest poll was not answered.
        interval: The time between polls.
    """
    if looked_at is None:
        return False
    # A single failed poll is not an outage.
    if now - looked_at <= interval * _MISSED:
        return True
    # A long poll is not a failure, but one that hangs is.
    return not away and now - looked_at <= max(_LONGEST_POLL, interval * _MISSED)


@dataclass(slots=True, kw_only=True)
class Ping:
    """Fetches the address of the monitor while `well` returns True."""

    address: SecretStr
    well: Callable[[], Awaitable[bool]]
    now: Callable[[], datetime]
    log: BoundLogger
    _spells: FailureThrottle = field(default_factory=FailureThrottle)

    async def send_if_well(self) -> None:
        """Fetch the address if `well` returns True; log a failure or a recovery."""
        if not await self.well():
            return
        problem = await fetch_address(self.address)
        is_known = "ping" in self._spells.open
        name = host_of(self.address.get_secret_value())
        if problem is not None:
            self._spells.record_failure("ping", self.now())
            if not is_known:
                self.log.warning("ping.failed", summary=f"{name}: {problem}")
        elif (duration := self._spells.record_recovery("ping", self.now())) is not None:
            minutes = format_duration(duration.total_seconds(), "min")
            self.log.info(
                "ping.recovered", summary=f"{name} responds again after {minutes}"
            )


async def fetch_address(address: SecretStr) -> str | None:
    """Fetch an address; return the error without the address, None on success."""
    try:
        return await run_detached(lambda: _get_address(address), seconds=_SECONDS * 2)
    except TimeoutError:
        return "no response in time"


def _get_address(address: SecretStr) -> str | None:
    try:
        request = urllib.request.Request(  # noqa: S310 - the opener only allows HTTP
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
            return "redirects to an address that is not http or https"
        return getattr(reason, "strerror", None) or type(reason).__name__
    # The texts of these errors may contain the address.
    except (OSError, http.client.HTTPException, ValueError) as error:
        return type(error).__name__


def _build_opener() -> urllib.request.OpenerDirector:
    """Return an opener whose redirects cannot leave HTTP, for example to a file."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
