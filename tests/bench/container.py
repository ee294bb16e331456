"""The container: the size of its image, and how long a start takes to be healthy."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

from tests.bench.rounds import in_turns
from tests.bench.starts import LIBRARIES, free_port, seconds
from tests.bench.table import Figure
from tests.container.conftest import NEWEST, WHEELS, podman_with_image
from tests.container.podman import LARGEST, Container, Podman, missing
from tests.systemd.machine import BASE, CACHE
from tests.waiting import until

_PATIENCE = 60


def measure() -> list[Figure]:
    why = missing()
    if not why and not ((CACHE / f"{BASE}.tar").exists() and WHEELS.exists()):
        why = "needs what `make roots` makes"
    if why:
        print(f"not measured: {why}", file=sys.stderr)  # noqa: T201 - it is a command
        return []
    with (
        tempfile.TemporaryDirectory(prefix="postbrush-bench-") as folder,
        podman_with_image(Path(folder)) as podman,
    ):
        return [_size(podman), _start(podman, Path(folder) / "data")]


def _size(podman: Podman) -> Figure:
    return Figure(
        what="the image, with the official base image",
        figure=podman.size(NEWEST) / 1e6,
        unit="MB",
        most=LARGEST / 1e6,
    )


def _start(podman: Podman, data: Path) -> Figure:
    port = free_port()
    data.mkdir()
    os.chown(data, 1000, 1000)
    # Whoever the container runs as reaches its volume.
    data.parent.chmod(0o755)
    environ = {
        "NOTION_TOKEN": "ntn_" + "x" * 40,
        "POSTBRUSH_NOTION__BASE_URL": f"http://127.0.0.1:{free_port()}",
        "POSTBRUSH_WEB__LISTEN": f"127.0.0.1:{port}",
    }
    box = Container(podman, NEWEST, data, environ)
    python = "--entrypoint=/opt/postbrush/bin/python"
    imports = podman.command(*box.words("--rm", python), "-c", LIBRARIES)
    healthy, imported = in_turns(lambda: _to_healthy(box, port), seconds(*imports))
    return Figure(
        what="start to healthy",
        figure=healthy,
        unit="s",
        reference=imported,
        against="a container that imports the libraries",
    )


def _to_healthy(box: Container, port: int) -> float:
    def is_healthy() -> bool:
        with suppress(OSError), urllib.request.urlopen(url) as answer:
            return bool(answer.status == 200)
        return False

    url = f"http://127.0.0.1:{port}/healthz"
    began = time.monotonic()
    box.up()
    until(is_healthy, _PATIENCE, lambda: "\n".join(box.log()), every=0.01)
    took = time.monotonic() - began
    box.stop()
    return took
