"""A data folder on a disk that is read-only or full when postbrush starts."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.cli.desk import Desk

pytestmark = [
    pytest.mark.long,
    pytest.mark.sqlite_only,  # a server has a disk of its own
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a disk"),
]

_READING = (
    *(("status",), ("jobs",), ("job", "1"), ("costs",), ("why", "A post")),
    *(("providers",), ("plan",), ("verify", "--offline"), ("config",)),
)


@pytest.fixture
def disk(desk: Desk, tmp_path: Path) -> Iterator[Path]:
    """A small disk for the data folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    _mount("-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder))
    desk.environ["POSTBRUSH_DATA_DIR"] = str(folder)
    desk.environ["POSTBRUSH_IMAGES__MIN_FREE_DISK"] = "1MiB"
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)  # noqa: S607 - the system's


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)  # noqa: S607 - the system's


def _set_state(disk: Path, how: str, *, broken: bool) -> None:
    filler = disk / "filler"
    if how == "read-only":
        _mount("-o", f"remount,{'ro' if broken else 'rw'}", str(disk))
    elif broken:
        filler.write_bytes(bytes(shutil.disk_usage(disk).free))
    else:
        filler.unlink()


@pytest.mark.parametrize("how", ["read-only", "full"])
async def test_it_is_read_and_the_daemon_waits_until_it_can_write(
    desk: Desk, disk: Path, how: str
) -> None:
    page = desk.add()
    assert (await desk.cli("once")).code == 0
    _set_state(disk, how, broken=True)
    for words in _READING:
        shown = await desk.cli(*words)
        # Nothing runs, which `status` tells by its exit code.
        assert (shown.code, shown.err) == (int(words == ("status",)), ""), words
    environ = {**desk.environ, "TMPDIR": str(desk.folder)}
    process = await desk._start("backup", "-", environ=environ)
    copied, said = await process.communicate()
    with tarfile.open(fileobj=io.BytesIO(copied)) as archive:
        assert len(archive.getnames()) == 3, said
    changed = await desk.cli("once")
    assert (changed.code > 0, changed.err.count("\n")) == (True, 1)
    process = await desk._start("run", environ={}, merged=True)
    assert process.stdout is not None
    waits = json.loads(await process.stdout.readline())
    assert waits["event"] == "disk.full"
    assert "postbrush waits" in waits["message"]
    _set_state(disk, how, broken=False)
    events = []
    while "daemon.ready" not in events:
        events.append(json.loads(await process.stdout.readline())["event"])
    assert events[0] == "disk.freed"
    desk.town.workspace.tick_box(page)
    await desk.until(lambda: desk.town.hub.painted == 2)
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_a_stop_ends_the_wait(desk: Desk, disk: Path) -> None:
    _set_state(disk, "read-only", broken=True)
    process = await desk._start("run", environ={}, merged=True)
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    # systemd counts this as a clean end.
    assert await process.wait() == -signal.SIGTERM
