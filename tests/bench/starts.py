"""How long the daemon and its help take to start, against importing libraries."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.rounds import in_turns
from tests.bench.table import Figure
from tests.daemon.cli.process import COMMAND

#: All that the daemon depends on; DESIGN's times are of a machine where importing it
#: takes so many seconds, so it is the reference of every time here.
LIBRARIES = """
import aiohttp.web, notion_client, PIL.Image, pydantic_settings, rich.console
import apscheduler.schedulers.asyncio, sqlalchemy, structlog, typer
"""
LIBRARIES_TAKE = 0.55
IMPORTS = "importing its libraries"
#: What `--help` prints, by a program that can do nothing else.
_BARE_HELP = """
import typer
app = typer.Typer(add_completion=False)
for number in range(24):
    def command(one: int = 0, two: str = "") -> None: "Do something, and say so."
    app.command(f"command-{number}")(command)
app()
"""


def measure() -> list[Figure]:
    imported = seconds(sys.executable, "-c", LIBRARIES)
    with tempfile.TemporaryDirectory() as folder:
        environ = _environ(Path(folder))
        subprocess.run(
            [COMMAND, "migrate"],
            env=environ,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        ready, ready_imports = in_turns(lambda: _to_ready(environ), imported)
    helped, help_imports = in_turns(seconds(str(COMMAND), "--help"), imported)
    bare = seconds(sys.executable, "-c", _BARE_HELP, "--help")
    again, bare_help = in_turns(seconds(str(COMMAND), "--help"), bare)
    return [
        _time("start to ready", ready, ready_imports, 0.8),
        _time("postbrush --help", helped, help_imports, 0.35),
        Figure(
            what="postbrush --help",
            figure=again,
            unit="s",
            reference=bare_help,
            against="the help of 24 empty commands of Typer",
        ),
    ]


def _time(what: str, figure: float, reference: float, bar: float) -> Figure:
    return Figure(
        what=what,
        figure=figure,
        unit="s",
        reference=reference,
        against=IMPORTS,
        most=bar / LIBRARIES_TAKE,
        note=f"{bar} s where importing the libraries takes {LIBRARIES_TAKE} s: here "
        f"{figure / reference * LIBRARIES_TAKE:.2f} s",
    )


def seconds(*command: str) -> Callable[[], float]:
    def run() -> float:
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began

    return run


def _to_ready(environ: dict[str, str]) -> float:
    """Start it as systemd does; return the seconds until it says that it is ready."""
    folder = Path(environ["HOME"])
    address = folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(60)
        began = time.monotonic()
        process = subprocess.Popen(
            # A service knows from its manager that it is the service.
            ["/bin/sh", "-c", f"SYSTEMD_EXEC_PID=$$ exec {COMMAND} run"],
            env={**environ, "NOTIFY_SOCKET": str(address)},
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        try:
            while b"READY=1" not in manager.recv(4096):
                pass
            return time.monotonic() - began
        finally:
            process.kill()
            process.wait()
            address.unlink()


def _environ(folder: Path) -> dict[str, str]:
    nobody = f"http://127.0.0.1:{free_port()}"
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "NOTION_TOKEN": "ntn_" + "x" * 40,
        "HUGGINGFACE_TOKEN": "hf_" + "x" * 30,
        "POSTBRUSH_NOTION__BASE_URL": nobody,
        "POSTBRUSH_WEB__LISTEN": f"127.0.0.1:{free_port()}",
    }


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
