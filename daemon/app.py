"""The composition root: everything is made here, once, and closed here."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path

import structlog

from daemon.assembly import Wires, flows_of
from daemon.clock import Clock, local_zone
from daemon.company import Alone, Company
from daemon.config import Settings, sources, stores
from daemon.config.secret import DATABASE, STORE
from daemon.errors import SetupError
from daemon.flow import files
from daemon.flow.context import Flow, Shared
from daemon.flow.flows import Flows
from daemon.flow.money import dollars
from daemon.flow.news import News
from daemon.notion.answers import CONNECTIONS
from daemon.service import control
from daemon.service.lock import DataLock
from daemon.service.pulse import Pulse
from daemon.store.store import Store
from db import upgrade
from db.engine import Database
from db.place import Place
from db.sqlite import Sqlite
from providers.studio import Studio

#: In a data folder: one daemon works there.
LOCK = "postbrush.lock"


def database(settings: Settings) -> Place:
    """Return where the database is.

    Raises:
        DatabaseUnusableError: `database.url` is no address of one.
    """
    if url := settings.database_url():
        return database_at(url, settings)
    return Sqlite(settings.data_dir / "postbrush.db")


def database_at(url: str, settings: Settings) -> Place:
    """Return the database at an address of PostgreSQL.  Raises as `database`."""
    # One machine with its file goes without it.
    from db.postgres import Postgres  # noqa: PLC0415 - as it says

    return Postgres(url, settings.secrets.first(DATABASE) or "")


def images_path(settings: Settings) -> Path:
    """Return where the images are."""
    return settings.data_dir / "images"


def store_of(
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
        from daemon.store.remote import Remote  # noqa: PLC0415 - as it says

        key_id, key = [settings.secrets.first(names) or "" for names in STORE]
        store.remote = Remote.open(settings.store, key_id, key)
    return store


def lock_path(settings: Settings) -> Path:
    """Return the lock file: one daemon per data folder."""
    return settings.data_dir / LOCK


def socket_path(settings: Settings, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the control socket, in $RUNTIME_DIRECTORY under systemd."""
    folder = environ.get("RUNTIME_DIRECTORY", "").split(":", maxsplit=1)[0]
    return (Path(folder) if folder else settings.data_dir) / "postbrush.sock"


def require_notion(settings: Settings) -> None:
    """Raise SetupError when a source has no token for Notion, and needs one."""
    if "notion" not in settings.options.roles:
        return
    for name, own in settings.each().items():
        if own.notion_token is None:
            raise SetupError(_no_token(settings, name))


def _no_token(settings: Settings, source: str) -> str:
    if settings.several:
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
async def opened(
    settings: Settings, *, clock: Clock | None = None, readonly: bool = False
) -> AsyncIterator[Flows]:
    """Open everything the flows need; nothing is sent before the first request.

    Args:
        readonly: Neither create nor change the database.

    Raises:
        DatabaseMissingError, DatabaseUnusableError: See `db.errors`.
    """
    clock = clock or Clock(zone=local_zone())
    news = News()
    shared = Shared(
        db=Database(database(settings), readonly=readonly, changed=news.stir),
        studio=Studio(sleep=clock.sleep, monotonic=clock.monotonic),
        store=store_of(settings, clock.monotonic),
        clock=clock,
        generates="generate" in settings.options.roles,
        pulse=Pulse(clock.monotonic),
        news=news,
    )
    wires = Wires(settings, shared)
    try:
        yield flows_of(settings, shared, wires)
    finally:
        await shared.studio.close()
        await wires.close()
        await shared.db.close()


@asynccontextmanager
async def joined(settings: Settings, flows: Flows) -> AsyncIterator[Company]:
    """Meet the other daemons of the database, if it is one that several can share."""
    place = database(settings)
    if isinstance(place, Sqlite):
        yield Alone(flows)
        return
    from daemon.several import met  # noqa: PLC0415 - only where others can be

    async with met(settings, flows, place) as company:
        yield company


@asynccontextmanager
async def locked(settings: Settings, command: str) -> AsyncIterator[None]:
    """Hold the data folder: made, writable, ours alone, its database up to date.

    Raises:
        SetupError: Somebody else holds it, or it cannot be written to.
        DatabaseUnusableError: Newer than this program, damaged.
    """
    lock = DataLock(lock_path(settings))
    lock.acquire(command)
    try:
        files.ensure_folder(images_path(settings))
        copy = await asyncio.to_thread(upgrade.upgrade, database(settings))
        if copy is not None:
            structlog.get_logger().info(
                "database.upgraded", summary=f"a copy of the old one is {copy.name}"
            )
        yield
    finally:
        lock.release()


def is_current(settings: Settings) -> bool:
    """Say whether the database needs no work before the daemon can use it."""
    return database(settings).revision() == upgrade.HEAD


async def bring_up_to_date(settings: Settings) -> None:
    """Make the database, or upgrade it, as `locked` does.  Raises as `locked`."""
    async with locked(settings, "run"):
        if not is_current(settings):
            raise SetupError(f"{database(settings)} was not brought to {upgrade.HEAD}")


def page(
    flows: Flows, settings: Settings, *, board: int | None = None
) -> AbstractAsyncContextManager[object]:
    """Serve the web page meanwhile; it is only loaded when it is wanted."""
    if settings.web.listen == "off":
        return nullcontext()
    from daemon.web.serve import serving  # noqa: PLC0415 - as it says

    return serving(flows, settings, board=board)


def say_ready(flows: Flows, settings: Settings) -> None:
    """One line a source: what is watched, and who makes images at what price."""
    seconds = settings.notion.poll_interval.total_seconds()
    for flow in flows:
        chain = ", then ".join(price_of(flow, name) for name in flow.plan.chain)
        month = flow.plan.limits.month
        budget = f"; at most ${month:.2f} a month" if month is not None else ""
        looks, makes = f"looking every {seconds:g} s", f"images by {chain}{budget}"
        if "notion" not in settings.options.roles:
            looks = "another daemon asks Notion"
        if not flow.generates:
            makes = "another daemon makes the images"
        flow.log.info("daemon.ready", summary=f"{looks}; {makes}")


def price_of(flow: Flow, name: str) -> str:
    """Return "flux ($0.0035, $0.10 a month included)"."""
    traits = flow.providers[name].traits
    price = dollars(traits.price(1.1664))
    per = traits.included_per
    extra = f", ${traits.included:.2f} a {per} included" if traits.included else ""
    return f"{name} ({price}{extra})"


async def wake(settings: Settings) -> bool:
    """Tell a running daemon that there is something new; say whether one runs."""
    return await control.wake(socket_path(settings))
