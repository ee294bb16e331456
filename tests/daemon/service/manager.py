"""A service manager that listens: a datagram socket, and what arrived on it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_PATIENCE = 30.0


@dataclass(slots=True)
class Manager:
    """What a service tells is kept until it is looked at.

    Attributes:
        address: As in $NOTIFY_SOCKET.
    """

    address: str
    socket: socket.socket
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _taken: list[str] = field(default_factory=list)

    def follow(self) -> None:
        """Take whatever arrives at once: the queue of a socket is short."""
        asyncio.get_running_loop().add_reader(self.socket, self._take)

    def heard(self) -> list[str]:
        """Return what has arrived since the last look."""
        self._take()
        found, self._taken = self._taken, []
        return found

    def _take(self) -> None:
        with suppress(BlockingIOError):
            while True:
                self._taken.append(self.socket.recv(65536).decode())
                self.arrived.set()

    async def hears(self, state: str, times: int = 1) -> None:
        """Wait until *state* has arrived so often; needs `follow`."""
        async with asyncio.timeout(_PATIENCE):
            while self._taken.count(state) < times:
                self.arrived.clear()
                await self.arrived.wait()

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
