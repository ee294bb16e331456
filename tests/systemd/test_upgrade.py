"""Backups, a night without power, a new version, a bad one, and the end of it all."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from db.upgrade import HEAD
from tests.systemd.conftest import DATA, SETTINGS, UNITS, Server, make_newest
from tests.systemd.machine import ROOT
from tests.waiting import until

pytestmark = pytest.mark.timeout(600)

_UNIT, _TIMER = "postbrush.service", "postbrush-backup.timer"
#: For a version that does not get as far as to run: it need not be compiled.
_HASTY = "PIP_NO_COMPILE=1"


def test_backups_are_made_and_can_be_put_back(server: Server) -> None:
    run = server.machine.run
    assert server.machine.show(_TIMER, "ActiveState") == "active"
    server.illustrated(server.add("Worth keeping"))
    run("systemctl", "start", "postbrush-backup.service")
    made = run("ls", f"{DATA}/backups").stdout.split()
    name, *_, shared = sorted(made, reverse=True)
    assert shared == "images"
    images = len(run("ls", f"{DATA}/images").stdout.split())
    # The service's user may link the images, so that they need no more room.
    links = run("sh", "-c", f"find {DATA}/images -type f -links 2 | wc -l").stdout
    assert int(links) == images
    run("systemctl", "stop", _UNIT)
    run("sh", "-c", f"rm -r {DATA}/images {DATA}/postbrush.db*")
    run("postbrush", "restore", f"/var/lib/postbrush/backups/{name}")
    run("systemctl", "start", _UNIT)
    assert len(run("ls", f"{DATA}/images").stdout.split()) == images
    assert run("postbrush", "verify", "--offline").stdout == "No problems found.\n"
    run("sh", "-c", "postbrush backup - > /srv/again.tar")
    assert "manifest.json" in run("tar", "-tf", "/srv/again.tar").stdout


def test_its_data_survive_a_night_without_power(server: Server) -> None:
    jobs = server.machine.run("postbrush", "jobs", "--json").stdout
    server.machine.off()
    server.machine.boot()
    until(
        lambda: server.machine.show(_UNIT, "ActiveState") == "active", 20, "not started"
    )
    assert server.machine.run("postbrush", "jobs", "--json").stdout == jobs
    server.illustrated(server.add("In the morning"))


def test_an_upgrade_keeps_configuration_and_data(server: Server) -> None:
    """From the release before, whose database lacks a migration."""
    run = server.machine.run
    before = run("cat", SETTINGS).stdout, run("postbrush", "jobs", "--json").stdout
    old = _revision(server)
    assert old != HEAD
    assert run("postbrush", "--version").stdout == "postbrush 0.0.9\n"
    make_newest(server.source)
    # A name of 0.1.0 is replaced.
    server.machine.write(SETTINGS, _older_names(before[0]))
    # What the owner has switched off stays off.
    run("systemctl", "disable", "--now", "--quiet", _TIMER)
    said = server.install()
    assert said.returncode == 0, said.stderr
    assert "upgraded; it is running" in said.stdout
    assert server.machine.show(_TIMER, "ActiveState") == "inactive"
    assert run("systemctl", "is-enabled", _TIMER, check=False).stdout == "disabled\n"
    after = run("cat", SETTINGS).stdout, run("postbrush", "jobs", "--json").stdout
    assert (after, _revision(server)) == (before, HEAD)
    assert run("ls", f"{DATA}/postbrush.db.before-{HEAD}-was-{old}").returncode == 0
    assert run("postbrush", "--version").stdout != "postbrush 0.0.9\n"
    assert "posts.settle is now posts.wait_after_edit" in said.stdout
    # `init` may have kept a file there before.
    kept = run("sh", "-c", f"ls {SETTINGS}.bak*").stdout.split()
    assert _older_names(before[0]) in [run("cat", name).stdout for name in kept]
    assert server.machine.show(_UNIT, "ActiveState") == "active"
    server.illustrated(server.add("After the upgrade"))


def _older_names(settings: str) -> str:
    assert "wait_after_edit" in settings
    return settings.replace("wait_after_edit", "settle")


def test_wrong_settings_stop_an_upgrade_before_it_stops_anything(
    server: Server,
) -> None:
    server.configure("rubbish = 1")
    older = _older_names(server.machine.run("cat", SETTINGS).stdout)
    server.machine.write(SETTINGS, older)
    said = server.install(_HASTY)
    assert server.machine.run("cat", SETTINGS).stdout == older
    server.configure()
    assert said.returncode != 0
    assert "rubbish is not a setting" in said.stderr
    assert "correct what is named above" in said.stderr
    assert "nothing was changed; the old version stays" in said.stderr
    assert server.machine.show(_UNIT, "ActiveState") == "active"
    assert server.machine.show(_UNIT, "NRestarts") == "0"


def test_an_upgrade_that_is_killed_is_finished_by_the_next(server: Server) -> None:
    """While it waits for an image in work, which people will not want to wait for."""
    baked = threading.Event()
    server.town.hub.sleep = lambda _seconds: _seen(baked)
    server.configure(timeout="10m")
    server.machine.run("systemctl", "reload", _UNIT)
    page = server.add("Slow bread")
    until(
        lambda: "1 generating" in server.machine.show(_UNIT, "StatusText"), 30, "idle"
    )
    with ThreadPoolExecutor(2) as aside:
        killed = aside.submit(server.install, _HASTY)
        until(
            lambda: server.machine.show(_UNIT, "ActiveState") == "deactivating",
            240,
            "it did not come that far",
        )
        second = aside.submit(server.install).result()
        server.machine.run("pkill", "-9", "-f", "systemd/install.sh")
        # What it had asked to stop still stops, once its image is there.
        baked.set()
        assert killed.result().returncode != 0
    assert second.returncode != 0
    assert "another install is under way" in second.stderr
    until(
        lambda: server.machine.show(_UNIT, "ActiveState") == "inactive", 60, "not down"
    )
    server.town.hub.sleep = asyncio.sleep
    server.configure()
    said = server.install()
    assert said.returncode == 0, said.stderr
    assert server.machine.show(_UNIT, "ActiveState") == "active"
    server.illustrated(page)


async def _seen(happened: threading.Event) -> None:
    await asyncio.to_thread(happened.wait, 300)


def test_a_new_version_that_does_not_start_is_taken_back(server: Server) -> None:
    """One that changes the database first, and then breaks."""
    broken = server.source / "daemon" / "supervisor.py"
    whole = broken.read_text()
    jobs = server.machine.run("postbrush", "jobs", "--json").stdout
    revision = _revision(server)
    try:
        assert "await self._run_until_stopped()" in whole
        broken.write_text(whole.replace("await self._run_until_stopped()", "1 / 0"))
        _add_revision(server, revision)
        said = server.install()
    finally:
        broken.write_text(whole)
        _remove_revision(server)
    assert said.returncode != 0, said.stdout
    assert "the upgrade was taken back, and the old version runs" in said.stderr
    assert "ZeroDivisionError" in said.stderr
    assert server.machine.show(_UNIT, "ActiveState") == "active"
    assert _revision(server) == revision
    assert server.machine.run("postbrush", "jobs", "--json").stdout == jobs
    server.illustrated(server.add("As if nothing had happened"))


_ASK_REVISION = (
    "import sqlite3, sys; print(sqlite3.connect(sys.argv[1])"
    ".execute('SELECT version_num FROM alembic_version').fetchone()[0])"
)


def _revision(server: Server) -> str:
    said = server.machine.run("python3", "-c", _ASK_REVISION, f"{DATA}/postbrush.db")
    return said.stdout.strip()


def _add_revision(server: Server, after: str) -> None:
    text = (
        f"revision = 'zz'\ndown_revision = '{after}'\n"
        "branch_labels = depends_on = None\n\n"
        "def upgrade():\n    from alembic import op\n    op.drop_table('pauses')\n"
    )
    (server.source / "migrations/versions/rev_zz_broken.py").write_text(text)
    head = server.source / "db" / "upgrade.py"
    more = "REVISIONS = (*REVISIONS, 'zz')\nHEAD = "
    head.write_text(head.read_text().replace("HEAD = ", more, 1))


def _remove_revision(server: Server) -> None:
    (server.source / "migrations/versions/rev_zz_broken.py").unlink()
    (server.source / "db/upgrade.py").write_text((ROOT / "db/upgrade.py").read_text())


def test_it_goes_and_leaves_the_data_or_takes_them_along(server: Server) -> None:
    run = server.machine.run
    said = run("make", "--directory=/src", "--silent", "uninstall").stdout
    assert "/var/lib/postbrush" in said
    assert run("ls", f"{DATA}/images").stdout
    left = run("sh", "-c", "systemctl list-unit-files 'postbrush*' --no-legend || true")
    assert left.stdout.strip() == ""
    assert not (server.machine.root / "usr/local/bin/postbrush").exists()
    painted = server.town.hub.painted
    assert server.install().returncode == 0
    until(
        lambda: "last poll" in server.machine.show(_UNIT, "StatusText"), 20, "no poll"
    )
    assert server.town.hub.painted == painted
    for unit in (_UNIT, _TIMER, "postbrush-backup.service"):
        server.machine.write(f"{UNITS}/{unit}.d/mine.conf", "[Service]\nNice=5\n")
    run("make", "--directory=/src", "--silent", "uninstall", "PURGE=1")
    found = run(
        "sh",
        "-c",
        f"ls -d {UNITS}/postbrush* /opt/postbrush /etc/postbrush /var/lib/postbrush "
        "/var/lib/private/postbrush /etc/credstore/postbrush.* || true",
    ).stdout
    assert found == ""
