"""Cluster membership: one daemon on a SQLite file, several on a PostgreSQL database.

The other daemons are listed for `status` and the web page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from daemon.context import Sources
from daemon.generation.recovery import recover_claims, recover_uploads
from db import instances
from db.engine import Database, Tx


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another daemon, as of its last heartbeat.

    Attributes:
        name: Host name of its machine.
        roles: Such as "notion, generate".
        since: When it was started, by its own clock.
        heard_at: When it sent its last heartbeat, by its own clock.
        is_leader: It is a leader; several tokens can have several leaders.
        store: Its shared store; empty if it uses its folder only.
    """

    name: str
    roles: str
    since: datetime
    heard_at: datetime
    is_leader: bool
    store: str

    def is_expired(self, now: datetime, lease: timedelta) -> bool:
        """Return True if it has sent no heartbeat for *lease*."""
        return now - self.heard_at >= lease


def read_instance_id(folder: Path) -> str:
    """Return the ID of a data folder's daemon; empty before its first start."""
    try:
        stored = (folder / "postbrush.id").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return stored if stored.isalnum() else ""


async def list_peers(tx: Tx, db: Database, own: str) -> list[Peer]:
    """Return the daemons other than the one with the ID *own*, oldest first.

    The list is empty for a SQLite file.
    """
    if db.backend.folder is not None:
        return []
    leaders = await instances.leader_ids(tx)
    return [
        Peer(
            name=record.name,
            roles=record.roles,
            since=record.started_at,
            heard_at=record.renewed_at,
            is_leader=record.id in leaders,
            store=record.store,
        )
        for record in await instances.list_others(tx, own)
    ]


def describe_stores(own: str, peers: Sequence[Peer]) -> tuple[str, str]:
    """Return whether all daemons share their images, and what to do if not; pure.

    Args:
        own: The store of this daemon; empty if it has none.
    """
    stores = {peer.store for peer in peers}
    if own and stores == {own}:
        return f"all daemons use {own}", ""
    # postbrush cannot tell whether all folders are mounts of a single one.
    if not own and stores == {""}:
        return ("no images.store: all daemons must have the same folder as images/", "")
    elsewhere = [
        f"{peer.name} {f'uses {peer.store}' if peer.store else 'uses its own folder'}"
        for peer in peers
        if peer.store != own
    ]
    return (
        f"this daemon uses {own or 'its own folder'}, {', '.join(elsewhere)}",
        "set the same images.store for all daemons",
    )
