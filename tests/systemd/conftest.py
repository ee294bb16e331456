"""Machines with postbrush installed, as the README says, one for each Debian."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from daemon.clock import utc_now
from daemon.pretend.server import FakeServer
from db.upgrade import HEAD
from tests.bench.starts import LIBRARIES, LIBRARIES_TAKE
from tests.systemd import machine
from tests.systemd.machine import RELEASES, ROOT, Machine
from tests.waiting import until

_LOOPS: list[asyncio.AbstractEventLoop] = []
DATA = "/var/lib/private/postbrush"
UNITS = "/etc/systemd/system"
SETTINGS = "/etc/postbrush/postbrush.toml"


@dataclass(slots=True)
class Server:
    """A home server, and the world it talks to."""

    machine: Machine
    town: FakeServer
    source: Path
    port: int

    def configure(
        self, more: str = "", *, painter: str = "", timeout: str = "60s"
    ) -> None:
        """Write what an owner would, and where the pretend world is."""
        town = self.town
        painter = painter or town.hf_url
        chain = "" if "chain =" in more else 'chain = ["flux", "freeapi"]\n'
        text = (
            f'{chain}{more}\n[web]\nlisten = "127.0.0.1:{self.port}"\n'
            f'[notion]\nbase_url = "{town.url}"\npoll_interval = "500ms"'
            "\nrequests_per_second = 100\n[posts]\nwait_after_edit = '0s'\n"
            "[providers.flux]\n"
            f'base_url = "{painter}"\nhub_url = "{town.hf_url}"\n'
            f'timeout = "{timeout}"\n'
            f'[providers.space]\nbase_url = "{town.hf_url}"\n'
            f'hub_url = "{town.hf_url}"\n[writer]\nuse = "off"\n'
        )
        self.machine.write(SETTINGS, text)

    def drop_in(self, unit: str, text: str) -> None:
        """Change a unit as `systemctl edit` does; "" takes the change back."""
        path = f"{UNITS}/{unit}.d/test.conf"
        self.machine.write(path, f"[Service]\n{text}\n")
        self.machine.run("systemctl", "daemon-reload")

    def secret(self, name: str, value: str) -> None:
        self.machine.write(f"/etc/credstore/postbrush.{name}", f"{value}\n", 0o600)

    def add(self, title: str, **cells: object) -> str:
        values = {"Name": title, "Post": f"About {title}.", **cells}
        return str(self.town.workspace.add_page(self.town.source.id, values))

    def has_image(self, page: str) -> bool:
        return self.town.workspace.read_cells(page).get("Image status") == "Done"

    def illustrated(self, page: str, seconds: float = 30) -> None:
        until(lambda: self.has_image(page), seconds, "no image came")

    def install(self, *environ: str) -> subprocess.CompletedProcess[str]:
        command = ["env", *environ, "make", "--directory=/src", "--silent", "install"]
        return self.machine.run(*command, check=False)

    def journal(self, *match: str) -> list[str]:
        """Return the messages that `journalctl` finds, as its owner asks."""
        self.machine.run("journalctl", "--sync")
        said = self.machine.run(
            "journalctl",
            "--unit=postbrush",
            "--output=cat",
            "--no-pager",
            *match,
            check=False,  # found nothing: 1
        )
        return said.stdout.splitlines()

    def story(self, unit: str) -> str:
        """Return all that is known of a unit, for whoever wonders what it did."""
        known = self.machine.run("systemctl", "show", unit, check=False).stdout
        said = self.machine.run("journalctl", "-n", "80", "--no-pager", check=False)
        return f"{known}\n{said.stdout}"

    def seconds_to_ready(self) -> float:
        """Return how long its last start took, by the clock of systemd.

        On a machine as DESIGN's figures are of, with nothing else to do: divided by
        how much longer what it imports takes here and now.
        """
        began = self._usec("InactiveExitTimestamp")
        took = (self._usec("ActiveEnterTimestamp") - began) / 1e6
        asked = time.monotonic()
        self.machine.run("/opt/postbrush/current/bin/python", "-c", LIBRARIES)
        return took / max(1.0, (time.monotonic() - asked) / LIBRARIES_TAKE)

    def _usec(self, name: str) -> int:
        return int(self.machine.show("postbrush.service", f"{name}Monotonic"))

    def start(self) -> None:
        self.machine.run("systemctl", "reset-failed", "postbrush", check=False)
        self.machine.run("systemctl", "start", "postbrush")


@dataclass(frozen=True, slots=True)
class Sealed:
    """An address, and the certificate it has."""

    url: str
    certificate: str


@pytest.fixture(scope="session")
def town() -> Iterator[FakeServer]:
    """The pretend world, in a thread of its own."""
    made = FakeServer(now=utc_now)
    made.workspace.requests_per_minute = None
    loop = asyncio.new_event_loop()
    _LOOPS.append(loop)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(made.start(), loop).result(10)
    yield made
    asyncio.run_coroutine_threadsafe(made.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="session", params=[*RELEASES])
def server(
    request: pytest.FixtureRequest,
    town: FakeServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """A bare Debian, the checkout, and what a machine without network needs."""
    if why := machine.missing():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("machines")
    source = copied(folder / "source")
    make_older(source)
    _fetch(source, RELEASES[request.param])
    made = Machine(
        machine.unpacked(request.param, folder),
        f"postbrush-{request.param}",
        {"/src": str(source)},
    )
    made.boot()
    try:
        found = Server(made, town, source, _free_port())
        _set_up(found)
        yield found
    finally:
        made.off()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    """Machines share our network, so each has a port of its own for its page."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _set_up(server: Server) -> None:
    """Install it, and start it with a configuration."""
    said = server.install()
    assert said.returncode == 0, said.stderr
    assert "sudo postbrush init" in said.stdout
    server.configure()
    server.secret("NOTION_TOKEN", server.town.workspace.token)
    server.secret("HUGGINGFACE_TOKEN", server.town.hub.token)
    server.start()


