"""A service manager that listens: a datagram socket, and what arrived on it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Manager:
    """What a service tells is kept until it is looked at.

    Attributes:
        address: As in $NOTIFY_SOCKET.
    """

    address: str
    socket: socket.socket

    def heard(self) -> list[str]:
        """Return what has arrived since the last look."""
        found: list[str] = []
        while True:
            try:
                found.append(self.socket.recv(65536).decode())
            except BlockingIOError:
                return found

    def signs_of_life(self) -> int:
        """Count them since the last look; drop the rest."""
        return self.heard().count("WATCHDOG=1")


@contextmanager
def listening(address: str) -> Iterator[Manager]:
    """Listen at *address*; one that begins with @ is in no folder."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.setblocking(False)  # noqa: FBT003 - the method has no keyword
        made.bind(f"\0{address[1:]}" if address[0] == "@" else address)
        yield Manager(address, made)
