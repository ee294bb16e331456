"""The protocols of systemd: notifications with the watchdog, and the journal.

Sources: sd_notify(3), sd_watchdog_enabled(3), "Native Journal Protocol".  An entry of
the journal is one datagram of fields.  A value with a newline is written with its
length.  An entry that does not fit a datagram is sent as a sealed memfd.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TextIO

_LONGEST_STATUS = 400
_LONGEST_WATCH = timedelta(days=365)
#: Seconds to wait for a busy manager; what it does not accept is sent later.
_BUSY = 0.2
_JOURNAL = "/run/systemd/journal/socket"


@dataclass(slots=True)
class SystemdNotifier:
    """The connection to the service manager.

    Attributes:
        address: A datagram socket; "" without a service manager, and nothing is sent.
        watchdog: The longest time between two watchdog notifications; None without.
    """

    address: str = ""
    watchdog: timedelta | None = None
    status: str = field(default="", init=False)
    _unsent: dict[str, str] = field(default_factory=dict, init=False)

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, str] = os.environ, pid: int | None = None
    ) -> SystemdNotifier:
        """Read what the service manager set for the process *pid*, this one if None."""
        interval = _watchdog_interval(environ, os.getpid() if pid is None else pid)
        return cls(environ.get("NOTIFY_SOCKET", ""), interval)

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
        if self._try_send("\n".join([*self._unsent.values(), "WATCHDOG=1"])):
            self._unsent.clear()

    def set_status(self, status: str) -> None:
        """Show one line in `systemctl status`; an unchanged line is sent once."""
        line = " ".join(status.split())[:_LONGEST_STATUS]
        if line != self.status:
            self.status = line
            self._send_update("status", f"STATUS={line}")
        else:
            self._send_pending()

    def _send_update(self, about: str, line: str) -> None:
        self._unsent[about] = line
        self._send_pending()

    def _send_pending(self) -> None:
        """Send new lines, and those that the manager did not accept before.

        Its queue holds ten datagrams by default (unix(7), max_dgram_qlen).  It can be
        full while the machine boots, and a lost READY would be a failed start.
        """
        if self._unsent and self._try_send("\n".join(self._unsent.values())):
            self._unsent.clear()

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


@dataclass(slots=True)
class WatchdogDeadlines:
    """Deadlines of the daemon's loops; the watchdog is notified while none is missed.

    Times are seconds of a monotonic clock that stops while the machine sleeps.
    """

    monotonic: Callable[[], float]
    _until: dict[str, float] = field(default_factory=dict)
    _seconds: dict[str, float] = field(default_factory=dict)
    _extended: dict[str, float] = field(default_factory=dict)

    def set_deadline(self, name: str, seconds: float) -> None:
        """Expect progress of *name* within *seconds*, counted after any extension."""
        start = max(self.monotonic(), self._extended.get(name, 0.0))
        self._until[name] = start + seconds
        self._seconds[name] = seconds

    def extend_deadline(self, name: str, seconds: float) -> None:
        """Let the deadline of *name* count from *seconds* later, while it must wait."""
        wait_end = max(self.monotonic() + seconds, self._extended.get(name, 0.0))
        self._extended[name] = wait_end
        if name in self._until:
            # The work of the deadline is still to do after the wait.
            self._until[name] = max(self._until[name], wait_end + self._seconds[name])

    @contextmanager
    def deadline_during(self, name: str, seconds: float) -> Iterator[None]:
        """Set a deadline for the time of a context, and remove it afterwards."""
        self.set_deadline(name, seconds)
        try:
            yield
        finally:
            self._until.pop(name, None)

    def missed_deadlines(self) -> list[str]:
        """Return the names with a missed deadline."""
        now = self.monotonic()
        return sorted(name for name, until in self._until.items() if now > until)


def is_journal_stream(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether *stream* goes to the journal, by $JOURNAL_STREAM."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    if not inode:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (str(status.st_dev), str(status.st_ino)) == (device, inode)


class JournalSocket:
    """A socket to journald; an error loses the entry and never stops the daemon."""

    def __init__(self, path: str = _JOURNAL) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def send(self, fields: Mapping[str, str]) -> bool:
        """Send one entry; return whether the journal accepted it."""
        data = encode_entry(fields)
        try:
            self._socket.sendto(data, self._path)
        except OSError as error:
            if error.errno not in {errno.EMSGSIZE, errno.ENOBUFS}:
                return False
            return self._send_large(data)
        return True

    def _send_large(self, data: bytes) -> bool:
        handle = os.memfd_create("postbrush-log", os.MFD_ALLOW_SEALING)
        try:
            os.write(handle, data)
            seals = (
                fcntl.F_SEAL_SHRINK
                | fcntl.F_SEAL_GROW
                | fcntl.F_SEAL_WRITE
                | fcntl.F_SEAL_SEAL
            )
            fcntl.fcntl(handle, fcntl.F_ADD_SEALS, seals)
            descriptors = array.array("i", [handle])
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)]
            self._socket.sendmsg([b""], ancillary, 0, self._path)
        except OSError:
            return False
        else:
            return True
        finally:
            os.close(handle)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def encode_entry(fields: Mapping[str, str]) -> bytes:
    """Return one entry in the native protocol."""
    entry = bytearray()
    for name, value in fields.items():
        raw = value.encode("utf-8", "replace")
        if b"\n" in raw:
            entry += name.encode() + b"\n" + struct.pack("<Q", len(raw)) + raw + b"\n"
        else:
            entry += name.encode() + b"=" + raw + b"\n"
    return bytes(entry)
