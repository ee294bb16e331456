"""What systemd is told: ready, reloading, stopping, a line of status, a sign of life.

Facts: sd_notify(3), sd_watchdog_enabled(3).  Without $NOTIFY_SOCKET nothing is sent.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

_LONGEST_STATUS = 400
_LONGEST_WATCH = timedelta(days=365)
#: Seconds that a manager may be busy; what it has no room for then is said later.
_BUSY = 0.2


@dataclass(slots=True)
class Readiness:
    """The way to the service manager.

    Attributes:
        address: A datagram socket; empty: nobody listens.
        watchdog: A sign of life is wanted at least this often; None: not at all.
        status: The line that was said last.
    """

    address: str = ""
    watchdog: timedelta | None = None
    status: str = field(default="", init=False)
    _owed: dict[str, str] = field(default_factory=dict, init=False)

    @classmethod
    def of(cls, environ: Mapping[str, str], pid: int) -> Readiness:
        """Read what the service manager asks of the process *pid*."""
        return cls(environ.get("NOTIFY_SOCKET", ""), _watchdog(environ, pid))

    def ready(self) -> None:
        """The work has begun, or goes on after a reload."""
        self._tell("state", "READY=1")

    def reloading(self) -> None:
        """The configuration is read again; `ready` ends it."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell("state", f"RELOADING=1\nMONOTONIC_USEC={microseconds}")

    def stopping(self) -> None:
        """Nothing new is begun."""
        self._tell("state", "STOPPING=1")

    def alive(self) -> None:
        """The daemon makes progress."""
        # Lost, it is not made up for: it would vouch for another moment.
        if self._is_sent("\n".join([*self._owed.values(), "WATCHDOG=1"])):
            self._owed.clear()

    def say(self, status: str) -> None:
        """Show one line in `systemctl status`; the same line is sent once."""
        line = " ".join(status.split())[:_LONGEST_STATUS]
        if line != self.status:
            self.status = line
            self._tell("status", f"STATUS={line}")
        else:
            self._settle()

    def _tell(self, about: str, line: str) -> None:
        self._owed[about] = line
        self._settle()

    def _settle(self) -> None:
        """Send what is new, and what the manager had no room for before.

        Its queue holds ten lines by default (unix(7), max_dgram_qlen); on a machine
        that is busy starting it is full, and a READY lost there is a failed start.
        """
        if self._owed and self._is_sent("\n".join(self._owed.values())):
            self._owed.clear()

    def _is_sent(self, lines: str) -> bool:
        if not self.address:
            return True
        # A name that begins with @ is in the abstract namespace.
        address = f"\0{self.address[1:]}" if self.address[0] == "@" else self.address
        try:
            with socket.socket(
                socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
            ) as s:
                s.settimeout(_BUSY)
                # Half a sign, which a title may hold, has no bytes of its own.
                s.sendto(lines.encode(errors="replace"), address)
        except OSError:
            # Busy, or about to be started anew: the next sign of life tries again.
            return False
        return True


def _watchdog(environ: Mapping[str, str], pid: int) -> timedelta | None:
    # It may be another process of the same service that is watched.
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    try:
        wanted = timedelta(microseconds=int(environ.get("WATCHDOG_USEC", "")))
    except (ValueError, OverflowError):
        return None
    # "infinity" is a number, too.
    return wanted if timedelta() < wanted <= _LONGEST_WATCH else None


def from_environment() -> Readiness:
    """Return the way to the service manager of this process."""
    return Readiness.of(os.environ, os.getpid())
