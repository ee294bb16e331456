"""The service on a Debian that really boots: ready, looked at, killed, hung, reloaded.

In the order of a service's life; each test leaves it running for the next.
"""

from __future__ import annotations

import json
import re

import pytest

from tests.systemd.conftest import DATA, Sealed, Server
from tests.systemd.machine import ROOT
from tests.waiting import until

pytestmark = pytest.mark.timeout(600)

_UNIT = "postbrush.service"
_TRIES = 20
_CREDENTIALS = "/run/credentials/postbrush.service"


def test_it_is_ready_soon_and_makes_an_image(server: Server) -> None:
    # The best of some: what runs beside it comes and goes.
    for _ in range(_TRIES):
        if server.seconds_to_ready() < 2:
            break
        server.machine.run("systemctl", "restart", _UNIT)
    assert server.seconds_to_ready() < 2
    page = server.add("Bread")
    server.illustrated(page)
    until(
        lambda: "nothing queued" in server.machine.show(_UNIT, "StatusText"), 5, "busy"
    )
    status = server.machine.show(_UNIT, "StatusText")
    assert re.match(r"'.+' \([0-9a-f]{8}\), last poll \d\d:\d\d:\d\d; ", status)
    assert status.endswith("$0.00 of $5.00 this month")


def test_the_command_knows_what_the_service_knows(server: Server) -> None:
    run = server.machine.run
    assert run("postbrush", "status").stdout.startswith("daemon   running (process ")
    checked = run("postbrush", "check", "--json")
    assert [one for one in json.loads(checked.stdout) if one["todo"]] == []
    (job,) = json.loads(run("postbrush", "jobs", "--json").stdout)
    assert job["state"] == "done"
    wrong = run("postbrush", "why", "nothing of the kind", check=False)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1), wrong.stderr
    stranger = run("su", "nobody", "-s", "/bin/sh", "-c", "postbrush jobs", check=False)
    assert (stranger.returncode, "sudo postbrush jobs" in stranger.stderr) == (2, True)
    assert "Commands:" in run("postbrush", "--help").stdout
    refused = run("postbrush", "run", check=False)
    assert (refused.returncode, "systemctl start" in refused.stderr) == (2, True)
    run("postbrush", "generate", "how does --help work", "--provider", "freeapi")
    # Made by the service's user, among its images, not by root elsewhere.
    found = run("sh", "-c", f"ls {DATA}/images; ls /root /images 2>&1 || true").stdout
    assert found.count("freeapi_generated") == 1


def test_the_journal_answers_by_field(server: Server) -> None:
    page = server.add("Cake")
    about = ("PB_EVENT=job.done", f"PB_PAGE={page.replace('-', '')}")
    until(lambda: bool(server.journal(*about)), 30, "no line")
    (done,) = server.journal(*about)
    assert re.fullmatch(r"job\.done 'Cake' flux included [\d.]+ s \(job 2\)", done)
    mine = server.journal("PB_JOB=2")
    assert [line.split()[0] for line in mine] == ["job.queued", "job.done"]
    events = [line.split()[0] for line in server.journal("PB_PROVIDER=flux")]
    assert events.count("job.done") == 2
    assert set(events) <= {"job.done", "account.read"}
    # Lines of the program; systemd's own about the unit are not its warnings.
    assert server.journal("--priority=warning", "_SYSTEMD_UNIT=postbrush.service") == []
    server.town.hub.inject_fault(
        status=401, body={"error": "Invalid username or password."}
    )
    other = server.add("Pie")
    until(lambda: len(server.journal("PB_EVENT=breaker.opened")) == 1, 20, "no line")
    (loud,) = server.journal("--priority=err")
    assert loud.startswith("breaker.opened flux: rejected the token")
    assert server.journal("PB_STATE=failed") == []
    server.machine.run("postbrush", "providers", "reset", "flux")
    until(
        lambda: bool(server.town.workspace.read_cells(other).get("Image status")),
        20,
        "pie",
    )


def test_the_documented_commands_for_the_log_work(server: Server) -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    recipes = page.partition("## Reading the log")[2]
    block = re.search(r"^```sh\n(.*?)^```", recipes, re.MULTILINE | re.DOTALL)
    assert block is not None
    commands = [line.split("#")[0].strip() for line in block.group(1).splitlines()]
    assert len(commands) > 5
    for command in filter(None, commands):
        words = command.removeprefix("sudo ").replace(" -f", "")
        said = server.machine.run("sh", "-c", f"{words} --no-pager")
        assert said.stdout.strip(), command


def test_nobody_else_sees_a_secret(server: Server) -> None:
    pid = server.machine.show(_UNIT, "MainPID")
    tokens = [server.town.workspace.token, server.town.hub.token]
    environ = server.machine.run("cat", f"/proc/{pid}/environ").stdout
    journal = server.machine.run("journalctl", "--output=export", "--no-pager").stdout
    config = server.machine.run("postbrush", "config").stdout
    for token in tokens:
        assert token not in environ + journal + config
    for path in (_CREDENTIALS, "/etc/credstore/postbrush.NOTION_TOKEN", DATA):
        spied = server.machine.run(
            "su", "nobody", "-s", "/bin/sh", "-c", f"ls -R {path}/ {path}", check=False
        )
        assert (spied.returncode != 0, "ntn_" in spied.stdout) == (True, False)
    modes = server.machine.run("sh", "-c", f"stat -c %a {_CREDENTIALS}/*NOTION_TOKEN")
    assert modes.stdout.strip() in {"400", "440"}


