"""Who else works on the same database: of one's own file nobody, of a server's some."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from daemon.generation.recovery import recover_claims, recover_uploads
from daemon.sources import Sources


class Membership(Protocol):
    """Who else there is."""

    @property
    def renew_interval(self) -> timedelta | None:
        """How often to call `renew_membership`; None: there are no other members."""

    async def recover_work(self) -> None:
        """Take up what was left by whoever is known to be dead."""

    async def renew_membership(self) -> None:
        """Say that we live, and take over from those who do not."""


@dataclass(slots=True)
class SingleNode:
    """Nobody: the lock of the data folder, and so of its database, is ours."""

    flows: Sources

    @property
    def renew_interval(self) -> None:
        return None

    async def recover_work(self) -> None:
        await recover_claims(self.flows, None)
        await recover_uploads(list(self.flows))

    async def renew_membership(self) -> None:
        """There is nobody to look for."""
