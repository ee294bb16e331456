"""SIGHUP and SIGTERM in every order, sent to the real process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.cli.desk import QUICK, Daemon, Desk
from tests.daemon.service.manager import Manager, listening

ROOT = Path(__file__).resolve().parents[3]

_SLOW = 3600.0
_CARDS = f'chain = ["freeapi"]\n{QUICK}'


@pytest.fixture
def finish(desk: Desk) -> asyncio.Event:
    """An image takes until this is set."""
    done = asyncio.Event()

    async def paint(_seconds: float) -> None:
        await done.wait()

    desk.town.hub.sleep = paint
    return done


def _as_service(manager: Manager) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.address, "INVOCATION_ID": "0" * 32}


def _turns(manager: Manager) -> list[str]:
    """What it told of its life, without the line of status."""
    told = [line.split("\n")[0] for line in manager.heard()]
    return [line for line in told if not line.startswith("STATUS=")]


def _painting(desk: Desk) -> Callable[[], bool]:
    return lambda: desk.town.hub.painted > 0


async def _reload(daemon: Daemon, says: str = "config.reloaded", times: int = 1) -> Any:  # noqa: ANN401 - JSON
    daemon.process.send_signal(signal.SIGHUP)
    return await daemon.says(says, times)


def _calls(desk: Desk) -> list[str]:
    asked = desk.ask("select outcome from attempts where job_id = 1 order by id")
    return [outcome for (outcome,) in asked]


async def test_a_reload_goes_on_in_the_same_process_with_the_new_settings(
    desk: Desk,
) -> None:
    before = desk.add()
    with listening(str(desk.folder / "notify")) as manager:
        manager.follow()
        async with desk.daemon(**_as_service(manager)) as daemon:
            await desk.until(lambda: desk.shows(before) == "Done")
            desk.configure(_CARDS)
            line = await _reload(daemon)
            assert line["message"].endswith(f"from {desk.folder / 'postbrush.toml'}")
            await daemon.says("daemon.ready", times=2)
            after = desk.add("Later", "Cake.")
            await desk.until(lambda: desk.shows(after) == "Card")
            lock = (desk.folder / "postbrush.lock").read_text()
            assert str(daemon.process.pid) in lock
            assert await daemon.end() == 0
        told = _turns(manager)
    assert told == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]


def _wrong(path: Path) -> None:
    path.write_text(f"{_CARDS}rubbish = 1\n[nonsense]\nx = 2\n")


def _gone(path: Path) -> None:
    path.unlink()


def _folder(path: Path) -> None:
    path.mkdir()


def _binary(path: Path) -> None:
    path.rmdir()
    path.write_bytes(b"\xff\xfe\x00")


async def test_a_wrong_configuration_is_refused_in_one_line_and_the_old_one_stays(
    desk: Desk,
) -> None:
    path = desk.folder / "postbrush.toml"
    with listening(str(desk.folder / "notify")) as manager:
        manager.follow()
        environ = {**_as_service(manager), "POSTBRUSH_CONFIG": str(path)}
        async with desk.daemon(**environ) as daemon:
            await manager.hears("READY=1")
            for times, spoil in enumerate([_wrong, _gone, _folder, _binary], 1):
                spoil(path)
                line = await _reload(daemon, "config.refused", times)
                assert line["level"] == "error"
                assert "The previous configuration stays in use" in line["message"]
                if spoil is _wrong:
                    # Each of its problems is named.
                    assert re.search("rubbish.*; .*nonsense", line["message"])
            page = desk.add()
            await desk.until(lambda: desk.shows(page) == "Done")
            desk.configure(_CARDS)
            await _reload(daemon)
            await manager.hears("READY=1", times=6)
            assert await daemon.end() == 0
        told = _turns(manager)
    assert told == ["READY=1", *["RELOADING=1", "READY=1"] * 5, "STOPPING=1"]
    assert "Traceback" not in "".join(daemon.raw)


@pytest.mark.sqlite_only  # the environment, which has the address then, wins
async def test_another_folder_or_database_takes_a_restart_and_nothing_of_it_is_taken(
    desk: Desk,
) -> None:
    token = desk.environ.pop("NOTION_TOKEN")
    secret = desk.folder / "secrets" / "NOTION_TOKEN"
    secret.parent.mkdir()
    secret.write_text(token)
    secret.chmod(0o600)
    async with desk.daemon() as daemon:
        secret.write_text("ntn_" + "0" * 40)
        desk.configure(f'data_dir = "elsewhere"\n{_CARDS}[log]\nlevel = "error"\n')
        line = await _reload(daemon, "config.refused")
        assert "data_dir" in line["message"]
        url = "postgresql://me:s3cret-Pass@127.0.0.1:1/x"
        desk.configure(f'{_CARDS}[database]\nurl = "{url}"\n')
        line = await _reload(daemon, "config.refused", times=2)
        assert "database.url" in line["message"]
        page = desk.add(f"A post about {token}", "Bread.")
        # It is as loud as before, and keeps the same secrets.
        await daemon.says("job.done")
        assert desk.shows(page) == "Done"
        assert not (desk.folder / "elsewhere").exists()
    assert token not in "".join(daemon.raw)


@pytest.mark.sqlite_only  # as above
async def test_the_command_says_why_the_old_configuration_stays(desk: Desk) -> None:
    nobody = await desk.cli("reload")
    assert (nobody.code, "No daemon answers in" in nobody.err) == (2, True)
    async with desk.daemon() as daemon:
        desk.configure(f'{_CARDS}[database]\nurl = "postgresql://me@127.0.0.1:1/x"\n')
        refused = await desk.cli("reload")
        assert (refused.code, refused.err.count("\n")) == (2, 1)
        assert "database.url has changed. Restart postbrush to use it" in refused.err
        desk.configure(_CARDS)
        assert (await desk.cli("reload")).code == 0
        await daemon.says("config.reloaded")


async def test_reloads_in_a_row_cut_nothing_and_the_last_one_counts(
    desk: Desk, finish: asyncio.Event
) -> None:
    page = desk.add()
    async with desk.daemon() as daemon:
        await desk.until(_painting(desk))
        await _reload(daemon)
        desk.configure(_CARDS)
        await _reload(daemon, times=2)
        desk.configure("rubbish = 1")
        await _reload(daemon, "config.refused")
        finish.set()
        await desk.until(lambda: desk.shows(page) == "Done")
        await daemon.says("daemon.ready", times=2)
        after = desk.add("Later", "Cake.")
        await desk.until(lambda: desk.shows(after) == "Card")
        # Nobody waits between these.
        desk.configure(QUICK)
        for _ in range(5):
            daemon.process.send_signal(signal.SIGHUP)
        last = desk.add("Last", "Pie.")
        await desk.until(lambda: desk.shows(last) == "Done")
        assert await daemon.end() == 0
    assert _calls(desk) == ["image"]


async def test_a_stop_right_after_a_reload_ends_it(desk: Desk) -> None:
    async with desk.daemon() as daemon:
        daemon.process.send_signal(signal.SIGHUP)
        assert await daemon.end() == 0
    assert "Traceback" not in "".join(daemon.raw)


@pytest.mark.parametrize("stops", [1, 2])
async def test_after_a_reload_it_takes_two_stops_to_cut(
    desk: Desk, finish: asyncio.Event, stops: int
) -> None:
    desk.add()
    with listening(str(desk.folder / "notify")) as manager:
        manager.follow()
        async with desk.daemon(**_as_service(manager)) as daemon:
            await desk.until(_painting(desk))
            await _reload(daemon)
            for times in range(1, stops + 1):
                daemon.process.send_signal(signal.SIGTERM)
                await manager.hears("STOPPING=1", times)
            # Nothing is reloaded any more.
            daemon.process.send_signal(signal.SIGHUP)
            if stops == 1:
                finish.set()
            assert await asyncio.wait_for(daemon.process.wait(), 20) == 0
            finish.set()
    assert [line["event"] for line in daemon.lines].count("config.reloaded") == 1
    assert _calls(desk) == [{1: "image", 2: "unknown"}[stops]]


#: Sends itself a SIGHUP at the very end, while another thread does not block it.
_HUNG_UP_LAST = """
import atexit, os, signal, sys, threading; from daemon.cli.main import main
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
threading.Thread(target=threading.Event().wait, daemon=True).start()
atexit.register(os.kill, os.getpid(), signal.SIGHUP); sys.exit(main())
"""


async def test_a_reload_that_comes_in_the_last_moment_kills_nobody(desk: Desk) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _HUNG_UP_LAST, "run"),
        cwd=desk.folder,
        env={**desk.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while b"daemon.ready" not in await process.stdout.readline():
            assert process.returncode is None
        process.send_signal(signal.SIGTERM)
        output = await process.stdout.read()
        assert await process.wait() == 0
    assert b"daemon.stopped" in output


async def test_a_reload_that_comes_while_it_starts_is_done_when_it_has(
    desk: Desk,
) -> None:
    path, pipe = desk.folder / "postbrush.toml", desk.folder / "pipe.toml"
    os.mkfifo(pipe)
    process = await desk._start(
        "run", environ={"POSTBRUSH_CONFIG": str(pipe)}, merged=True
    )
    daemon = Daemon(process)
    listening_ = asyncio.create_task(daemon.listen())
    # It is open as soon as the configuration is about to be read.
    with await asyncio.to_thread(pipe.open, "w") as first:
        path.replace(pipe)
        process.send_signal(signal.SIGHUP)
        first.write("[posts]\nwait_after_edit = '0s'\n")
    await daemon.says("config.reloaded")
    await daemon.says("daemon.ready")
    page = desk.add()
    await desk.until(lambda: desk.shows(page) == "Done")
    assert await daemon.end() == 0
    await listening_


async def test_a_stop_in_the_middle_of_a_poll_is_said_in_one_line(desk: Desk) -> None:
    desk.town.workspace.inject_fault("/query", delay=_SLOW)
    async with desk.daemon() as daemon:
        await desk.until(lambda: not desk.town.workspace.faults.waiting)
        assert await daemon.end() == 0
    # The account of flux may have answered before.
    events = [line["event"] for line in daemon.lines if line["event"] != "account.read"]
    assert events == ["daemon.ready", "daemon.stopped"]
    assert len(daemon.raw) == len(daemon.lines)


async def test_a_stop_does_not_wait_for_notion_to_say_whether_it_is_a_second_one(
    desk: Desk,
) -> None:
    made = desk.folder / "bin" / "systemctl"
    made.parent.mkdir()
    made.write_text(
        "#!/bin/sh\necho ActiveState=active\n"
        "echo \"StatusText='X' (deadbeef), last poll 1\"\n"
    )
    made.chmod(0o755)
    desk.town.workspace.inject_fault("/users/me", delay=_SLOW)
    search = {"PATH": f"{made.parent}:{desk.environ['PATH']}"}
    process = await desk._start("run", environ=search, merged=True)
    await desk.until(lambda: not desk.town.workspace.faults.waiting)
    process.send_signal(signal.SIGTERM)
    out, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0
    assert b"Traceback" not in out