def test_its_units_are_well_written_and_closed(server: Server) -> None:
    units = sorted((ROOT / "systemd").glob("*.service"))
    units += sorted((ROOT / "systemd").glob("*.timer"))
    for unit in units:
        name = unit.name.replace("@", "@x")
        path = f"/etc/systemd/system/{unit.name}"
        server.machine.run(
            "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path
        )
        if name.endswith(".service"):
            at_most = "12" if name == _UNIT else "15"
            server.machine.run(
                "systemd-analyze", "security", f"--threshold={at_most}", name
            )


def test_closed_up_as_it_is_it_speaks_tls(server: Server, sealed: Sealed) -> None:
    place = "/usr/local/share/ca-certificates/pretend.crt"
    server.machine.write(place, sealed.certificate)
    server.machine.run("update-ca-certificates")
    server.configure(painter=f"{sealed.url}/hf")
    server.machine.run("systemctl", "restart", _UNIT)
    server.illustrated(server.add("Under seal"))
    server.configure()
    server.machine.run("systemctl", "restart", _UNIT)


def test_closed_up_as_it_is_it_measures_itself(server: Server) -> None:
    def asked(path: str) -> str:
        url = f"http://127.0.0.1:{server.port}{path}"
        return server.machine.run("python3", "-c", _FETCH, url).stdout

    assert asked("/healthz").strip() == "ok"
    found = dict(
        line.rsplit(" ", 1)
        for line in asked("/metrics").splitlines()
        if not line.startswith("#")
    )
    for name in ("resident_memory_bytes", "open_fds", "cpu_seconds_total"):
        assert float(found[f"process_{name}"]) > 0
    assert 'class="' in asked("/")


_FETCH = (
    "import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen(sys.argv[1])"
    ".read())"
)


def test_a_wrong_configuration_is_not_tried_again(server: Server) -> None:
    server.configure("rubbish = 1")
    refused = server.machine.run("systemctl", "restart", _UNIT, check=False)
    assert refused.returncode != 0
    assert server.machine.show(_UNIT, "NRestarts") == "0"
    assert server.machine.show(_UNIT, "ExecMainStatus") == "2"
    assert any("rubbish is not a setting" in line for line in server.journal())
    server.configure()
    server.start()


def test_a_reload_takes_the_new_or_keeps_the_old(server: Server) -> None:
    pid = server.machine.show(_UNIT, "MainPID")
    server.configure("free_only = true")
    server.machine.run("systemctl", "reload", _UNIT)
    until(lambda: bool(server.journal("PB_EVENT=config.reloaded")), 10, "not read")
    server.configure("rubbish = 1")
    refused = server.machine.run("systemctl", "reload", _UNIT, check=False)
    assert refused.returncode != 0
    assert any("rubbish is not a setting" in line for line in server.journal("-n", "8"))
    asked = server.machine.run("postbrush", "reload", check=False)
    assert (asked.returncode, "rubbish is not" in asked.stderr) == (2, True)
    assert server.machine.show(_UNIT, "ActiveState") == "active"
    assert server.machine.show(_UNIT, "MainPID") == pid
    server.configure()
    server.machine.run("systemctl", "reload", _UNIT)
    server.illustrated(server.add("After the reload"))
    # A poll that was cut off has nothing to say about it.
    assert server.journal("--grep=Traceback") == []


def test_a_stop_lets_what_is_paid_for_arrive(server: Server) -> None:
    hub = server.town.hub
    hub.seconds_per_image = 2.0
    page, painted = server.add("Last order"), hub.painted
    until(
        lambda: (
            server.town.workspace.read_cells(page).get("Image status") == "Queued"
            or "1 generating" in server.machine.show(_UNIT, "StatusText")
        ),
        10,
        "not begun",
    )
    until(
        lambda: "1 generating" in server.machine.show(_UNIT, "StatusText"), 10, "idle"
    )
    server.machine.run("systemctl", "stop", _UNIT)
    hub.seconds_per_image = 0.0
    assert server.machine.show(_UNIT, "Result") == "success"
    assert hub.painted == painted + 1
    server.start()
    server.illustrated(page)
    assert hub.painted == painted + 1


def test_one_by_hand_is_refused_beside_it(server: Server) -> None:
    town = server.town
    environ = [
        f"NOTION_TOKEN={town.workspace.token}",
        f"HUGGINGFACE_TOKEN={town.hub.token}",
        f"POSTBRUSH_NOTION__BASE_URL={town.url}",
        "POSTBRUSH_DATA_DIR=/tmp/by-hand",
        "POSTBRUSH_CONFIG=",
    ]
    until(
        lambda: "last poll" in server.machine.show(_UNIT, "StatusText"), 10, "no poll"
    )
    refused = server.machine.run(
        "env", *environ, "/opt/postbrush/current/bin/postbrush", "run", check=False
    )
    assert refused.returncode == 2, refused.stderr
    assert "sudo systemctl stop postbrush" in refused.stderr
