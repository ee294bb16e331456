"""What an owner changes on a booted machine: secrets, places, switches."""

from __future__ import annotations

import pytest

from tests.systemd.conftest import SETTINGS, UNITS, Server
from tests.waiting import until

pytestmark = pytest.mark.timeout(600)

_UNIT, _BACKUP = "postbrush.service", "postbrush-backup.service"
_ELSEWHERE = "/srv/postbrush-data"


def test_init_has_every_secret_of_the_service(server: Server) -> None:
    run = server.machine.run
    # In the credential store, and from a place that the owner has named.
    server.secret("WEB_PASSWORD", "a secret word")
    server.machine.write("/srv/replicate", "r8_0123456789\n", 0o600)
    server.drop_in(_UNIT, "LoadCredential=REPLICATE_API_TOKEN:/srv/replicate")
    server.configure('chain = ["replicate", "freeapi"]')
    text = run("cat", SETTINGS).stdout
    server.machine.write(SETTINGS, text.replace('"127.0.0.1:', '"0.0.0.0:'))
    said = run("postbrush", "init", "--yes", "--dry-run")
    assert "Nothing was written (--dry-run)" in said.stdout
    # What is stored encrypted or elsewhere is not written again.
    assert "REPLICATE_API_TOKEN" not in said.stdout
    server.drop_in(_UNIT, "")
    run("rm", "/etc/credstore/postbrush.WEB_PASSWORD")
    server.configure()


def test_init_takes_tokens_from_the_environment_and_shows_them_nobody(
    server: Server,
) -> None:
    run, token = server.machine.run, server.town.workspace.token
    run("rm", "/etc/credstore/postbrush.NOTION_TOKEN")
    said = run("env", f"NOTION_TOKEN={token}", "postbrush", "init", "--yes")
    assert "postbrush is running, and will start" in said.stdout
    stored = run("cat", "/etc/credstore/postbrush.NOTION_TOKEN").stdout
    assert stored.strip() == token
    journal = run("journalctl", "--output=export", "--no-pager").stdout
    assert token not in journal + said.stdout
    assert run("sh", "-c", "ls -d /run/postbrush-init.* || true").stdout == ""
    server.illustrated(server.add("After init"))


def test_missing_credentials_are_not_said_at_every_start(server: Server) -> None:
    server.machine.run("systemctl", "restart", _UNIT)
    server.machine.run("postbrush", "status")
    assert _lines_about("postbrush.FAL_KEY", server) == []
    # This is how systemd 257 would say it of each.
    if server.machine.run("systemctl", "--version").stdout.startswith("systemd 257"):
        server.drop_in(_UNIT, "LoadCredential=FAL_KEY:postbrush.FAL_KEY")
        server.machine.run("systemctl", "restart", _UNIT)
        assert _lines_about("postbrush.FAL_KEY", server) != []
        server.drop_in(_UNIT, "")


def _lines_about(words: str, server: Server) -> list[str]:
    server.machine.run("journalctl", "--sync")
    said = server.machine.run("journalctl", "--output=cat", "--no-pager").stdout
    return [line for line in said.splitlines() if words in line]


def test_what_systemd_cannot_start_is_explained(server: Server) -> None:
    server.drop_in(_UNIT, "BindPaths=/nowhere:/srv/nowhere")
    said = server.machine.run("postbrush", "status", check=False)
    server.drop_in(_UNIT, "")
    assert said.returncode == 226  # systemd.exec(5): NAMESPACE
    assert "pct set ID --features nesting=1" in said.stderr


def test_data_elsewhere_are_written_by_commands_and_backed_up(server: Server) -> None:
    run = server.machine.run
    user = server.machine.show(_UNIT, "UID")
    run("systemctl", "stop", _UNIT)
    run("install", "-d", "-m", "700", "-o", user, "-g", user, _ELSEWHERE)
    server.drop_in(_UNIT, f"ReadWritePaths={_ELSEWHERE}")
    server.configure(f'data_dir = "{_ELSEWHERE}"')
    server.start()
    server.illustrated(server.add("Elsewhere"))
    run("postbrush", "generate", "A red bike", "--provider", "freeapi")
    assert "freeapi_generated" in run("ls", f"{_ELSEWHERE}/images").stdout
    run("systemctl", "start", _BACKUP)
    said = run("journalctl", "--unit", _BACKUP, "--output=cat", "--no-pager").stdout
    assert "the database and 2 images" in said


def test_an_upgrade_is_taken_back_where_the_data_are(server: Server) -> None:
    """By a version that changes the database and then does not start."""
    run = server.machine.run
    broken = server.source / "daemon" / "supervisor.py"
    whole = broken.read_text()
    spoil = f'Path("{_ELSEWHERE}/postbrush.db").write_bytes(b"spoilt")'
    try:
        text = "await self._run_until_stopped()"
        assert text in whole
        broken.write_text(whole.replace(text, f"{spoil}; 1 / 0"))
        said = server.install("PIP_NO_COMPILE=1")
    finally:
        broken.write_text(whole)
    assert said.returncode != 0, said.stdout
    assert "the upgrade was taken back, and the old version runs" in said.stderr
    assert server.machine.show(_UNIT, "ActiveState") == "active"
    server.illustrated(server.add("Still elsewhere"))
    assert run("postbrush", "verify", "--offline").stdout == "No problems found.\n"
    run("systemctl", "stop", _UNIT)
    server.drop_in(_UNIT, "")
    server.configure()
    server.start()


def test_a_masked_unit_stays_masked(server: Server) -> None:
    run, timer = server.machine.run, f"{UNITS}/postbrush-backup.timer"
    run("systemctl", "disable", "--now", "--quiet", "postbrush-backup.timer")
    run("ln", "-sfn", "/dev/null", timer)
    run("systemctl", "daemon-reload")
    assert server.install("PIP_NO_COMPILE=1").returncode == 0
    assert run("readlink", timer).stdout == "/dev/null\n"
    # As it was, for the tests after this one.
    run("rm", timer)
    run("cp", "/src/systemd/postbrush-backup.timer", timer)
    run("systemctl", "daemon-reload")
    run("systemctl", "enable", "--now", "--quiet", "postbrush-backup.timer")
    until(
        lambda: (
            server.machine.show("postbrush-backup.timer", "ActiveState") == "active"
        ),
        10,
        "no timer",
    )


@pytest.mark.parametrize(
    ("tool", "prints", "tells"),
    [
        ("systemctl", "systemd 249 (249.11-0ubuntu3)", "has systemd 249, and"),
        ("getconf", "32", "64-bit edition"),
    ],
)
def test_what_cannot_run_it_is_refused_before_anything_is_built(
    server: Server, tool: str, prints: str, tells: str
) -> None:
    server.machine.write(f"/srv/odd/{tool}", f"#!/bin/sh\necho '{prints}'\n", 0o755)
    said = server.install("PATH=/srv/odd:/usr/bin:/bin")
    server.machine.run("rm", "-r", "/srv/odd")
    assert (said.returncode, tells in said.stderr) == (2, True), said.stderr
    assert "making" not in said.stdout


def test_a_python_that_is_too_old_is_named(server: Server) -> None:
    run = server.machine.run
    run("sh", "-c", "cd /usr/bin && mkdir away && mv python3* away")
    old = "#!/bin/sh\n[ $1 = --version ] && echo Python 3.10.12\n"
    server.machine.write("/usr/bin/python3", old, 0o755)
    said = server.install()
    run("sh", "-c", "cd /usr/bin && mv away/* . && rmdir away")
    assert said.returncode == 2
    assert "(this machine has Python 3.10.12)" in said.stderr
