"""Membership in a cluster of daemons on one PostgreSQL database."""

from __future__ import annotations

import asyncio
import math
import secrets
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from daemon.cluster.base import read_instance_id
from daemon.config import Settings
from daemon.context import SourceContext, Sources
from daemon.errors import SetupError
from daemon.formatting import format_count
from daemon.generation.recovery import recover_claims, recover_uploads
from db import instances, queue
from db.backend import Backend
from db.errors import DatabaseError
from db.instances import LockSession, lock_key
from db.models import DaemonRecord
from db.postgres import Postgres

#: How often to try locks that other daemons hold.
_LOCK_INTERVAL = timedelta(seconds=5)
#: Pages that the leader reads in advance for the other daemons.
_READS_AHEAD = 4
#: Heartbeat count of a daemon that has claimed jobs but has no row.
_NO_HEARTBEATS = -1
#: Seconds to wait for the first connection.
_CONNECT_TIMEOUT = 15.0
#: Seconds after which the server has dropped the connection of a dead machine.
_TWIN_SECONDS = 40


@asynccontextmanager
async def open_membership(
    settings: Settings, sources: Sources, backend: Backend
) -> AsyncIterator[ClusterMember]:
    """Join the cluster, and leave it at the end of the context.

    Raises:
        DatabaseError: The server cannot be reached.
        TypeError: *backend* is not a PostgreSQL database.
    """
    if not isinstance(backend, Postgres):
        raise TypeError(f"{backend} is not a database that daemons can share")
    member = ClusterMember(
        sources=sources,
        backend=backend,
        record=_build_record(settings, sources.app.now()),
        keys=_token_keys(settings),
        lease=settings.options.database.lease.total_seconds(),
    )
    session = asyncio.create_task(member.presence.run(), name="presence")
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                await member.presence.wait_connected()
        yield member
        await member.leave()
    finally:
        session.cancel()
        await asyncio.gather(session, return_exceptions=True)


def _token_keys(settings: Settings) -> dict[str, int]:
    """Return the lock key of each source's token; none without the role `notion`."""
    if "notion" not in settings.options.roles:
        return {}
    return {
        name: lock_key(token.get_secret_value())
        for name, own in settings.by_source().items()
        if (token := own.notion_token) is not None
    }


def _build_record(settings: Settings, now: datetime) -> DaemonRecord:
    return DaemonRecord(
        id=ensure_instance_id(settings.data_dir),
        name=socket.gethostname(),
        started_at=now,
        renewed_at=now,
        roles=", ".join(settings.options.roles),
        store=str(settings.store or ""),
    )


