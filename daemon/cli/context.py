"""What the commands work with: settings, log, database, lookups, Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import structlog

from daemon import app, config
from daemon.cli import OPTIONS
from daemon.clock import zone_problem
from daemon.config import Settings
from daemon.config.parsing import page_id
from daemon.context import SourceContext, Sources
from daemon.errors import SetupError
from daemon.places import TYPED, typed_program
from daemon.service import log
from db import jobs, posts, upgrade
from db.engine import Database, Tx
from db.errors import DatabaseMissingError
from db.models import Job, Post

_MAX_TITLES = 5
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def load_settings(source: str | None = None) -> Settings:
    """Read the configuration, narrowed to one source if *source* is given.

    Raises:
        ConfigError: The configuration is invalid.
        SetupError: There is no source of that name, or no current folder.
    """
    try:
        cwd = Path.cwd()
    except OSError:
        raise SetupError(
            "The current folder no longer exists. Change to another one"
        ) from None
    settings = config.load_settings(OPTIONS.config, os.environ, cwd)
    if source is None:
        return settings
    if source not in (by_source := settings.by_source()):
        raise SetupError(
            f"{source!r} is not a source. The sources are: {', '.join(by_source)}"
        )
    return by_source[source]


def start_log(settings: Settings) -> None:
    """Configure the log as the daemon does, and warn about secrets and time zone."""
    log.configure(
        settings.options.log.level,
        settings.options.log.format,
        environ=os.environ,
        secrets=settings.secrets.all_values(),
    )
    for warning in settings.secrets.exposed:
        structlog.get_logger().warning("secret.exposed", summary=warning)
    for warning in settings.secrets.cleaned:
        structlog.get_logger().warning("secret.cleaned", summary=warning)
    if problem := zone_problem():
        structlog.get_logger().warning("clock.zone", summary=problem)


def silence_log(settings: Settings) -> None:
    """Log only errors, to stderr."""
    secrets = settings.secrets.all_values()
    log.configure("error", "pretty", environ={}, stream=sys.stderr, secrets=secrets)


def require_database(settings: Settings) -> None:
    """Check that the database exists and has the current schema.

    Raises:
        DatabaseMissingError: There is no database yet.
        DatabaseUnusableError: The database is damaged, or its schema is older or newer
            than this program's.
    """
    backend = app.database_backend(settings)
    upgrade.require_current(backend)
    if not upgrade.database_exists(backend):
        raise DatabaseMissingError(
            f"The database {backend} does not exist yet. It is created when you start "
            f"the daemon: `{start_command(settings)}`"
        )


def start_command(settings: Settings) -> str:
    """Return the command that starts the daemon of this configuration."""
    if settings.is_service:
        return "sudo systemctl start postbrush"
    if settings.is_container:
        return "docker compose up -d"
    if Path(sys.prefix).parent == Path.cwd() and not TYPED.config:
        return "make run"
    return f"{typed_program('run', os.environ)} run"


@asynccontextmanager
async def read_session(
    settings: Settings, *, missing_ok: bool = False
) -> AsyncIterator[Sources]:
    """Open the sources for reading; raises as `require_database` does.

    Args:
        missing_ok: Whether the command works without a database.
    """
    if missing_ok:
        upgrade.require_current(app.database_backend(settings))
    else:
        require_database(settings)
    async with app.open_context(settings, readonly=True) as sources:
        yield sources


@asynccontextmanager
async def read_transaction(settings: Settings) -> AsyncIterator[tuple[Sources, Tx]]:
    """Open a `read_session` and one transaction in it."""
    async with (
        read_session(settings) as sources,
        sources.app.db.read_transaction() as tx,
    ):
        yield sources, tx


@asynccontextmanager
async def write_session(settings: Settings) -> AsyncIterator[Database]:
    """Open the database for writing, and wake the daemon at the end.

    Raises as `require_database` does.
    """
    require_database(settings)
    db = Database(app.database_backend(settings))
    try:
        yield db
    finally:
        await db.close()
    await app.wake_daemon(settings)


@asynccontextmanager
async def write_transaction(settings: Settings) -> AsyncIterator[Tx]:
    """Open a `write_session` for one transaction."""
    async with write_session(settings) as db, db.write_transaction() as tx:
        yield tx


async def find_page(tx: Tx, query: str, source: str | None = None) -> Post:
    """Return the one stored post that *query* names: an ID, a link, or title words.

    Args:
        source: Name of the source to which a search by title is limited.

    Raises:
        SetupError: No post matches, or several do.
    """
    known_id = page_id(query)
    if known_id is not None:
        post = await posts.find_by_page_id(tx, known_id)
        if post is None:
            raise SetupError(
                f"postbrush does not know the page {known_id}. It must be in the "
                "configured database, and the daemon must have polled since the page "
                "was created"
            )
        return post
    matches = await posts.find_by_title(tx, query, source=source)
    exact = [post for post in matches if post.title.casefold() == query.casefold()]
    if len(exact) == 1 or len(matches) == 1:
        return (exact or matches)[0]
    if not matches:
        raise SetupError(f"postbrush does not know a post with {query!r} in its title")
    titles = ", ".join(f"'{post.title}'" for post in matches[:_MAX_TITLES])
    raise SetupError(
        f"{query!r} matches {len(matches)} posts ({titles}). Use more words of the "
        "title, or the link of the page"
    )


async def find_job(tx: Tx, number: int) -> Job:
    """Return a job by its number; raise SetupError if there is none."""
    job = await jobs.get(tx, number)
    if job is None:
        raise SetupError(
            f"Job {number} does not exist. `postbrush jobs` lists the jobs"
        )
    return job


@contextmanager
def graceful_interrupt(source: SourceContext) -> Iterator[None]:
    """Let a paid call finish at the first SIGINT or SIGTERM; a second cancels it.

    Raises:
        KeyboardInterrupt: At the end, if a signal arrived.
    """
    task, loop = asyncio.current_task(), asyncio.get_running_loop()

    def handle_signal() -> None:
        if not source.app.signals.stopping.is_set():
            print(  # noqa: T201 - the command's output
                "Stopping when the current image is finished. Press Ctrl-C again to "
                "abort it.",
                file=sys.stderr,
            )
            source.app.signals.stopping.set()
            source.app.signals.kick.set()
        elif task is not None:
            task.cancel()

    for signal_number in _SIGNALS:
        loop.add_signal_handler(signal_number, handle_signal)
    try:
        yield
    except asyncio.CancelledError:
        if source.app.signals.stopping.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        for signal_number in _SIGNALS:
            loop.remove_signal_handler(signal_number)
    if source.app.signals.stopping.is_set():
        raise KeyboardInterrupt
