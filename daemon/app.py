"""The composition root: everything is made here, once, and closed here."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path

import structlog

from daemon.clock import Clock, local_zone
from daemon.cluster.base import Membership, SingleNode
from daemon.config import Settings, sources, stores
from daemon.config.secret import DATABASE, STORE
from daemon.context import AppContext, SourceContext
from daemon.errors import SetupError
from daemon.imaging import files
from daemon.imaging.store.store import Store
from daemon.jobs.budget import format_dollars
from daemon.notion.error_classes import CONNECTIONS
from daemon.service import control
from daemon.service.change_event import ChangeEvent
from daemon.service.heartbeat import WatchdogDeadlines
from daemon.service.lock import DataDirLock
from daemon.source_setup import TransportPool, build_sources
from daemon.sources import Sources
from db import upgrade
from db.backend import Backend
from db.engine import Database
from db.sqlite import Sqlite
from providers.runner import ProviderRunner

#: In a data folder: one daemon works there.
LOCK = "postbrush.lock"


def database_backend(settings: Settings) -> Backend:
    """Return where the database is.

    Raises:
        DatabaseUnusableError: `database.url` is no address of one.
    """
    if url := settings.database_url():
        return postgres_backend(url, settings)
    return Sqlite(settings.data_dir / "postbrush.db")


def postgres_backend(url: str, settings: Settings) -> Backend:
    """Return the PostgreSQL database at a URL.  Raises as `database_backend`."""
    # One machine with its file goes without it.
    from db.postgres import Postgres  # noqa: PLC0415 - as it says

    return Postgres(url, settings.secrets.first_value(DATABASE) or "")


def images_path(settings: Settings) -> Path:
    """Return where the images are."""
    return settings.data_dir / "images"


def open_store(
    settings: Settings, monotonic: Callable[[], float] = time.monotonic
) -> Store:
    """Return where image files are: the folder, and the store that is set.

    Raises:
        SetupError: A store is set, and what speaks to it is not installed.
    """
    store = Store(images_path(settings), monotonic=monotonic)
    if settings.store is not None:
        # `init` begins before it is there.
        if not stores.is_installed():
            raise SetupError(f"images.store: {stores.MISSING}")
        # Its library is loaded for those only who have set one.
        from daemon.imaging.store.remote import RemoteStore  # noqa: PLC0415 - as it says

        key_id, key = [settings.secrets.first_value(names) or "" for names in STORE]
        store.remote = RemoteStore.open(settings.store, key_id, key)
    return store


def lock_path(settings: Settings) -> Path:
    """Return the lock file: one daemon per data folder."""
    return settings.data_dir / LOCK


def socket_path(settings: Settings, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the control socket, in $RUNTIME_DIRECTORY under systemd."""
    folder = environ.get("RUNTIME_DIRECTORY", "").split(":", maxsplit=1)[0]
    return (Path(folder) if folder else settings.data_dir) / "postbrush.sock"


def require_notion_token(settings: Settings) -> None:
    """Raise SetupError when a source has no token for Notion, and needs one."""
    if "notion" not in settings.options.roles:
        return
    for name, own in settings.by_source().items():
        if own.notion_token is None:
            raise SetupError(_missing_token_message(settings, name))


def _missing_token_message(settings: Settings, source: str) -> str:
    if settings.has_named_sources:
        first, *others = sources.token_names(settings.options, source)
        either = f" (or {others[0]})" if others else ""
        return f"sources.{source}: {first}{either} is not set"
    if settings.is_service:
        return "there is no token for Notion yet: sudo postbrush init"
    return (
        f"NOTION_TOKEN is not set: make a connection at {CONNECTIONS}, and give "
        "its API token to `postbrush init` (no account? try `postbrush demo`)"
    )


