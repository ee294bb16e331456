"""Announces that state may have changed, so that watchers need not poll."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class ChangeEvent:
    """A counter of changes that tasks can wait for.

    Attributes:
        version: The number of changes so far.
    """

    version: int = 0
    _next: asyncio.Event = field(default_factory=asyncio.Event)

    def announce_change(self) -> None:
        """Count a change and wake every waiting task."""
        self.version += 1
        self._next.set()
        self._next = asyncio.Event()

    async def wait_beyond(self, version: int) -> int:
        """Wait until there is a newer version than *version*, and return it."""
        while self.version <= version:
            await self._next.wait()
        return self.version
