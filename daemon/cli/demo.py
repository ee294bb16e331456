"""The command `demo`: the daemon with fake services, in a temporary folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from daemon import config
from daemon.cli import context
from daemon.clock import utc_now
from daemon.config import Settings
from daemon.jobs import actions
from daemon.pretend.posts import CHOICE_COLUMNS, COLUMNS, POSTS
from daemon.pretend.server import FakeServer
from daemon.service import log
from daemon.supervisor import Supervisor

#: Settings with delays of seconds instead of minutes, for a person who watches.
_CONFIGURATION = """\
chain = ["flux", "freeapi"]
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
[writer]
brand = "A village bakery with a wood-fired oven."
"""
_CREDITS = 7
_SECONDS_BETWEEN_POSTS = 1.5


def demo(
    lan: Annotated[
        bool, typer.Option("--lan", help="Allow other machines on the network.")
    ] = False,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="Port of the demo's page; 0 for any free one."
        ),
    ] = 8788,
) -> None:
    """Try postbrush with a simulated Notion; no account needed."""
    with (
        tempfile.TemporaryDirectory(prefix="postbrush-demo-") as folder,
        contextlib.suppress(KeyboardInterrupt),
    ):
        asyncio.run(_run_demo(Path(folder), lan=lan, port=port))
    typer.echo("The demo has stopped. Nothing was kept.")


async def _run_demo(folder: Path, *, lan: bool, port: int) -> None:
    """Run until cancelled; *lan* listens on all addresses, with a password."""
    host = "0.0.0.0" if lan else "127.0.0.1"  # noqa: S104 - only when asked for
    columns = {**COLUMNS, **CHOICE_COLUMNS}
    server = FakeServer(now=utc_now, host=host, port=port, columns=columns)
    server.hub.credits = _CREDITS
    server.hub.account.leave_for(_CREDITS)
    server.hub.seconds_per_image = 2.5
    server.hub.loading_every = 5
    async with server:
        server.page = _find_free_port(host, server.port + 1)
        # The page is reachable from the network, which requires a password.
        server.password = secrets.token_hex(4) if lan else ""
        settings = _demo_settings(folder, server)
        _print_addresses(server, lan=lan)
        log.configure(
            "info", "pretty", environ=os.environ, secrets=settings.secrets.all_values()
        )

        async def reset_flux() -> None:
            async with context.write_transaction(settings) as tx:
                await actions.reset_breaker(tx, "flux", utc_now())

        server.refilled = reset_flux
        adding_posts = asyncio.create_task(_add_posts(server))
        try:
            supervisor = Supervisor(
                settings, reread=lambda: settings, neighbours=False, board=server.port
            )
            with log.listen_to_log(lambda line: server.add_log_line(line.message)):
                await supervisor.run()
        finally:
            adding_posts.cancel()


def _demo_settings(folder: Path, server: FakeServer) -> Settings:
    path = folder / "postbrush.toml"
    path.write_text(_CONFIGURATION)
    environ = {
        "NOTION_TOKEN": server.workspace.token,
        "HUGGINGFACE_TOKEN": server.hub.token,
        "POSTBRUSH_NOTION__BASE_URL": server.url,
        "POSTBRUSH_PROVIDERS__FLUX__BASE_URL": server.hf_url,
        "POSTBRUSH_PROVIDERS__FLUX__HUB_URL": server.hf_url,
        "POSTBRUSH_WEB__LISTEN": f"{server.host}:{server.page}",
        "WEB_PASSWORD": server.password,
    }
    return config.load_settings(path, environ, folder)


async def _add_posts(server: FakeServer) -> None:
    """Add the example posts one by one, as a person would."""
    for post in POSTS:
        server.workspace.add_page(server.source.id, post)
        await asyncio.sleep(_SECONDS_BETWEEN_POSTS)


def _find_free_port(host: str, preferred: int) -> int:
    """Return *preferred* if that port is free, else any free port; 0 for none."""
    for port in (preferred, 0):
        with (
            contextlib.suppress(OSError, OverflowError),
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe,
        ):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    return 0


def _print_addresses(server: FakeServer, *, lan: bool) -> None:
    host = _local_address() if lan else "127.0.0.1"
    typer.echo(f"Open http://{host}:{server.port} in a browser. Press Ctrl-C to stop.")
    password_note = f" (password {server.password})" if server.password else ""
    typer.echo(f"postbrush's own page is http://{host}:{server.page}{password_note}.")
    if os.environ.get("SSH_CONNECTION") and not lan:
        ssh_host = os.environ["SSH_CONNECTION"].split()[2]
        tunnels = [f"-L {port}:127.0.0.1:{port}" for port in (server.port, server.page)]
        typer.echo(f"On your own machine, run: ssh {' '.join(tunnels)} {ssh_host}")


def _local_address() -> str:
    """Return this machine's address in its network, without sending a packet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
