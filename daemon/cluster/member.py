"""The daemons that share a database: who speaks with Notion, and who has died."""

from __future__ import annotations

import asyncio
import math
import secrets
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import structlog

from daemon.cluster.peers import read_instance_id
from daemon.config import Settings
from daemon.context import SourceContext
from daemon.errors import SetupError
from daemon.generation.recovery import recover_claims, recover_uploads
from daemon.sources import Sources
from db import instances, queue
from db.advisory_locks import LockSession, lock_key
from db.backend import Backend
from db.errors import DatabaseError
from db.models import DaemonRecord
from db.postgres import Postgres

#: Locks that others hold are tried for this often.
_LOOK = timedelta(seconds=5)
#: Pages read for others to go on with.
_READS_AHEAD = 4
#: Beats of somebody who has claimed jobs and has no row.
_NO_BEATS = -1
#: Seconds for the first connection; without it there is nobody to meet.
_PATIENCE = 15.0
#: After so long the server knows of a connection that nobody answers on.
_TWIN_SECONDS = 40


@asynccontextmanager
async def open_membership(
    settings: Settings, flows: Sources, place: Backend
) -> AsyncIterator[ClusterMember]:
    """Be one of them for as long as this is open.

    Raises:
        DatabaseError: The server cannot be reached.
    """
    if not isinstance(place, Postgres):
        raise TypeError(f"{place} is no database that several can share")
    company = ClusterMember(
        flows=flows,
        place=place,
        record=_build_record(settings, flows.first),
        keys=_token_keys(settings),
        lease=settings.options.database.lease.total_seconds(),
    )
    being = asyncio.create_task(company.presence.run(), name="presence")
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await company.presence.wait_connected()
        yield company
        await company.leave()
    finally:
        being.cancel()
        await asyncio.gather(being, return_exceptions=True)


def _token_keys(settings: Settings) -> dict[str, int]:
    """Return the lock of each source's token, where we may speak at all."""
    if "notion" not in settings.options.roles:
        return {}
    tokens = {name: own.notion_token for name, own in settings.by_source().items()}
    return {
        name: lock_key(token.get_secret_value())
        for name, token in tokens.items()
        if token is not None
    }


