"""Notifies systemd of readiness, reloads, the stop, the status and the watchdog.

Source: sd_notify(3), sd_watchdog_enabled(3).  Without $NOTIFY_SOCKET nothing is sent.
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
#: Seconds to wait for a busy manager; what it does not accept is sent later.
_BUSY = 0.2


@dataclass(slots=True)
class SystemdNotifier:
    """The connection to the service manager.

    Attributes:
        address: A datagram socket; "" without a service manager.
        watchdog: The longest time between two watchdog notifications; None without.
        status: The newest status line.
    """

    address: str = ""
    watchdog: timedelta | None = None
    status: str = field(default="", init=False)
    _owed: dict[str, str] = field(default_factory=dict, init=False)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], pid: int) -> SystemdNotifier:
        """Read the variables that the service manager set for the process *pid*."""
        return cls(environ.get("NOTIFY_SOCKET", ""), _watchdog_interval(environ, pid))

    def notify_ready(self) -> None:
        """Notify systemd that the start or a reload is complete."""
        self._send_update("state", "READY=1")

    def notify_reloading(self) -> None:
        """Notify systemd that a reload begins; `notify_ready` ends it."""
        microseconds = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send_update("state", f"RELOADING=1\nMONOTONIC_USEC={microseconds}")

    def notify_stopping(self) -> None:
        """Notify systemd that the stop begins."""
        self._send_update("state", "STOPPING=1")

    def notify_watchdog(self) -> None:
        """Notify the watchdog that the daemon makes progress."""
        # A lost one is not sent later, because it only holds for this moment.
        if self._try_send("\n".join([*self._owed.values(), "WATCHDOG=1"])):
            self._owed.clear()

    def set_status(self, status: str) -> None:
        """Show one line in `systemctl status`; an unchanged line is sent once."""
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
        """Send new lines, and those that the manager did not accept before.

        Its queue holds ten datagrams by default (unix(7), max_dgram_qlen).  It can be
        full while the machine boots, and a lost READY would be a failed start.
        """
        if self._owed and self._try_send("\n".join(self._owed.values())):
            self._owed.clear()

    def _try_send(self, lines: str) -> bool:
        if not self.address:
            return True
        # An address that begins with @ is in the abstract namespace.
        address = f"\0{self.address[1:]}" if self.address[0] == "@" else self.address
        try:
            with socket.socket(
                socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
            ) as s:
                s.settimeout(_BUSY)
                # A title may contain lone surrogates, which UTF-8 cannot encode.
                s.sendto(lines.encode(errors="replace"), address)
        except OSError:
            # The manager is busy or restarts; the next watchdog notification retries.
            return False
        return True


def _watchdog_interval(environ: Mapping[str, str], pid: int) -> timedelta | None:
    # The watchdog may be for another process of the service.
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    try:
        interval = timedelta(microseconds=int(environ.get("WATCHDOG_USEC", "")))
    except (ValueError, OverflowError):
        return None
    # systemd passes "infinity" as a large number.
    return interval if timedelta() < interval <= _LONGEST_WATCH else None


def from_environment() -> SystemdNotifier:
    """Return the connection to the service manager of this process."""
    return SystemdNotifier.from_environ(os.environ, os.getpid())
