"""What systemd is told, on real sockets; nothing it does may hold the daemon up."""

from __future__ import annotations

import resource
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.service.systemd import SystemdNotifier
from tests.daemon.service.manager import Manager, listening


@pytest.fixture(params=["in a folder", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = f"@postbrush-{uuid.uuid4()}"
    if request.param == "in a folder":
        address = str(tmp_path / "notify")
    with listening(address) as made:
        yield made


def test_each_turn_of_its_life_is_told(manager: Manager) -> None:
    readiness = SystemdNotifier(manager.address)
    readiness.notify_ready()
    readiness.notify_watchdog()
    readiness.notify_stopping()
    assert manager.heard() == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_reload_is_told_with_the_moment_it_began(manager: Manager) -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    SystemdNotifier(manager.address).notify_reloading()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    ((first, second),) = [one.split("\n") for one in manager.heard()]
    name, _, moment = second.partition("=")
    assert (first, name) == ("RELOADING=1", "MONOTONIC_USEC")
    assert before <= int(moment) <= after


def test_a_status_is_one_line_and_said_once(manager: Manager) -> None:
    readiness = SystemdNotifier(manager.address)
    readiness.set_status("Jollof\noder  Käse?\tたこ焼き 🐙\n")
    readiness.set_status("Jollof oder Käse? たこ焼き 🐙")
    readiness.set_status("another")
    readiness.set_status("Jollof oder Käse? たこ焼き 🐙")
    first = "STATUS=Jollof oder Käse? たこ焼き 🐙"
    assert manager.heard() == [first, "STATUS=another", first]


@pytest.mark.parametrize("sign", ["a", "é", "た", "🐙"])
def test_a_long_status_ends_between_two_signs(manager: Manager, sign: str) -> None:
    SystemdNotifier(manager.address).set_status(f"x{sign * 5000}")
    (said,) = manager.heard()
    assert set(said.removeprefix("STATUS=x")) == {sign}
    assert 100 < len(said) < 1000


def test_half_a_sign_is_shown_as_unknown(manager: Manager) -> None:
    # As `\ud83d` in JSON is read, when the other half is missing.
    SystemdNotifier(manager.address).set_status("Bread \ud83d day")
    assert manager.heard() == ["STATUS=Bread ? day"]


def _tell_all(readiness: SystemdNotifier) -> None:
    readiness.notify_ready()
    readiness.notify_reloading()
    readiness.set_status("a line")
    readiness.notify_watchdog()
    readiness.notify_stopping()


@pytest.mark.parametrize(
    "address",
    ["", "/nowhere/at/all", "@postbrush-nobody", "vsock:2:1234", "/" + "x" * 300, "@"],
)
def test_nobody_listens_and_nothing_happens(address: str) -> None:
    _tell_all(SystemdNotifier(address))


def test_a_manager_that_has_gone_or_is_no_socket_harms_nobody(tmp_path: Path) -> None:
    with listening(str(tmp_path / "notify")) as manager:
        readiness = SystemdNotifier(manager.address)
        readiness.notify_ready()
    _tell_all(readiness)
    (tmp_path / "notify").unlink()
    (tmp_path / "notify").write_text("a file")
    _tell_all(readiness)


def test_a_manager_that_does_not_read_is_not_waited_for(manager: Manager) -> None:
    readiness = SystemdNotifier(manager.address)
    # Far more than a queue of datagrams takes.
    _fill(manager)
    readiness.notify_watchdog()
    assert manager.signs_of_life() == 0
    readiness.notify_ready()
    assert manager.heard() == ["READY=1"]


def test_what_a_busy_manager_had_no_room_for_is_said_again(manager: Manager) -> None:
    readiness = SystemdNotifier(manager.address)
    readiness.set_status("nothing queued")
    _fill(manager)
    readiness.notify_ready()
    readiness.set_status("one queued")
    assert set(manager.heard()) == {"STATUS=nothing queued", ""}
    readiness.notify_watchdog()
    assert manager.heard() == ["READY=1\nSTATUS=one queued\nWATCHDOG=1"]
    readiness.notify_watchdog()
    assert manager.heard() == ["WATCHDOG=1"]


def test_a_lost_ready_comes_with_the_same_status(manager: Manager) -> None:
    readiness = SystemdNotifier(manager.address)
    readiness.set_status("nothing queued")
    _fill(manager)
    readiness.notify_ready()
    manager.heard()
    readiness.set_status("nothing queued")
    assert manager.heard() == ["READY=1"]


def _fill(manager: Manager) -> None:
    """Others tell it things until its queue is full."""
    address = manager.address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as others:
        others.settimeout(0)
        with suppress(BlockingIOError):
            while True:
                others.sendto(b"", f"\0{address[1:]}" if address[0] == "@" else address)


def test_no_file_handles_are_left_and_nothing_happens(manager: Manager) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        _tell_all(SystemdNotifier(manager.address))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert manager.heard() == []


@pytest.mark.parametrize(
    ("environ", "watchdog"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, timedelta(minutes=1)),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"}, timedelta(minutes=1)),
        # Another process of the service is watched.
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_PID": "7"}, None),
        # How systemd writes "infinity".
        ({"WATCHDOG_USEC": str(2**64 - 1)}, None),
        *[
            ({"WATCHDOG_USEC": rubbish}, None)
            for rubbish in ["", "0", "-5", "1.5", "1e6", "²", "soon", "9" * 60]
        ],
        ({"WATCHDOG_USEC": "9" * 5000}, None),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "rubbish"}, None),
    ],
)
def test_a_sign_of_life_is_given_as_often_as_it_is_wanted(
    environ: dict[str, str], watchdog: timedelta | None
) -> None:
    assert SystemdNotifier.from_environ(environ, 7).watchdog == watchdog
