"""What the daemon takes as a process: memory, processor, and the time to start."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest import mock

from PIL import Image

from daemon.pretend import hub
from daemon.pretend.painter import paint
from tests.bench import procfs
from tests.bench.rounds import in_turns
from tests.bench.table import Figure
from tests.daemon.cli.desk import COMMAND, Daemon, Desk, desk

#: All that the daemon depends on; DESIGN's times are of a machine where importing it
#: takes so many seconds, so it is the reference of every time here.
LIBRARIES = """
import aiohttp.web, aiosqlite, notion_client, PIL.Image, pydantic_settings, rich.console
import apscheduler.schedulers.asyncio, sqlalchemy.ext.asyncio, structlog, typer
"""
_LIBRARIES_TAKE = 0.55
_SHOW_RSS = "print(open('/proc/self/status').read().split('VmRSS:')[1].split()[0])"
_IMPORTS = "importing its libraries"
#: What `--help` prints, by a program that can do nothing else.
_BARE_HELP = """
import typer
app = typer.Typer(add_completion=False)
for number in range(24):
    def command(one: int = 0, two: str = "") -> None: "Do something, and say so."
    app.command(f"command-{number}")(command)
app()
"""
_IMAGES = 500
_IDLE_SECONDS = 60.0
_POLL_SECONDS = 10.0
_SETTLED_SECONDS = 15.0
_BUSY = """\
[notion]
poll_interval = "2s"
requests_per_second = 100
[posts]
settle = "0s"
hold = 0
"""
_PATIENCE = 600.0


def measure() -> list[Figure]:
    imported = _seconds(sys.executable, "-c", LIBRARIES)
    alone = _libraries_rss()
    return [
        *asyncio.run(_idle_figures(alone, imported())),
        *asyncio.run(_image_figures(alone)),
        *_start_figures(imported),
    ]


@dataclass(frozen=True, slots=True)
class _Idle:
    """How a daemon did nothing: CPU seconds and wake-ups in `_IDLE_SECONDS`."""

    rss: float
    cpu: float
    wake_ups: int


async def _idle_figures(alone: float, imports: float) -> list[Figure]:
    with_page, without = await asyncio.gather(_idle(page=True), _idle(page=False))
    share = with_page.cpu / _IDLE_SECONDS
    return [
        _memory("RSS, idle, fresh, with its page", with_page.rss, 90, alone),
        _memory("RSS, idle, fresh, [web] off", without.rss, 90, alone),
        Figure(
            what=f"processor time of {_POLL_SECONDS:g} s idle, one poll",
            figure=share * _POLL_SECONDS * 1e3,
            unit="ms",
            reference=imports * 1e3,
            against=_IMPORTS,
            most=0.001 * _POLL_SECONDS / _LIBRARIES_TAKE,
            note=f"idle: {share:.3%} of a core, "
            f"{with_page.wake_ups / _IDLE_SECONDS:.2g} wake-ups a second",
        ),
    ]


def _memory(what: str, figure: float, most: float, alone: float) -> Figure:
    return Figure(
        what=what,
        figure=figure,
        unit="MB",
        most=most,
        note=f"its libraries alone, imported: {alone:.1f} MB",
    )


async def _idle(*, page: bool) -> _Idle:
    async with _running("", page=page) as (_, daemon):
        pid = daemon.process.pid
        await asyncio.sleep(_SETTLED_SECONDS)
        ran, woke = procfs.cpu(pid), procfs.wake_ups(pid)
        await asyncio.sleep(_IDLE_SECONDS)
        return _Idle(
            procfs.rss(pid), procfs.cpu(pid) - ran, procfs.wake_ups(pid) - woke
        )


@asynccontextmanager
async def _running(settings: str, *, page: bool) -> AsyncIterator[tuple[Desk, Daemon]]:
    """Start a daemon whose database is up to date, as on any day but the first."""
    with tempfile.TemporaryDirectory() as folder:
        async with desk(Path(folder)) as found:
            found.configure(settings)
            listen = f"127.0.0.1:{_free_port()}" if page else "off"
            found.environ["POSTBRUSH_WEB__LISTEN"] = listen
            await found.cli("migrate")
            async with found.daemon() as daemon:
                yield found, daemon


async def _image_figures(alone: float) -> list[Figure]:
    with mock.patch.object(hub, "paint", _painted):
        async with _running(_BUSY, page=True) as (found, daemon):
            pid = daemon.process.pid
            for number in range(_IMAGES):
                found.add(f"Post {number}", f"Bread number {number}.")
            await _done(daemon, _IMAGES)
            await asyncio.sleep(_SETTLED_SECONDS)
            after, busy = procfs.rss(pid), procfs.peak(pid)
            procfs.forget_peak(pid)
            found.town.hub.fail(status=200, body=_large_answer())
            found.add("A large one", "Bread.")
            await _done(daemon, _IMAGES + 1)
            large = procfs.peak(pid)
    return [
        _memory(f"RSS, idle, after {_IMAGES} images", after, 95, alone),
        Figure(
            what="RSS at most, while it took in an answer with 25 MB of image",
            figure=large,
            unit="MB",
            most=256,
            note=f"while it made {_IMAGES} images of the usual size: {busy:.0f} MB",
        ),
    ]


async def _done(daemon: Daemon, images: int) -> None:
    """Wait until so many images are on their pages."""

    def done() -> int:
        return sum(line.get("event") == "job.done" for line in daemon.lines)

    async with asyncio.timeout(_PATIENCE), daemon.more:
        await daemon.more.wait_for(lambda: done() >= images)


def _painted(prompt: str, seed: int, width: int, height: int) -> bytes:
    # Painting is not what is measured.
    del prompt
    return _picture(seed % 8, width, height)


@cache
def _picture(seed: int, width: int, height: int) -> bytes:
    return paint("bread", seed, width, height)


def _large_answer() -> dict[str, object]:
    """Return 25 MB of a picture as the default route sends it, in base64."""
    side = 2890
    noise = random.Random(1).randbytes(side * side * 3)  # noqa: S311 - a picture
    out = io.BytesIO()
    Image.frombytes("RGB", (side, side), noise).save(out, "PNG", compress_level=0)
    text = base64.b64encode(out.getvalue()).decode()
    return {"created": 0, "data": [{"b64_json": text}]}


def _start_figures(imported: Callable[[], float]) -> list[Figure]:
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
    helped, help_imports = in_turns(_seconds(str(COMMAND), "--help"), imported)
    bare = _seconds(sys.executable, "-c", _BARE_HELP, "--help")
    again, bare_help = in_turns(_seconds(str(COMMAND), "--help"), bare)
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
        against=_IMPORTS,
        most=bar / _LIBRARIES_TAKE,
        note=f"{bar} s where importing the libraries takes {_LIBRARIES_TAKE} s: here "
        f"{figure / reference * _LIBRARIES_TAKE:.2f} s",
    )


def _seconds(*command: str) -> Callable[[], float]:
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
    nobody = f"http://127.0.0.1:{_free_port()}"
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "NOTION_TOKEN": "ntn_" + "x" * 40,
        "HUGGINGFACE_TOKEN": "hf_" + "x" * 30,
        "POSTBRUSH_NOTION__BASE_URL": nobody,
        "POSTBRUSH_WEB__LISTEN": f"127.0.0.1:{_free_port()}",
    }


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _libraries_rss() -> float:
    said = subprocess.run(
        [sys.executable, "-c", f"{LIBRARIES}\n{_SHOW_RSS}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(said.stdout) * 1024 / 1e6
