"""`[notify]`: what the daemon's people and watchers are told, beside its work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from daemon.config import Settings
from daemon.flow import breakers, storage
from daemon.flow.context import Flow
from daemon.loop import Daemon
from daemon.service import log, notify, ping
from daemon.service.notify import Notifier
from daemon.service.ping import Ping
from db.errors import DatabaseError
from providers.breaker import State

#: The first poll is over by then.
_FIRST_PING = timedelta(seconds=20)


@asynccontextmanager
async def told(settings: Settings, daemon: Daemon) -> AsyncIterator[None]:
    """Tell people and watchers of *daemon* for as long as this is open."""
    flow = daemon.flow
    if address := settings.notify.ping:

        async def well() -> bool:
            return await is_well(daemon)

        beat = Ping(
            address=address, well=well, now=flow.steady, log=flow.shared_log
        ).beat
        daemon.schedule.every("ping", ping.EVERY, beat, flow.now() + _FIRST_PING)
    if not (addresses := settings.notifiers()):
        yield
        return
    notifier = Notifier(addresses=addresses, now=flow.steady, log=flow.shared_log)
    await _remember(flow, notifier)
    daemon.schedule.every("notify", notify.LOOK, notifier.look, flow.now())
    with log.tapped(notifier.hear):
        notifier.start()
        try:
            yield
        finally:
            await notifier.close()


async def _remember(flow: Flow, notifier: Notifier) -> None:
    """What rests since before this start was told then; that it serves is news."""
    async with flow.db.reading() as tx:
        found = await breakers.load(tx, flow)
    for name, one in found.items():
        if one.state is not State.CLOSED and one.reason is not None:
            notifier.alerts.knows(one.reason, name)


async def is_well(daemon: Daemon) -> bool:
    """Say whether Notion is looked at and what is made can be kept."""
    flow = daemon.flow
    seen = ping.is_well(
        daemon.flows.looked_at,
        away=bool(daemon.flows.trouble),
        now=flow.now(),
        interval=daemon.poll_interval,
    )
    if not seen or "disk" in flow.spells.open or storage.trouble(flow) is not None:
        return False
    try:
        # Takes the lock that every write takes, and writes nothing.
        async with flow.db.writing():
            return True
    except DatabaseError:
        return False
