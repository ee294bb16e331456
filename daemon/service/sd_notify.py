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
class SystemdNotifier:
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
    def from_environ(cls, environ: Mapping[str, str], pid: int) -> SystemdNotifier:
        """Read what the service manager asks of the process *pid*."""
        return cls(environ.get("NOTIFY_SOCKET", ""), _watchdog_interval(environ, pid))

    def notify_ready(self) -> None:
        """The work has begun, or goes on after a reload."""
        self._send_update("state", "READY=1")

    def notify_reloading(self) -> None:
        """The configuration is read again; `notify_ready` ends it."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send_update("state", f"RELOADING=1\nMONOTONIC_USEC={microseconds}")

    def notify_stopping(self) -> None:
        """Nothing new is begun."""
        self._send_update("state", "STOPPING=1")

    def notify_watchdog(self) -> None:
        """The daemon makes progress."""
        # Lost, it is not made up for: it would vouch for another moment.
        if self._try_send("\n".join([*self._owed.values(), "WATCHDOG=1"])):
            self._owed.clear()

    def set_status(self, status: str) -> None:
        """Show one line in `systemctl status`; the same line is sent once."""
        line = " ".join(status.split())[:_LONGEST_STATUS]
        if line != self.status:
            self.status = line
            self._send_update("status", f"STATUS={line}")
        else:
            self._send_pending()

    def _send_update(self, about: str, line: str) -> None:
        self._owed[about] = line
        self._send_pending()

    def _send_pending(self) -> None:
        """Send what is new, and what the manager had no room for before.

        Its queue holds ten lines by default (unix(7), max_dgram_qlen); on a machine
        that is busy starting it is full, and a READY lost there is a failed start.
        """
        if self._owed and self._try_send("\n".join(self._owed.values())):
            self._owed.clear()

    def _try_send(self, lines: str) -> bool:
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


def _watchdog_interval(environ: Mapping[str, str], pid: int) -> timedelta | None:
    # It may be another process of the same service that is watched.
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    try:
        wanted = timedelta(microseconds=int(environ.get("WATCHDOG_USEC", "")))
    except (ValueError, OverflowError):
        return None
    # "infinity" is a number, too.
    return wanted if timedelta() < wanted <= _LONGEST_WATCH else None


def from_environment() -> SystemdNotifier:
    """Return the way to the service manager of this process."""
    return SystemdNotifier.from_environ(os.environ, os.getpid())