@pytest.fixture(scope="session")
def sealed(town: FakeServer, tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """The pretend world over TLS, and what makes a machine trust it."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=pretend"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    runner = town._runner
    assert runner is not None

    async def listen() -> None:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()

    asyncio.run_coroutine_threadsafe(listen(), _LOOPS[0]).result(10)
    port = runner.addresses[-1][1]
    return Sealed(f"https://127.0.0.1:{port}", (folder / "cert.pem").read_text())


def copied(target: Path) -> Path:
    """Return a copy of this checkout, with what is not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - the system's
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def make_older(source: Path) -> None:
    """Turn a copy into the release before: one migration less."""
    (source / "migrations" / "versions" / f"rev_{HEAD}.py").unlink()
    schema = source / "db" / "upgrade.py"
    assert f', "{HEAD}")' in schema.read_text()
    # What is left may be a tuple of one.
    schema.write_text(schema.read_text().replace(f', "{HEAD}")', ",)"))
    project = source / "pyproject.toml"
    text = re.sub(r'(?m)^version = ".*"', 'version = "0.0.9"', project.read_text())
    project.write_text(text)


def make_newest(source: Path) -> None:
    """Turn it into this release again."""
    for name in (
        f"migrations/versions/rev_{HEAD}.py",
        "db/upgrade.py",
        "pyproject.toml",
    ):
        shutil.copy2(ROOT / name, source / name)


def _fetch(source: Path, python: str) -> None:
    """Fill its wheelhouse, as `make wheelhouse` does."""
    subprocess.run(
        [  # noqa: S607 - the system's
            "make",
            "--silent",
            f"--directory={source}",
            "wheelhouse",
            f"PYTHONS={python}",
            f"BIN={Path(sys.executable).parent}",
        ],
        check=True,
        capture_output=True,
    )
