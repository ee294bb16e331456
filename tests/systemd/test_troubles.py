"""The service killed, hung, and killed again and again."""

from __future__ import annotations

import time

import pytest

from tests.systemd.conftest import Server
from tests.waiting import until

pytestmark = pytest.mark.timeout(600)

_UNIT = "postbrush.service"
_TRIES = 8


def test_killed_it_is_back_and_goes_on(server: Server) -> None:
    server.town.hub.seconds_per_image = 1.0
    page = server.add("Rolls")
    until(
        lambda: "1 generating" in server.machine.show(_UNIT, "StatusText"), 10, "idle"
    )
    took = [_killed(server)]
    server.town.hub.seconds_per_image = 0.0
    server.illustrated(page)
    while min(took) >= 2 and len(took) < _TRIES:
        took.append(_killed(server))
    assert min(took) < 2


def _killed(server: Server) -> float:
    """Kill it; return the seconds from its death to being ready again."""
    # Its earlier deaths do not count against it.
    server.machine.run("systemctl", "reset-failed", _UNIT)
    before = int(server.machine.show(_UNIT, "NRestarts"))
    died_at = time.time()
    server.machine.run("systemctl", "kill", "--kill-whom=main", "-s", "KILL", _UNIT)
    until(
        lambda: (
            int(server.machine.show(_UNIT, "NRestarts")) > before
            and server.machine.show(_UNIT, "ActiveState") == "active"
        ),
        20,
        lambda: f"was restarted {before} times before:\n{server.story(_UNIT)}",
    )
    # It died of this and of nothing else.
    since = f"--since=@{died_at:.3f}"
    ended = server.journal(since, "--grep=Main process exited")
    assert [line.rpartition("=")[2] for line in ended] == ["9/KILL"], ended
    return server.seconds_to_ready() + 0.5  # RestartSec


def test_hung_it_is_caught_by_the_watchdog(server: Server) -> None:
    drop_in = f"/etc/systemd/system/{_UNIT}.d/watchdog.conf"
    server.machine.write(drop_in, "[Service]\nWatchdogSec=2\n")
    server.machine.run("systemctl", "daemon-reload")
    server.machine.run("systemctl", "restart", _UNIT)
    pid = server.machine.show(_UNIT, "MainPID")
    server.machine.run("kill", "-STOP", pid)
    until(
        lambda: (
            server.machine.show(_UNIT, "MainPID") not in {pid, "0"}
            and server.machine.show(_UNIT, "ActiveState") == "active"
        ),
        20,
        "it hangs for ever",
    )
    assert server.journal("--grep=Watchdog timeout")
    # Where it hung is there to be read.
    assert server.journal("--grep=Fatal Python error: Aborted")
    (server.machine.root / drop_in.lstrip("/")).unlink()
    server.machine.run("systemctl", "daemon-reload")
    server.machine.run("systemctl", "restart", _UNIT)


def test_what_always_dies_stays_down_and_says_so(server: Server) -> None:
    for _ in range(30):
        if server.machine.show(_UNIT, "ActiveState") == "failed":
            break
        server.machine.run(
            "systemctl", "kill", "--kill-whom=main", "-s", "KILL", _UNIT, check=False
        )
        until(
            lambda: (
                server.machine.show(_UNIT, "SubState") in {"running", "failed", "start"}
            ),
            10,
            "neither up nor down",
        )
    assert server.machine.show(_UNIT, "ActiveState") == "failed"
    until(lambda: _alarms(server) != [], 10, "nobody was told")
    assert f"{_UNIT} has failed and will not restart" in _alarms(server)[-1]
    status = server.machine.run("postbrush", "status", check=False)
    assert status.returncode == 1
    down = status.stdout.splitlines()[0]
    assert down == "daemon   not running (start it: sudo systemctl start postbrush)"
    server.start()
    assert server.machine.show(_UNIT, "ActiveState") == "active"


def _alarms(server: Server) -> list[str]:
    server.machine.run("journalctl", "--sync")
    return server.machine.run(
        "journalctl", "--output=cat", "--no-pager", "PB_EVENT=service.failed"
    ).stdout.splitlines()