@dataclass(slots=True, kw_only=True)
class ClusterMember:
    """One of several daemons on a database; a lease protects its claims.

    A peer expires only after a full lease without a heartbeat, counted by our own clock
    from our own successful reads.  The leader of a source holds the lock of its token,
    and is the only daemon that calls Notion for it.

    Attributes:
        record: Our own row.
        keys: The lock key of each source's token; empty if we must not call Notion.
        lease: Seconds.
    """

    sources: Sources
    backend: Postgres
    record: DaemonRecord
    keys: Mapping[str, int]
    lease: float
    presence: LockSession = field(init=False)
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)
    _beaten_at: float = -math.inf
    _begun: bool = False

    def __post_init__(self) -> None:
        self.presence = LockSession(
            backend=self.backend,
            sender_id=self.sources.app.db.sender_id,
            instance_id=self.record.id,
            on_change=self._on_change_elsewhere,
            on_lost=self._on_connection_lost,
            sleep=self.sources.app.clock.sleep,
        )
        instance = self.sources.app.instance
        instance.id, instance.reread_limit = self.record.id, _READS_AHEAD
        for source in self.sources:
            source.state.is_leader = False

    @property
    def renew_interval(self) -> timedelta:
        """How often to call `renew_membership`: at least six times a lease."""
        return min(_LOCK_INTERVAL, timedelta(seconds=self.lease / 6))

    async def recover_work(self) -> None:
        """Requeue what our previous run had claimed, and try for the free locks.

        Raises:
            SetupError: Another daemon runs under our ID.
        """
        await self._reject_duplicate_id()
        await self._send_heartbeat()
        await recover_claims(self.sources, [self.record.id])
        await self._acquire_free_locks()
        self._begun = True

    async def _reject_duplicate_id(self) -> None:
        """Refuse to run under the ID of another daemon, as a copied machine would."""
        clock = self.sources.app.clock
        # The server needs a while to drop the session of a machine that lost power.
        for _ in range(_TWIN_SECONDS):
            if not await self.presence.has_twin():
                return
            await clock.sleep(1.0)
        raise SetupError(
            "Another daemon works on this database with the same ID (postbrush.id). If "
            "the data folder of this machine is a copy, delete postbrush.id in it"
        )

    async def renew_membership(self) -> None:
        """Try for free locks, and send a heartbeat three times a lease."""
        await self._acquire_free_locks()
        elapsed = self.sources.app.clock.monotonic() - self._beaten_at
        if elapsed >= self.lease / 3:
            await self._send_heartbeat()

    async def _acquire_free_locks(self) -> None:
        """Become the leader of every source whose lock is free."""
        for key in sorted(set(self.keys.values()) - self.presence.held_locks):
            if await self.presence.try_lock(key):
                await self._become_leader(
                    [one for one in self.sources if self.keys.get(one.name) == key]
                )

    async def _become_leader(self, sources: Sequence[SourceContext]) -> None:
        for source in sources:
            source.state.is_leader = True
            if self._begun:
                # The previous leader may have used up the rate limit of this second.
                source.notion.pause_requests(1.0)
                source.log.info(
                    "leader.acquired", summary="This daemon now does the Notion work"
                )
        await recover_uploads(sources)
        sources[0].app.signals.kick.set()

    async def leave(self) -> None:
        """Delete our row, so that the others need not wait for the lease to end."""
        if self.presence.is_connected:
            with suppress(DatabaseError):
                async with self.sources.app.db.write_transaction() as tx:
                    await instances.deregister_daemon(tx, self.record.id)

    def _on_change_elsewhere(self, _sender_id: str) -> None:
        """Wake the web page and the work loop after a change by another daemon."""
        self.sources.app.signals.change_event.announce_change()
        self.sources.app.signals.kick.set()

    def _on_connection_lost(self) -> None:
        """Stop being the leader, as the server has released our locks."""
        for source in self.sources.led:
            source.state.is_leader = False
            source.log.warning(
                "leader.lost",
                summary="The database is unavailable; another daemon may take over",
            )
        self.sources.app.signals.kick.set()

    async def _send_heartbeat(self) -> None:
        app = self.sources.app
        record = replace(self.record, renewed_at=app.now())
        # After a failure, the waiting time of all peers starts again.
        seen, self._seen = self._seen, {}
        async with app.db.write_transaction() as tx:
            await instances.record_heartbeat(tx, record)
            heartbeats = {
                peer.id: peer.heartbeat_count
                for peer in await instances.list_others(tx, record.id)
            }
            for who in await queue.list_claimers(tx) - {record.id}:
                heartbeats.setdefault(who, _NO_HEARTBEATS)
        self._beaten_at = moment = app.clock.monotonic()
        self._seen = last_seen(seen, heartbeats, moment)
        dead = expired_members(self._seen, moment, self.lease)
        if dead:
            await self._take_over_dead(dead)

    async def _take_over_dead(self, dead: Sequence[str]) -> None:
        app = self.sources.app
        structlog.get_logger().warning(
            "peer.expired",
            summary=f"{format_count(len(dead), 'daemon')} on this database sent no "
            f"heartbeat for {self.lease:g} s. This one takes over the jobs",
        )
        await recover_claims(self.sources, dead)
        async with app.db.write_transaction() as tx:
            for who in dead:
                await instances.deregister_daemon(tx, who)
        for who in dead:
            del self._seen[who]
        app.signals.kick.set()


def last_seen(
    seen: Mapping[str, tuple[int, float]], heartbeats: Mapping[str, int], moment: float
) -> dict[str, tuple[int, float]]:
    """Return each peer's heartbeat count, and when we first read that count; pure.

    Args:
        seen: The result of the last call.
        heartbeats: The heartbeat counts read now.
        moment: Monotonic seconds.
    """
    return {
        who: seen[who] if who in seen and seen[who][0] == count else (count, moment)
        for who, count in heartbeats.items()
    }


def expired_members(
    seen: Mapping[str, tuple[int, float]], moment: float, lease: float
) -> list[str]:
    """Return the peers without a new heartbeat for *lease* seconds; pure."""
    return sorted(who for who, (_, since) in seen.items() if moment - since >= lease)


def ensure_instance_id(folder: Path) -> str:
    """Return the ID of this daemon, created at its first start.

    Args:
        folder: The data folder, whose lock the caller holds.
    """
    if stored := read_instance_id(folder):
        return stored
    created = secrets.token_hex(8)
    (folder / "postbrush.id").write_text(f"{created}\n", "ascii")
    return created
