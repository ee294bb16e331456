"""The images of this release and of the one before, and a container of them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.pretend.server import FakeServer
from tests.container.podman import Container, Podman, missing
from tests.systemd.conftest import copied, make_older
from tests.systemd.conftest import town as town  # noqa: PLC0414 - a fixture
from tests.systemd.machine import CACHE, ROOT

NEWEST, OLDER = "postbrush", "postbrush:older"
PASSWORD = "open sesame, please"
#: Of the container; made once a checkout, as the Debians are.
WHEELS = CACHE / "wheels"


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Podman with the image of this checkout."""
    if why := missing():
        pytest.skip(why)
    with podman_with_image(tmp_path_factory.mktemp("sources")) as found:
        yield found


@contextmanager
def podman_with_image(sources: Path) -> Iterator[Podman]:
    """Build the image of this checkout, and remove all containers in the end.

    Args:
        sources: An empty folder.
    """
    # Podman takes 50 characters at most, and a worker's own folder has more.
    folder = Path(tempfile.mkdtemp(prefix="podman-"))
    found = Podman(folder)
    source = copied(sources / "newest")
    _add_wheels(source)
    try:
        found.make_base()
        found.build(source, NEWEST)
        yield found
    finally:
        found.remove_all()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def older(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image of the release before."""
    source = copied(tmp_path_factory.mktemp("sources") / "older")
    _add_wheels(source)
    make_older(source)
    podman.build(source, OLDER)
    return OLDER


def _add_wheels(source: Path) -> None:
    if not WHEELS.exists():
        subprocess.run(
            [
                *("make", "--silent", f"--directory={ROOT}", "wheelhouse"),
                *("PYTHONS=3.13", f"WHEELHOUSE={WHEELS}"),
                f"BIN={Path(sys.executable).parent}",
            ],
            check=True,
            capture_output=True,
        )
    shutil.copytree(WHEELS, source / "wheelhouse")


@pytest.fixture(name="box")
def _box(podman: Podman, town: FakeServer, tmp_path: Path) -> Iterator[Container]:
    """A container that is not started, its volume, and the world it talks to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 1000, 1000)
    # Whoever the container runs as reaches its volume.
    for folder in (tmp_path, tmp_path.parent):
        folder.chmod(0o755)
    town.hub.seconds_per_image = 0.0
    environ = {
        "POSTBRUSH_NOTION__BASE_URL": town.url,
        "POSTBRUSH_NOTION__POLL_INTERVAL": "500ms",
        "POSTBRUSH_NOTION__REQUESTS_PER_SECOND": "100",
        "POSTBRUSH_POSTS__WAIT_AFTER_EDIT": "0s",
        "POSTBRUSH_IMAGES__FORMAT": "256x256",
        "POSTBRUSH_WEB__LISTEN": f"0.0.0.0:{port}",
        "POSTBRUSH_PROVIDERS__FLUX__BASE_URL": town.hf_url,
        "POSTBRUSH_PROVIDERS__FLUX__HUB_URL": town.hf_url,
        "POSTBRUSH_PROVIDERS__SPACE__BASE_URL": town.hf_url,
        "POSTBRUSH_PROVIDERS__SPACE__HUB_URL": town.hf_url,
        "WEB_PASSWORD": PASSWORD,
    }
    found = Container(podman, NEWEST, data, environ)
    yield found
    podman.run("rm", "--force", "--time=0", "--ignore", found.name)


def give_secrets(box: Container, town: FakeServer) -> None:
    """Put the tokens where `init` does."""
    uid, gid = box.data.stat().st_uid, box.data.stat().st_gid
    folder = box.data / "secrets"
    folder.mkdir(mode=0o700)
    tokens = {
        "NOTION_TOKEN": town.workspace.token,
        "HUGGINGFACE_TOKEN": town.hub.token,
    }
    for name, token in tokens.items():
        (folder / name).write_text(token)
        (folder / name).chmod(0o600)
        os.chown(folder / name, uid, gid)
    os.chown(folder, uid, gid)
