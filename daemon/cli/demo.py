"""`demo`: the whole product with a pretend outside world, in a temporary folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import tempfile
from pathlib import Path

import typer

from daemon import app, config
from daemon.clock import utc_now
from daemon.config import Settings
from daemon.jobs import actions
from daemon.pretend.posts import POSTS
from daemon.pretend.server import FakeServer
from daemon.service import log
from daemon.supervisor import Supervisor
from db.engine import Database

#: Times a person can watch: seconds instead of minutes.
_CONFIGURATION = """\
loading_wait = "60s"
concurrency = 3
[notion]
poll_interval = "1s"
requests_per_second = 3
[posts]
wait_after_edit = "1s"
approve_above = 0
replacements_per_day = 1000
[images]
min_free_disk = "20MiB"
[budget]
per_post_day = 1000
[card]
tag = "Oven & Oak"
"""
_CREDITS = 7
_SECONDS_BETWEEN_POSTS = 1.5


def run_demo(*, lan: bool, port: int) -> None:
    """Show everything until Ctrl-C."""
    with (
        tempfile.TemporaryDirectory(prefix="postbrush-demo-") as folder,
        contextlib.suppress(KeyboardInterrupt),
    ):
        asyncio.run(_run_demo(Path(folder), lan=lan, port=port))
    typer.echo("The demo has stopped; nothing was kept.")


async def _run_demo(folder: Path, *, lan: bool, port: int) -> None:
    host = "0.0.0.0" if lan else "127.0.0.1"  # noqa: S104 - only when asked for
    town = FakeServer(now=utc_now, host=host, port=port)
    town.hub.credits = _CREDITS
    town.hub.seconds_per_image = 2.5
    town.hub.loading_every = 5
    async with town:
        town.page = _find_free_port(host, town.port + 1)
        # Others reach it: it must ask for a password, so the demo makes one up.
        town.password = secrets.token_hex(4) if lan else ""
        found = _demo_settings(folder, town)
        _print_addresses(town, lan=lan)
        log.configure(
            "info",
            "pretty",
            environ=os.environ,
            secrets=found.secrets.all_values(),
        )

        async def refilled() -> None:
            db = Database(app.database_backend(found))
            try:
                async with db.write_transaction() as tx:
                    await actions.reset_breaker(tx, "flux", utc_now())
            finally:
                await db.close()
            await app.wake_daemon(found)

        town.refilled = refilled
        filling = asyncio.create_task(_add_posts(town))
        try:
            life = Supervisor(
                found, reread=lambda: found, neighbours=False, board=town.port
            )
            with log.listen_to_log(lambda line: town.add_log_line(line.message)):
                await life.run()
        finally:
            filling.cancel()


def _demo_settings(folder: Path, town: FakeServer) -> Settings:
    path = folder / "postbrush.toml"
    path.write_text(_CONFIGURATION)
    environ = {
        "NOTION_TOKEN": town.workspace.token,
        "HUGGINGFACE_TOKEN": town.hub.token,
        "POSTBRUSH_NOTION__BASE_URL": town.notion_url,
        "POSTBRUSH_PROVIDERS__FLUX__BASE_URL": town.hf_url,
        "POSTBRUSH_PROVIDERS__FLUX__HUB_URL": town.hub_url,
        "POSTBRUSH_WEB__LISTEN": f"{town.host}:{town.page}",
        "WEB_PASSWORD": town.password,
    }
    return config.load_settings(path, environ, folder)


async def _add_posts(town: FakeServer) -> None:
    """Somebody writes a dozen posts."""
    for post in POSTS:
        town.workspace.add_page(town.source.id, post)
        await asyncio.sleep(_SECONDS_BETWEEN_POSTS)


def _find_free_port(host: str, wanted: int) -> int:
    """Return *wanted* if nobody listens there, else any port that is free."""
    for port in (wanted, 0):
        with (
            contextlib.suppress(OSError, OverflowError),
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe,
        ):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    return 0


def _print_addresses(town: FakeServer, *, lan: bool) -> None:
    host = _local_address() if lan else "127.0.0.1"
    typer.echo(f"Open http://{host}:{town.port} in a browser; Ctrl-C stops the demo.")
    asks = f" (password {town.password})" if town.password else ""
    typer.echo(f"postbrush's own page is at http://{host}:{town.page}{asks}.")
    if os.environ.get("SSH_CONNECTION") and not lan:
        server = os.environ["SSH_CONNECTION"].split()[2]
        tunnels = [f"-L {port}:127.0.0.1:{port}" for port in (town.port, town.page)]
        typer.echo(f"From your own machine: ssh {' '.join(tunnels)} {server}")


def _local_address() -> str:
    """Return this machine's address in its network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
