"""`postbrush service install --user` on a booted machine: a user without a session."""

from __future__ import annotations

import subprocess

import pytest

from tests.systemd.conftest import SETTINGS, Server
from tests.waiting import until

pytestmark = pytest.mark.timeout(600)

_UNIT = "postbrush.service"
_PROGRAM = "/opt/postbrush/current/bin/postbrush"
_HOME = "/home/ada/.config/postbrush"


def _as_ada(server: Server, command: str) -> subprocess.CompletedProcess[str]:
    inner = f"cd; XDG_RUNTIME_DIR=/run/user/$(id -u) {command}"
    words = ("su", "ada", "-s", "/bin/sh", "-c", inner)
    return server.machine.run(*words, check=False)


def _is_active(server: Server) -> bool:
    said = _as_ada(server, f"systemctl --user is-active {_UNIT}")
    return said.stdout == "active\n"


def test_a_user_who_lingers_has_a_service_of_their_own(server: Server) -> None:
    run = server.machine.run
    run("systemctl", "disable", "--now", "--quiet", _UNIT)
    run("useradd", "--create-home", "ada")
    # What libpam-systemd sets, which a bare Debian lacks.
    server.drop_in("user@.service", "Environment=XDG_RUNTIME_DIR=/run/user/%i")
    server.machine.write(f"{_HOME}/postbrush.toml", run("cat", SETTINGS).stdout)
    for name in ("NOTION_TOKEN", "HUGGINGFACE_TOKEN"):
        token = run("cat", f"/etc/credstore/postbrush.{name}").stdout
        server.machine.write(f"{_HOME}/secrets/{name}", token, 0o600)
    run("chmod", "700", f"{_HOME}/secrets")
    run("chown", "-R", "ada:", "/home/ada")
    # By a process of the machine: logind asks for the control group of who asks.
    run("systemd-run", "--wait", "--quiet", "loginctl", "enable-linger", "ada")
    manager = f"user@{run('id', '-u', 'ada').stdout.strip()}.service"
    until(
        lambda: server.machine.show(manager, "ActiveState") == "active", 30, "no user"
    )
    installed = _as_ada(server, f"{_PROGRAM} service install --user")
    assert installed.returncode == 0, installed.stderr
    server.illustrated(server.add("By Ada"))
    assert run("ls", "/home/ada/.local/share/postbrush/images").stdout
    # It is there without a login.
    server.machine.off()
    server.machine.boot()
    until(lambda: _is_active(server), 30, "not started at boot")
    run("sh", "-c", f"echo 'rubbish = 1' >{_HOME}/postbrush.toml")
    assert _as_ada(server, f"systemctl --user reload {_UNIT}").returncode != 0
    assert _is_active(server)
    assert _as_ada(server, f"{_PROGRAM} service uninstall").returncode == 0
    assert not _is_active(server)
    # As it was, for the tests after this one.
    run("systemd-run", "--wait", "--quiet", "loginctl", "disable-linger", "ada")
    server.drop_in("user@.service", "")
    run("systemctl", "enable", "--quiet", _UNIT)
    server.start()
