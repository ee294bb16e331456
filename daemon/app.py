"""The composition root, which builds and closes the services of a process."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path

import structlog

from daemon.clock import Clock, local_zone
from daemon.cluster.base import Membership, SingleNode
from daemon.config import Settings, checks, entries
from daemon.config.secret import DATABASE, STORE
from daemon.context import AppContext, Instance, Signals, SourceContext, Sources
from daemon.errors import SetupError
from daemon.formatting import format_cents, format_dollars
from daemon.imaging import files
from daemon.imaging.store.store import Store
from daemon.service import control
from daemon.service.lock import DataDirLock
from daemon.service.systemd import WatchdogDeadlines
from daemon.service.tasks import ChangeEvent
from daemon.source_setup import TransportPool, build_sources
from db import upgrade
from db.backend import Backend
from db.engine import Database
from db.sqlite import Sqlite
from providers.runner import ProviderRunner

#: Lock file in the data folder, which only one daemon may use.
LOCK = "postbrush.lock"


def database_backend(settings: Settings) -> Backend:
    """Return the configured database.

    Raises:
        DatabaseUnusableError: `database.url` is not a database URL.
    """
    if url := settings.options.database.url.get_secret_value():
        return postgres_backend(url, settings)
    return Sqlite(settings.data_dir / "postbrush.db")


def postgres_backend(url: str, settings: Settings) -> Backend:
    """Return the PostgreSQL database at *url*.

    Raises:
        DatabaseUnusableError: *url* is not a database URL.
    """
    from db.postgres import Postgres  # noqa: PLC0415 - SQLite needs no driver (8 MB)

    return Postgres(url, settings.secrets.first_value(DATABASE) or "")


def images_path(settings: Settings) -> Path:
    """Return the folder of the image files."""
    return settings.data_dir / "images"


def open_store(
    settings: Settings, monotonic: Callable[[], float] = time.monotonic
) -> Store:
    """Return the image store: the local folder, and the configured remote store.

    Raises:
        SetupError: A remote store is configured, but its library is not installed.
    """
    store = Store(images_path(settings), monotonic=monotonic)
    if settings.store is not None:
        # `init` may run before the library is installed.
        if not checks.is_installed("obstore"):
            raise SetupError(f"images.store: {checks.explain_missing('obstore')}")
        from daemon.imaging.store.remote import RemoteStore  # noqa: PLC0415 - 4 MB, and optional

        key_id, key = [settings.secrets.first_value(names) or "" for names in STORE]
        store.remote = RemoteStore.open(settings.store, key_id, key)
    return store


def lock_path(settings: Settings) -> Path:
    """Return the path of the lock file."""
    return settings.data_dir / LOCK


def socket_path(settings: Settings) -> Path:
    """Return the path of the control socket, in $RUNTIME_DIRECTORY under systemd."""
    folder = os.environ.get("RUNTIME_DIRECTORY", "").split(":", maxsplit=1)[0]
    return (Path(folder) if folder else settings.data_dir) / "postbrush.sock"


def require_notion_token(settings: Settings) -> None:
    """Check that every source has a Notion token, if this daemon uses Notion.

    Raises:
        SetupError: A token is missing.
    """
    if "notion" not in settings.options.roles:
        return
    for name, own in settings.by_source().items():
        if own.notion_token is None:
            raise SetupError(_missing_token_message(settings, name))


def _missing_token_message(settings: Settings, source: str) -> str:
    if settings.has_named_sources:
        first, *others = entries.source_tokens(settings.options, source)
        alternative = f" (or {others[0]})" if others else ""
        return f"sources.{source}: {first}{alternative} is not set"
    message = "NOTION_TOKEN is not set yet. Enter it with `postbrush init`"
    if settings.is_service or settings.is_container:
        return message
    return f"{message}, or try `postbrush demo`, which needs no account"


@asynccontextmanager
async def open_context(
    settings: Settings, *, clock: Clock | None = None, readonly: bool = False
) -> AsyncIterator[Sources]:
    """Open the contexts of all sources; no request is sent before the first step.

    Args:
        readonly: Neither create nor change the database.

    Raises:
        DatabaseMissingError, DatabaseUnusableError: See `db.errors`.
    """
    clock = clock or Clock(zone=local_zone())
    changes = ChangeEvent()
    app = AppContext(
        db=Database(
            database_backend(settings),
            readonly=readonly,
            changed=changes.announce_change,
        ),
        provider_runner=ProviderRunner(sleep=clock.sleep, monotonic=clock.monotonic),
        store=open_store(settings, clock.monotonic),
        clock=clock,
        instance=Instance(runs_generation="generate" in settings.options.roles),
        watchdog=WatchdogDeadlines(clock.monotonic),
        signals=Signals(change_event=changes),
    )
    transports = TransportPool(settings, app)
    try:
        yield build_sources(settings, app, transports)
    finally:
        await app.provider_runner.close()
        await transports.close()
        await app.db.close()


@asynccontextmanager
async def join_cluster(
    settings: Settings, sources: Sources
) -> AsyncIterator[Membership]:
    """Join the daemons of a PostgreSQL database; with SQLite, run as a single node."""
    backend = database_backend(settings)
    if isinstance(backend, Sqlite):
        yield SingleNode(sources)
        return
    from daemon.cluster.member import open_membership  # noqa: PLC0415 - 8 ms, PostgreSQL only

    async with open_membership(settings, sources, backend) as membership:
        yield membership


@asynccontextmanager
async def data_dir_lock(settings: Settings, command: str) -> AsyncIterator[None]:
    """Create and lock the data folder, and upgrade the database in it.

    Args:
        command: Name of the command that holds the lock.

    Raises:
        SetupError: Another process holds the lock, or the folder is not writable.
        DatabaseUnusableError: The database is damaged or newer than this program.
    """
    with DataDirLock(lock_path(settings), command):
        files.ensure_folder(images_path(settings))
        backup = await asyncio.to_thread(
            upgrade.upgrade_schema, database_backend(settings)
        )
        if backup is not None:
            structlog.get_logger().info(
                "database.upgraded",
                summary="The database was upgraded. The old one is kept as "
                f"{backup.name}",
            )
        yield


def is_schema_current(settings: Settings) -> bool:
    """Return whether the database needs no upgrade."""
    return database_backend(settings).current_revision() == upgrade.HEAD


async def migrate_database(settings: Settings) -> None:
    """Create or upgrade the database.

    Raises:
        SetupError: See `data_dir_lock`, or the upgrade had no effect.
        DatabaseUnusableError: The database is damaged or newer than this program.
    """
    async with data_dir_lock(settings, "run"):
        if not is_schema_current(settings):
            raise SetupError(
                f"{database_backend(settings)} could not be upgraded to {upgrade.HEAD}"
            )


def serve_web(
    sources: Sources,
    settings: Settings,
    *,
    board: int | None,
    poll_now: Callable[[], None],
) -> AbstractAsyncContextManager[object]:
    """Return a context manager that serves the web page, if it is enabled.

    Args:
        board: Port of the demo's board, for the web page to link to; None: no link.
        poll_now: Looks at Notion at once.
    """
    if settings.options.web.listen == "off":
        return nullcontext()
    from daemon.web.serve import run_web_server  # noqa: PLC0415 - 54 ms and 2 MB

    return run_web_server(sources, settings, board=board, poll_now=poll_now)


def log_ready(sources: Sources, settings: Settings) -> None:
    """Log the poll interval, the providers and their prices for every source."""
    seconds = settings.options.notion.poll_interval.total_seconds()
    for source in sources:
        chain = ", then ".join(describe_price(source, name) for name in source.chain)
        month = source.options.budget.month
        budget = f"; at most {format_cents(month)} a month" if month is not None else ""
        polling = f"polling Notion every {seconds:g} s"
        generation = f"images by {chain}{budget}"
        if "notion" not in settings.options.roles:
            polling = "another daemon polls Notion"
        if not source.app.instance.runs_generation:
            generation = "another daemon generates the images"
        source.log.info("daemon.ready", summary=f"{polling}; {generation}")


def describe_price(source: SourceContext, name: str) -> str:
    """Return name and price, like "cloudflare ($0.0007, $0.11 a day included)".

    What an account has to be asked for is left out.
    """
    traits = source.providers[name].traits
    price = format_dollars(source.price_of(name))
    period = traits.included_per
    included = ""
    if traits.included:
        included = f", {format_cents(traits.included)} a {period} included"
    return f"{name} ({price}{included})"


async def wake_daemon(settings: Settings) -> None:
    """Wake the daemon after a change, if one runs."""
    await control.send_command(socket_path(settings), "wake")