@asynccontextmanager
async def open_context(
    settings: Settings, *, clock: Clock | None = None, readonly: bool = False
) -> AsyncIterator[Sources]:
    """Open everything the flows need; nothing is sent before the first request.

    Args:
        readonly: Neither create nor change the database.

    Raises:
        DatabaseMissingError, DatabaseUnusableError: See `db.errors`.
    """
    clock = clock or Clock(zone=local_zone())
    news = ChangeEvent()
    shared = AppContext(
        db=Database(
            database_backend(settings), readonly=readonly, changed=news.announce_change
        ),
        studio=ProviderRunner(sleep=clock.sleep, monotonic=clock.monotonic),
        store=open_store(settings, clock.monotonic),
        clock=clock,
        generates="generate" in settings.options.roles,
        pulse=WatchdogDeadlines(clock.monotonic),
        news=news,
    )
    wires = TransportPool(settings, shared)
    try:
        yield build_sources(settings, shared, wires)
    finally:
        await shared.studio.close()
        await wires.close()
        await shared.db.close()


@asynccontextmanager
async def join_cluster(settings: Settings, flows: Sources) -> AsyncIterator[Membership]:
    """Meet the other daemons of the database, if it is one that several can share."""
    place = database_backend(settings)
    if isinstance(place, Sqlite):
        yield SingleNode(flows)
        return
    from daemon.cluster.member import open_membership  # noqa: PLC0415 - only where others can be

    async with open_membership(settings, flows, place) as company:
        yield company


@asynccontextmanager
async def data_dir_lock(settings: Settings, command: str) -> AsyncIterator[None]:
    """Hold the data folder: made, writable, ours alone, its database up to date.

    Raises:
        SetupError: Somebody else holds it, or it cannot be written to.
        DatabaseUnusableError: Newer than this program, damaged.
    """
    lock = DataDirLock(lock_path(settings))
    lock.acquire(command)
    try:
        files.ensure_folder(images_path(settings))
        copy = await asyncio.to_thread(
            upgrade.upgrade_schema, database_backend(settings)
        )
        if copy is not None:
            structlog.get_logger().info(
                "database.upgraded", summary=f"a copy of the old one is {copy.name}"
            )
        yield
    finally:
        lock.release()


def is_schema_current(settings: Settings) -> bool:
    """Say whether the database needs no work before the daemon can use it."""
    return database_backend(settings).current_revision() == upgrade.HEAD


async def migrate_database(settings: Settings) -> None:
    """Create or upgrade the database.  Raises as `data_dir_lock`."""
    async with data_dir_lock(settings, "run"):
        if not is_schema_current(settings):
            raise SetupError(
                f"{database_backend(settings)} was not brought to {upgrade.HEAD}"
            )


def serve_web(
    flows: Sources, settings: Settings, *, board: int | None = None
) -> AbstractAsyncContextManager[object]:
    """Serve the web page meanwhile; it is only loaded when it is wanted."""
    if settings.web.listen == "off":
        return nullcontext()
    from daemon.web.serve import run_web_server  # noqa: PLC0415 - as it says

    return run_web_server(flows, settings, board=board)


def log_ready(flows: Sources, settings: Settings) -> None:
    """One line a source: what is watched, and who makes images at what price."""
    seconds = settings.notion.poll_interval.total_seconds()
    for flow in flows:
        chain = ", then ".join(describe_price(flow, name) for name in flow.plan.chain)
        month = flow.plan.limits.month
        budget = f"; at most ${month:.2f} a month" if month is not None else ""
        looks, makes = f"looking every {seconds:g} s", f"images by {chain}{budget}"
        if "notion" not in settings.options.roles:
            looks = "another daemon asks Notion"
        if not flow.generates:
            makes = "another daemon makes the images"
        flow.log.info("daemon.ready", summary=f"{looks}; {makes}")


def describe_price(flow: SourceContext, name: str) -> str:
    """Return "flux ($0.0035, $0.10 a month included)"."""
    traits = flow.providers[name].traits
    price = format_dollars(traits.price(1.1664))
    per = traits.included_per
    extra = f", ${traits.included:.2f} a {per} included" if traits.included else ""
    return f"{name} ({price}{extra})"


async def wake_daemon(settings: Settings) -> bool:
    """Tell a running daemon that there is something new; say whether one runs."""
    return await control.send_wake(socket_path(settings))
