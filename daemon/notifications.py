"""`[notify]`: what the daemon's people and watchers are told, beside its work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from daemon.config import Settings
from daemon.context import SourceContext
from daemon.generation import storage_guard
from daemon.jobs import breaker_store
from daemon.runner import DaemonRunner
from daemon.service import log, notify, ping
from daemon.service.notify import Notifier
from daemon.service.ping import Ping
from db.errors import DatabaseError
from providers.breaker import BreakerState

#: The first poll is over by then.
_FIRST_PING = timedelta(seconds=20)


@asynccontextmanager
async def run_notifications(
    settings: Settings, daemon: DaemonRunner
) -> AsyncIterator[None]:
    """Tell people and watchers of *daemon* for as long as this is open."""
    flow = daemon.flow
    if address := settings.notify.ping:

        async def well() -> bool:
            return await is_daemon_well(daemon)

        beat = Ping(
            address=address, well=well, now=flow.steady_now, log=flow.shared_log
        ).send_if_well
        daemon.schedule.call_every(
            "ping", ping.PING_INTERVAL, beat, flow.now() + _FIRST_PING
        )
    if not (addresses := settings.list_notifiers()):
        yield
        return
    notifier = Notifier(addresses=addresses, now=flow.steady_now, log=flow.shared_log)
    await _seed_open_breakers(flow, notifier)
    daemon.schedule.call_every(
        "notify", notify.CHECK_INTERVAL, notifier.send_due, flow.now()
    )
    with log.listen_to_log(notifier.handle_line):
        notifier.start()
        try:
            yield
        finally:
            await notifier.close()


async def _seed_open_breakers(flow: SourceContext, notifier: Notifier) -> None:
    """What rests since before this start was told then; that it serves is news."""
    async with flow.db.read_transaction() as tx:
        found = await breaker_store.load_breakers(tx, flow)
    for name, one in found.items():
        if one.state is not BreakerState.CLOSED and one.reason is not None:
            notifier.alerts.mark_as_announced(one.reason, name)


async def is_daemon_well(daemon: DaemonRunner) -> bool:
    """Say whether Notion is looked at and what is made can be kept."""
    flow = daemon.flow
    seen = ping.is_polling_well(
        daemon.flows.last_poll_at,
        away=bool(daemon.flows.outage_reason),
        now=flow.now(),
        interval=daemon.poll_interval,
    )
    if (
        not seen
        or "disk" in flow.spells.open
        or storage_guard.unwritable_reason(flow) is not None
    ):
        return False
    try:
        # Takes the lock that every write takes, and writes nothing.
        async with flow.db.write_transaction():
            return True
    except DatabaseError:
        return False
