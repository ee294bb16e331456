"""The container, built and run: what DESIGN section 8a promises."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import urllib.error
import urllib.request
from pathlib import Path
from signal import SIGTERM

import pytest

from daemon.pretend.server import FakeServer
from tests.container.conftest import NEWEST, give_secrets
from tests.container.podman import LARGEST, Container, Podman
from tests.waiting import until

pytestmark = pytest.mark.timeout(300)


def _add(town: FakeServer, title: str) -> str:
    values = {"Name": title, "Post": f"About {title}."}
    return str(town.workspace.add_page(town.source.id, values))


def _has_image(town: FakeServer, page: str) -> bool:
    return town.workspace.read_cells(page).get("Image status") == "Done"


def _wait_for_image(box: Container, town: FakeServer, page: str) -> None:
    until(lambda: _has_image(town, page), 30, lambda: "\n".join(box.log()))


def _wait_until_healthy(box: Container) -> None:
    until(
        lambda: box.execute("postbrush", "healthcheck").returncode == 0,
        20,
        lambda: "\n".join(box.log()),
    )


def _charged_calls(box: Container) -> int:
    query = "select count(*) from attempts where provider = 'flux'"
    try:
        with sqlite3.connect(f"file:{box.data}/postbrush.db?mode=ro", uri=True) as rows:
            return int(rows.execute(query).fetchone()[0])
    # It is not made yet.
    except sqlite3.OperationalError:
        return 0


def _ask_page(box: Container, path: str) -> tuple[int, str]:
    port = box.environ["POSTBRUSH_WEB__LISTEN"].rpartition(":")[2]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, answer.url
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_it_is_small_and_holds_no_tools(podman: Podman, box: Container) -> None:
    assert podman.size(NEWEST) < LARGEST
    script = "ls /opt/postbrush/bin; find /opt/postbrush -name pip -o -name hatchling"
    box.environ.clear()
    found = podman.run(*box.words("--rm", "--entrypoint=sh"), "-c", script).stdout
    assert "postbrush" in found.split()
    assert "pip" not in found.split()
    assert "postbrush" in box.once("--version").stdout


def test_two_commands_set_it_up_and_start_it(box: Container, town: FakeServer) -> None:
    early = box.once("run")
    assert early.returncode == 2
    assert "docker compose run --rm postbrush init" in early.stderr
    assert "Traceback" not in early.stderr

    shown = box.talk(
        "init",
        answers=[
            ("your input is hidden): ", town.workspace.token),
            ("Which one? [1]", "1"),
            ("Which one? [1]", "1"),
            ("press Enter for cards only", town.hub.token),
        ],
    )
    assert "Start postbrush: docker compose up -d" in shown
    assert town.workspace.token not in shown
    modes = {path: oct(path.stat().st_mode)[-3:] for path in box.data.rglob("*")}
    assert modes[box.data / "secrets" / "NOTION_TOKEN"] == "600"
    assert {path.stat().st_uid for path in modes} == {1000}

    page = _add(town, "In a box")
    box.up()
    _wait_for_image(box, town, page)
    _wait_until_healthy(box)
    assert _ask_page(box, "/")[1].endswith("/login?to=%2F")
    # Every line that it writes is one of JSON, for whoever collects them.
    events = {json.loads(line)["event"] for line in box.log()}
    assert {"daemon.ready", "job.done"} <= events
    status = box.execute("postbrush", "status")
    assert (status.returncode, "1 done" in status.stdout) == (0, True), status


def test_a_card_in_a_script_that_needs_shaping_is_made(box: Container) -> None:
    made = box.once("generate", "خبز طازج كل صباح", "--provider", "freeapi")
    assert made.returncode == 0, made
    assert "libfribidi0" not in made.stderr


def test_it_is_closed_up(box: Container, town: FakeServer) -> None:
    give_secrets(box, town)
    box.up()
    _wait_until_healthy(box)
    script = "id -u; grep CapEff /proc/1/status; touch /opt/x /x; touch /data/x /tmp/x"
    said = box.execute("sh", "-c", script)
    assert said.stdout.split() == ["1000", "CapEff:", "0000000000000000"]
    assert said.stderr.count("Read-only file system") == 2
    assert len(said.stderr.splitlines()) == 2
    command = box.execute("sh", "-c", "tr '\\0' ' ' </proc/1/cmdline").stdout
    assert command.split()[-2:] == ["/opt/postbrush/bin/postbrush", "run"]


def test_an_image_that_is_paid_for_arrives_before_it_stops(
    box: Container, town: FakeServer
) -> None:
    give_secrets(box, town)
    town.hub.seconds_per_image = 4.0
    before = town.hub.painted
    page = _add(town, "Stopped meanwhile")
    box.up()
    until(
        lambda: _charged_calls(box) == 1,
        20,
        lambda: "\n".join(box.log()),
        every=0.1,
    )
    assert box.stop() < 20
    assert box.inspect(".State.ExitCode") == "0"
    assert len(list((box.data / "images").glob("flux_*.png"))) == 1

    # And the next start pays for nothing again.
    box.podman.run("start", box.name)
    _wait_for_image(box, town, page)
    assert (town.hub.painted - before, _charged_calls(box)) == (1, 1)
    assert box.stop() < 10


def test_it_stops_at_once_while_it_starts(box: Container, town: FakeServer) -> None:
    give_secrets(box, town)
    box.up()
    status = Path(f"/proc/{box.inspect('.State.Pid')}/status")
    caught = re.compile(r"^SigCgt:\s*([0-9a-f]+)$", re.MULTILINE)

    def is_handled() -> bool:
        found = caught.search(status.read_text())
        return found is not None and bool(int(found[1], 16) >> (SIGTERM - 1) & 1)

    # The kernel drops what the first process does not handle yet.
    until(is_handled, 20, "SIGTERM is not handled", every=0.02)
    assert box.stop() < 10


def test_the_volume_may_have_another_owner(box: Container, town: FakeServer) -> None:
    # A NAS gives its users other numbers, and the folder is private.
    os.chown(box.data, 4321, 100)
    box.data.chmod(0o700)
    give_secrets(box, town)
    refused = box.once("run")
    assert refused.returncode == 2
    assert "/data cannot be read" in refused.stderr
    assert "1000:1000" in refused.stderr
    assert "Traceback" not in refused.stderr

    box.user = "4321:100"
    page = _add(town, "On a NAS")
    box.up()
    _wait_for_image(box, town, page)
    owners = {path.stat().st_uid for path in box.data.rglob("*")}
    assert owners == {4321}
    assert box.execute("postbrush", "status").returncode == 0


def test_secrets_are_files_that_variables_name(
    box: Container, town: FakeServer
) -> None:
    give_secrets(box, town)
    (box.data / "secrets").rename(box.data / "elsewhere")
    del box.environ["WEB_PASSWORD"]
    (box.data / "elsewhere" / "WEB_PASSWORD").write_text("sesame, open\n")
    box.environ |= {
        f"{name}_FILE": f"/data/elsewhere/{name}"
        for name in ("NOTION_TOKEN", "HUGGINGFACE_TOKEN", "WEB_PASSWORD")
    }
    page = _add(town, "With files")
    box.up()
    _wait_for_image(box, town, page)
    # Without the password, nothing listens beyond the container.
    del box.environ["WEB_PASSWORD_FILE"]
    refused = box.once("run")
    assert refused.returncode == 2
    assert "WEB_PASSWORD" in refused.stderr


def test_an_upgrade_and_the_way_back(
    box: Container, town: FakeServer, older: str
) -> None:
    give_secrets(box, town)
    box.image = older
    first = _add(town, "Before")
    box.up()
    _wait_for_image(box, town, first)
    box.stop()

    box.image = NEWEST
    second = _add(town, "After")
    box.up()
    _wait_for_image(box, town, second)
    box.stop()
    copies = list(box.data.glob("postbrush.db.before-*"))
    assert len(copies) == 1

    # docs/container.md: the copy of the database goes back with the older image.
    box.image = older
    assert "newer postbrush" in box.once("run").stderr
    copies[0].replace(box.data / "postbrush.db")
    for left in box.data.glob("postbrush.db-*"):
        left.unlink()
    third = _add(town, "Back")
    box.up()
    _wait_for_image(box, town, third)
    assert _charged_calls(box) == 2
