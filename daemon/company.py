"""Who else works on the same database: of one's own file nobody, of a server's some."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from daemon.flow.flows import Flows
from daemon.flow.rescue import rescue, rescue_uploads


class Company(Protocol):
    """Who else there is."""

    @property
    def every(self) -> timedelta | None:
        """How often `look` is to be called; None: there is nobody to look for."""

    async def begin(self) -> None:
        """Take up what was left by whoever is known to be dead."""

    async def look(self) -> None:
        """Say that we live, and take over from those who do not."""


@dataclass(slots=True)
class Alone:
    """Nobody: the lock of the data folder, and so of its database, is ours."""

    flows: Flows

    @property
    def every(self) -> None:
        return None

    async def begin(self) -> None:
        await rescue(self.flows, None)
        await rescue_uploads(list(self.flows))

    async def look(self) -> None:
        """There is nobody to look for."""
