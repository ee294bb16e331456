"""Connects the daemon to `[notify]`: notifications of people, and the health ping."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

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

#: Leaves time for the first poll.
_FIRST_PING = timedelta(seconds=20)


@asynccontextmanager
async def run_notifications(
    settings: Settings, daemon: DaemonRunner
) -> AsyncIterator[None]:
    """Send notifications and pings of *daemon* while the context is open."""
    app = daemon.app
    if address := settings.options.notify.ping:
        pinger = Ping(
            address=address,
            well=partial(is_daemon_well, daemon),
            now=app.steady_now,
            log=app.log,
        )
        first = app.now() + _FIRST_PING
        daemon.schedule.call_every(
            "ping", ping.PING_INTERVAL, pinger.send_if_well, first
        )
    if not (addresses := settings.list_notifiers()):
        yield
        return
    notifier = Notifier(addresses=addresses, now=app.steady_now, log=app.log)
    names = daemon.source.services
    notifier.alerts.labels = {name: daemon.source.label_of(name) for name in names}
    await _seed_open_breakers(daemon.source, notifier)
    daemon.schedule.call_every(
        "notify", notify.CHECK_INTERVAL, notifier.send_due, app.now()
    )
    with log.listen_to_log(notifier.handle_line):
        notifier.start()
        try:
            yield
        finally:
            await notifier.close()


async def _seed_open_breakers(source: SourceContext, notifier: Notifier) -> None:
    """Mark open breakers as notified by the previous run; only their closing is new."""
    async with source.app.db.read_transaction() as tx:
        breakers = await breaker_store.load_breakers(tx, source.providers)
    for name, breaker in breakers.items():
        if breaker.state is not BreakerState.CLOSED and breaker.reason is not None:
            notifier.alerts.mark_as_announced(breaker.reason, name)


async def is_daemon_well(daemon: DaemonRunner) -> bool:
    """Return True if polls run and images and rows can be written."""
    app = daemon.app
    is_polling = ping.is_polling_well(
        daemon.sources.last_poll_at,
        away=bool(daemon.sources.outage_reason),
        now=app.now(),
        interval=daemon.poll_interval,
    )
    if (
        not is_polling
        or "disk" in app.log_state.failures.open
        or storage_guard.unwritable_reason(daemon.source) is not None
    ):
        return False
    try:
        # An empty transaction takes the write lock.
        async with app.db.write_transaction():
            return True
    except DatabaseError:
        return False
