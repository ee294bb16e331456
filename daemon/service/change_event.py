"""Something may have changed: whoever watches looks again, and nobody looks before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class ChangeEvent:
    """Grows with every change; nothing is ever looked up to see whether one came.

    Attributes:
        version: How many changes there were.
    """

    version: int = 0
    _next: asyncio.Event = field(default_factory=asyncio.Event)

    def announce_change(self) -> None:
        """Say that something changed."""
        self.version += 1
        self._next.set()
        self._next = asyncio.Event()

    async def wait_beyond(self, version: int) -> int:
        """Wait for a change beyond *version*; return the newest."""
        while self.version <= version:
            await self._next.wait()
        return self.version
