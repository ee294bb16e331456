"""Cluster membership: one daemon on a SQLite file, several on a PostgreSQL database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from daemon.context import Sources
from daemon.generation.recovery import recover_claims, recover_uploads


class Membership(Protocol):
    """The daemons that share the database, seen by one of them."""

    @property
    def renew_interval(self) -> timedelta | None:
        """How often to call `renew_membership`; None for a single node."""

    async def recover_work(self) -> None:
        """At the start, requeue the jobs of daemons that are known to be dead."""

    async def renew_membership(self) -> None:
        """Send a heartbeat, and take over the jobs and locks of dead members."""


@dataclass(slots=True)
class SingleNode:
    """The only daemon on its database, which the lock of the data folder ensures."""

    sources: Sources

    @property
    def renew_interval(self) -> None:
        """None: there is nothing to renew."""
        return None

    async def recover_work(self) -> None:
        """Requeue all claimed jobs, as no other daemon can run."""
        await recover_claims(self.sources, None)
        await recover_uploads(list(self.sources))

    async def renew_membership(self) -> None:
        """Do nothing, as there are no other members."""
