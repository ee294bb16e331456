"""One of the two daemons: how it is started, when it is ready, what it takes."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.bench.n8n import installed
from tests.bench.n8n.world import World
from tests.waiting import until

_PATIENCE = 180.0
_POSTBRUSH = Path(sys.executable).with_name("postbrush")
_CONFIGURATION = """\
[notion]
poll_interval = "10s"
[posts]
wait_after_edit = "0s"
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A daemon and its children: a session of their own."""

    process: subprocess.Popen[bytes]

    @property
    def megabytes(self) -> float:
        """Return what they hold in memory."""
        return sum(_resident(pid) for pid in self._pids()) / 1e6

    def _pids(self) -> Iterator[int]:
        for found in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                if os.getsid(pid := int(found.name)) == self.process.pid:
                    yield pid

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        for pid in self._pids():
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


@dataclass(frozen=True, slots=True)
class Side:
    """A daemon that can be started.

    Attributes:
        listen: Called before a start; returns what says whether it is ready.
    """

    command: tuple[str, ...]
    environ: dict[str, str]
    folder: Path
    listen: Callable[[], Callable[[], bool]]

    @contextmanager
    def running(self) -> Iterator[Running]:
        """Run it, once it is ready."""
        is_ready = self.listen()
        with (self.folder / "said.txt").open("ab") as said:
            running = Running(
                subprocess.Popen(
                    self.command,
                    cwd=self.folder,
                    env=self.environ,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    start_new_session=True,
                )
            )
            try:
                until(
                    lambda: is_ready() or running.process.poll() is not None,
                    _PATIENCE,
                    self._said,
                    every=0.01,
                )
                assert running.process.poll() is None, self._said()
                yield running
            finally:
                running.end()

    def start_time(self) -> float:
        """Return how long it takes from the command to ready."""
        started = time.monotonic()
        with self.running():
            return time.monotonic() - started

    def _said(self) -> str:
        said = (self.folder / "said.txt").read_text(errors="replace")
        return f"{self.command[0]} did not start: {said[-2000:]}"


def our_side(folder: Path, world: World) -> Side:
    folder.mkdir()
    (folder / "postbrush.toml").write_text(_CONFIGURATION)
    told = folder / "notify"
    town = world.town
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "NOTIFY_SOCKET": str(told),
        "NOTION_TOKEN": town.workspace.token,
        "HUGGINGFACE_TOKEN": town.hub.token,
        "POSTBRUSH_WEB__LISTEN": f"127.0.0.1:{_free_port()}",
        "POSTBRUSH_NOTION__BASE_URL": town.url,
        "POSTBRUSH_PROVIDERS__FLUX__BASE_URL": town.hf_url,
        "POSTBRUSH_PROVIDERS__FLUX__HUB_URL": town.hf_url,
        "POSTBRUSH_WRITER__USE": "off",
    }

    def listen() -> Callable[[], bool]:
        told.unlink(missing_ok=True)
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ear.bind(str(told))
        ear.setblocking(False)  # noqa: FBT003 - socket's

        def is_ready() -> bool:
            with suppress(BlockingIOError):
                return b"READY=1" in ear.recv(4096)
            return False

        return is_ready

    return Side((str(_POSTBRUSH), "run"), environ, folder, listen)


def n8n_side(folder: Path, world: World, places: installed.Places) -> Side:
    shutil.copytree(places.home, folder)
    port = _free_port()
    environ = installed.environ(folder) | {
        "N8N_LISTEN_ADDRESS": "127.0.0.1",
        "N8N_PORT": str(port),
        "N8N_RUNNERS_BROKER_PORT": str(_free_port()),
        "BENCH_TRIGGER": world.porch,
        "BENCH_IMAGES": f"{world.porch}/image",
        "BENCH_NOTION": world.town.url,
        "BENCH_SOURCE": world.town.source.id,
    }

    def is_ready() -> bool:
        # Not /healthz alone: that answers before its database does.
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            line.request("GET", "/healthz/readiness")
            return line.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            line.close()

    command = (str(installed.command(places.n8n)), "start")
    return Side(command, environ, folder, lambda: is_ready)


def _resident(pid: int) -> int:
    with suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