def _build_record(settings: Settings, flow: SourceContext) -> DaemonRecord:
    now = flow.now()
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
    """Others may be there: what we have claimed is ours by a lease.

    A lease is given up by silence, and silence is heard by our own clock: nobody is
    dead who was heard of within `lease` of our looks that could have heard of him.

    Attributes:
        record: Our own row.
        keys: By source, the lock of its token; none where we are not to speak.
        lease: Seconds.
    """

    flows: Sources
    place: Postgres
    record: DaemonRecord
    keys: Mapping[str, int]
    lease: float
    presence: LockSession = field(init=False)
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)
    _beaten_at: float = -math.inf
    _begun: bool = False

    def __post_init__(self) -> None:
        self.presence = LockSession(
            place=self.place,
            who=self.flows.first.db.who,
            daemon=self.record.id,
            heard=self._on_change_elsewhere,
            lost=self._on_connection_lost,
            sleep=self.flows.first.clock.sleep,
        )
        for flow in self.flows:
            flow.who = self.record.id
            flow.speaks = False
            flow.reads_ahead = _READS_AHEAD

    @property
    def renew_interval(self) -> timedelta:
        return min(_LOOK, timedelta(seconds=self.lease / 6))

    async def recover_work(self) -> None:
        """Take up what we had claimed ourselves before we ended.

        Raises:
            SetupError: Somebody else claims under our name.
        """
        await self._reject_duplicate_id()
        await self._send_heartbeat()
        await recover_claims(self.flows, [self.record.id])
        await self._acquire_free_locks()
        self._begun = True

    async def _reject_duplicate_id(self) -> None:
        """See that a machine that was copied does not go on as the one it is of."""
        clock = self.flows.first.clock
        # Of a machine that lost its power the server hears a little later.
        for _ in range(_TWIN_SECONDS):
            if not await self.presence.has_twin():
                return
            await clock.sleep(1.0)
        raise SetupError(
            "another daemon works on this database under the name in postbrush.id, as "
            "when a machine or its data folder was copied: remove that file here"
        )

    async def renew_membership(self) -> None:
        await self._acquire_free_locks()
        moment = self.flows.first.clock.monotonic()
        if moment - self._beaten_at >= self.lease / 3:
            await self._send_heartbeat()

    async def _acquire_free_locks(self) -> None:
        """Speak for every source of whose token nobody holds the lock."""
        for key in sorted(set(self.keys.values()) - self.presence.held_locks):
            if await self.presence.try_lock(key):
                await self._become_leader(
                    [one for one in self.flows if self._token_key(one) == key]
                )

    def _token_key(self, flow: SourceContext) -> int | None:
        return self.keys.get(flow.plan.source)

    async def _become_leader(self, flows: Sequence[SourceContext]) -> None:
        for flow in flows:
            flow.speaks = True
            # At a start it is as expected.
            if self._begun:
                # Whoever spoke before has used what Notion allows in this second.
                flow.door.pause_requests(1.0)
                words = "it is this daemon that asks Notion now"
                flow.log.info("leader.acquired", summary=words)
        await recover_uploads(flows)
        flows[0].kick.set()

    async def leave(self) -> None:
        """Say that we end, so that nobody waits to hear of us."""
        # Whoever cannot is found to be silent.
        if self.presence.is_connected:
            with suppress(DatabaseError):
                async with self.flows.first.db.write_transaction() as tx:
                    await instances.deregister_daemon(tx, self.record.id)

    def _on_change_elsewhere(self, _who: str) -> None:
        """Somebody else has changed something."""
        self.flows.first.news.announce_change()
        self.flows.first.kick.set()

    def _on_connection_lost(self) -> None:
        """The connection is gone: somebody else may speak from now on."""
        for flow in self.flows:
            if flow.speaks:
                flow.speaks = False
                flow.log.warning(
                    "leader.lost", summary="the database is away: others may ask Notion"
                )
        self.flows.first.kick.set()

    async def _send_heartbeat(self) -> None:
        flow = self.flows.first
        record = replace(self.record, renewed_at=flow.now())
        # Until it has worked, nobody can be heard of.
        seen, self._seen = self._seen, {}
        async with flow.db.write_transaction() as tx:
            await instances.record_heartbeat(tx, record)
            beats = {
                one.id: one.beats for one in await instances.list_others(tx, record.id)
            }
            for who in await queue.list_claimers(tx) - {record.id}:
                beats.setdefault(who, _NO_BEATS)
        self._beaten_at = moment = flow.clock.monotonic()
        self._seen = last_seen(seen, beats, moment)
        dead = expired_members(self._seen, moment, self.lease)
        if dead:
            await self._take_over_dead(dead)

    async def _take_over_dead(self, dead: Sequence[str]) -> None:
        flow = self.flows.first
        structlog.get_logger().warning(
            "peer.expired",
            summary=f"{len(dead)} of those that share the database are silent for "
            f"{self.lease:g} s: what they had in work goes on here",
        )
        await recover_claims(self.flows, dead)
        async with flow.db.write_transaction() as tx:
            for who in dead:
                await instances.deregister_daemon(tx, who)
        for who in dead:
            del self._seen[who]
        flow.kick.set()


def last_seen(
    seen: Mapping[str, tuple[int, float]], beats: Mapping[str, int], moment: float
) -> dict[str, tuple[int, float]]:
    """Return by daemon how often it has beaten, and when that was news to us."""
    return {
        who: seen[who] if who in seen and seen[who][0] == count else (count, moment)
        for who, count in beats.items()
    }


def expired_members(
    seen: Mapping[str, tuple[int, float]], moment: float, lease: float
) -> list[str]:
    """Return those who were not heard of for *lease* seconds."""
    return sorted(who for who, (_, at) in seen.items() if moment - at >= lease)


def ensure_instance_id(folder: Path) -> str:
    """Return the name that claims are made in, the same after every start.

    Args:
        folder: The data folder, whose lock is ours.
    """
    if known := read_instance_id(folder):
        return known
    made = secrets.token_hex(8)
    (folder / "postbrush.id").write_text(f"{made}\n", "ascii")
    return made
