"""What the daemon takes as a process: memory and processor."""

from __future__ import annotations

import asyncio
import base64
import io
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest import mock

from PIL import Image

from daemon.pretend import huggingface
from daemon.pretend.scenes import render_scene
from daemon.sync.poller import FOUND_BY
from tests.bench import procfs
from tests.bench.rounds import ROUNDS
from tests.bench.starts import IMPORTS, LIBRARIES, LIBRARIES_TAKE, free_port
from tests.bench.table import Figure
from tests.daemon.cli.desk import Daemon, Desk, desk

_SHOW_RSS = "print(open('/proc/self/status').read().split('VmRSS:')[1].split()[0])"
_IMAGES = 500
_WAITING = 25
#: Pixels of a picture of 25 MB, as nobody compresses it.
_LARGE_SIDE = 2890
_IDLE_SECONDS = 60.0
_POLL_SECONDS = 10.0
_SETTLED_SECONDS = 15.0
#: A daemon is idle once polls list no page any more that it wrote to itself.
_IDLE_AGAIN_SECONDS = FOUND_BY.total_seconds() + 100
_BUSY = """\
[notion]
poll_interval = "2s"
requests_per_second = 100
[posts]
wait_after_edit = "0s"
approve_above = 0
"""
_PATIENCE = 600.0


def measure() -> list[Figure]:
    return asyncio.run(_figures(_libraries_rss(), _libraries_cpu()))


async def _figures(alone: float, imports: float) -> list[Figure]:
    # Beside each other: what is counted of each is its own.
    idle, images = await asyncio.gather(
        _idle_figures(alone, imports), _image_figures(alone)
    )
    return [*idle, *images]


@dataclass(frozen=True, slots=True)
class _Idle:
    """How a daemon did nothing: CPU seconds and wake-ups in `_IDLE_SECONDS`.

    Attributes:
        cpu_after_edit: CPU seconds of as long, while polls list a page again and again
            that somebody has edited.
    """

    rss: float
    cpu: float
    wake_ups: int
    cpu_after_edit: float = 0.0


async def _idle_figures(alone: float, imports: float) -> list[Figure]:
    with_page, without = await asyncio.gather(_idle(page=True), _idle(page=False))
    return [
        _memory("RSS, idle, fresh, with its page", with_page.rss, 90, alone),
        _memory("RSS, idle, fresh, [web] off", without.rss, 90, alone),
        _cpu(
            f"processor time of {_POLL_SECONDS:g} s idle, one poll",
            with_page.cpu,
            imports,
            f", {with_page.wake_ups / _IDLE_SECONDS:.2g} wake-ups a second",
        ),
        _cpu(
            f"processor time of {_POLL_SECONDS:g} s in the minutes after an edit",
            with_page.cpu_after_edit,
            imports,
        ),
    ]


def _cpu(what: str, seconds: float, imports: float, note: str = "") -> Figure:
    """Return the figure of a daemon that took *seconds* in `_IDLE_SECONDS`."""
    share = seconds / _IDLE_SECONDS
    return Figure(
        what=what,
        figure=share * _POLL_SECONDS * 1e3,
        unit="ms",
        reference=imports * 1e3,
        against=IMPORTS,
        most=0.001 * _POLL_SECONDS / LIBRARIES_TAKE,
        note=f"{share:.3%} of a core{note}",
    )


def _memory(what: str, figure: float, most: float, alone: float) -> Figure:
    return Figure(
        what=what,
        figure=figure,
        unit="MB",
        most=most,
        note=f"its libraries alone, imported: {alone:.1f} MB",
    )


async def _idle(*, page: bool) -> _Idle:
    # After an edit it polls more often, and a poll is what is measured.
    settings = f'[notion]\npoll_active = "{_POLL_SECONDS:g}s"\n'
    async with _running(settings, page=page) as (found, daemon):
        pid = daemon.process.pid
        await asyncio.sleep(_SETTLED_SECONDS)
        ran, woke = procfs.cpu(pid), procfs.wake_ups(pid)
        await asyncio.sleep(_IDLE_SECONDS)
        rss, cpu = procfs.rss(pid), procfs.cpu(pid) - ran
        woke = procfs.wake_ups(pid) - woke
        # A post that wants no image, because somebody put one there.
        edited = found.add("Edited")
        found.town.workspace.add_file(edited, "Image", "mine.png", b"mine")
        await asyncio.sleep(_SETTLED_SECONDS)
        ran = procfs.cpu(pid)
        await asyncio.sleep(_IDLE_SECONDS)
        return _Idle(rss, cpu, woke, procfs.cpu(pid) - ran)


@asynccontextmanager
async def _running(settings: str, *, page: bool) -> AsyncIterator[tuple[Desk, Daemon]]:
    """Start a daemon whose database is up to date, as on any day but the first."""
    with tempfile.TemporaryDirectory() as folder:
        async with desk(Path(folder)) as found:
            found.configure(settings)
            listen = f"127.0.0.1:{free_port()}" if page else "off"
            found.environ["POSTBRUSH_WEB__LISTEN"] = listen
            # Of the usual size, and trusting whom it usually trusts.
            del found.environ["POSTBRUSH_IMAGES__FORMAT"]
            found.environ.pop("SSL_CERT_FILE", None)
            # As its unit says; and so it is started, and not forked from another.
            found.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            async with found.daemon() as daemon:
                yield found, daemon


async def _image_figures(alone: float) -> list[Figure]:
    with mock.patch.object(huggingface, "render_scene", _painted):
        async with _running(_BUSY, page=True) as (found, daemon):
            pid = daemon.process.pid
            for number in range(_IMAGES):
                # As many wait as go without asking the owner.
                await _done(daemon, number - _WAITING)
                found.add(f"Post {number}", f"Bread number {number}.")
            await _done(daemon, _IMAGES)
            await asyncio.sleep(_IDLE_AGAIN_SECONDS)
            after, busy = procfs.rss(pid), procfs.peak(pid)
            procfs.forget_peak(pid)
            found.town.hub.inject_fault(status=200, body=_large_answer())
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
    return _picture(seed % 16, width, height)


@cache
def _picture(seed: int, width: int, height: int) -> bytes:
    painted = render_scene("bread", seed, width, height)
    # As large as a photo, now and then; each takes seconds to encode.
    return painted if seed else _grainy(painted, compression=6)


def _grainy(png: bytes, compression: int) -> bytes:
    image = Image.open(io.BytesIO(png))
    grain = Image.effect_noise(image.size, 24).convert("RGB")
    out = io.BytesIO()
    Image.blend(image, grain, 0.2).save(out, "PNG", compress_level=compression)
    return out.getvalue()


def _large_answer() -> dict[str, object]:
    """Return 25 MB of a picture as the default route sends it, in base64."""
    png = _grainy(render_scene("bread", 1, _LARGE_SIDE, _LARGE_SIDE), compression=0)
    return {"created": 0, "data": [{"b64_json": base64.b64encode(png).decode()}]}


def _libraries_cpu() -> float:
    """Return the processor seconds of importing the libraries: a median."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", LIBRARIES], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return statistics.median(once() for _ in range(ROUNDS))


def _libraries_rss() -> float:
    said = subprocess.run(
        [sys.executable, "-c", f"{LIBRARIES}\n{_SHOW_RSS}"],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(said.stdout) * 1024 / 1e6
