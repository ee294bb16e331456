"""The daemon as a process: stopped, killed, started twice, given rubbish."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db.sqlite import Sqlite
from tests.daemon.cli.desk import QUICK, Desk
from tests.daemon.cli.process import COMMAND

_SLOW = 3600.0
_ENDS = {"Done", "Card"}


def _painting(desk: Desk) -> bool:
    return desk.town.hub.painted > 0


async def test_a_stop_lets_a_paid_call_finish_and_the_next_start_uploads_it(
    desk: Desk,
) -> None:
    finish = asyncio.Event()

    async def paint(_seconds: float) -> None:
        await finish.wait()

    desk.town.hub.sleep = paint
    page = desk.add()
    async with desk.daemon() as daemon:
        await desk.until(lambda: _painting(desk))
        daemon.process.send_signal(signal.SIGTERM)
        await daemon.says("daemon.stopping")
        finish.set()
        assert await daemon.process.wait() == 0
    async with desk.daemon() as daemon:
        await desk.until(lambda: desk.shows(page) == "Done")
        assert await daemon.end(signal.SIGINT) == 0
    assert len(desk.town.hub.served) == 1
    assert len(desk.town.workspace.list_files(page)) == 1


async def test_a_second_signal_does_not_wait_for_anybody(desk: Desk) -> None:
    desk.town.hub.seconds_per_image = _SLOW
    desk.add()
    async with desk.daemon() as daemon:
        await desk.until(lambda: _painting(desk))
        daemon.process.send_signal(signal.SIGTERM)
        await daemon.says("daemon.stopping")
        assert await daemon.end(signal.SIGTERM) == 0
    calls = (await desk.cli("job", "1", "--json")).json["attempts"]
    assert [call["outcome"] for call in calls] == ["unknown"]


async def test_killed_while_generating_the_call_is_counted_and_made_again(
    desk: Desk,
) -> None:
    desk.town.hub.seconds_per_image = _SLOW
    page = desk.add()
    async with desk.daemon() as daemon:
        await desk.until(lambda: _painting(desk))
        await daemon.end(signal.SIGKILL)
    desk.town.hub.seconds_per_image = 0.0
    async with desk.daemon() as daemon:
        await daemon.says("job.rescued")
        await daemon.says("job.done")
    calls = (await desk.cli("job", "1", "--json")).json["attempts"]
    assert [call["outcome"] for call in calls] == ["unknown", "image"]
    assert all(call["included_cost"] > 0 for call in calls)
    assert len(desk.town.workspace.list_files(page)) == 1


async def test_killed_while_uploading_the_image_is_paid_for_once(desk: Desk) -> None:
    page = desk.add()
    desk.town.workspace.inject_fault("/send", delay=_SLOW)
    async with desk.daemon() as daemon:
        await desk.until(lambda: bool(desk.town.workspace.uploads.files))
        await daemon.end(signal.SIGKILL)
    async with desk.daemon() as daemon:
        await daemon.says("job.done")
    assert len(desk.town.hub.served) == 1
    assert len(desk.town.workspace.list_files(page)) == 1
    assert desk.shows(page) == "Done"


@pytest.mark.long
async def test_killed_again_and_again_every_post_gets_one_image(desk: Desk) -> None:
    pages = [desk.add(f"Post {n}", f"Bread number {n}.") for n in range(6)]
    space = desk.town.workspace
    for wait_for in (4, 5, 7, 8, 9, 11, 13):
        end = len(space.requests) + wait_for

        def enough(end: int = end) -> bool:
            return len(space.requests) >= end

        async with desk.daemon() as daemon:
            await desk.until(enough)
            await daemon.end(signal.SIGKILL)
    async with desk.daemon():
        # A card where three calls were paid for and lost: money is bounded.
        await desk.until(lambda: all(desk.shows(page) in _ENDS for page in pages))
    for one in pages:
        assert len(desk.town.workspace.list_files(one)) == 1
    if isinstance(desk.place, Sqlite):
        assert desk.ask("pragma integrity_check") == [("ok",)]
    on_disk = {path.name for path in (desk.folder / "images").iterdir()}
    recorded = {name for (name,) in desk.ask("select name from images")}
    assert recorded <= on_disk
    assert not [name for name in on_disk if name.endswith(".tmp")]


async def test_a_second_daemon_is_refused_and_the_first_goes_on(desk: Desk) -> None:
    async with desk.daemon() as daemon:
        second = await desk.cli("run")
        assert second.code == 2
        assert str(daemon.process.pid) in second.err
        page = desk.add()
        await daemon.says("job.done")
        assert desk.shows(page) == "Done"


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"\n", b"\xff\xfe\x00", b"{" * 5000, b'{"ask": 7}\n', b"stop\n" * 9],
)
async def test_rubbish_on_the_socket_harms_nobody(desk: Desk, rubbish: bytes) -> None:
    async with desk.daemon() as daemon:
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(str(desk.folder / "postbrush.sock"))
            caller.sendall(rubbish)
        status = (await desk.cli("status", "--json")).json
        assert status["daemon"]["running"] is True
        assert await daemon.end() == 0


def _not_a_database(folder: Path) -> None:
    (folder / "postbrush.db").write_bytes(b"rubbish, and a lot of it " * 400)


def _newer(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "postbrush.db")) as db, db:
        db.execute("update alembic_version set version_num = 'z9_later'")


def _file_for_folder(folder: Path) -> None:
    for path in (folder / "images").iterdir():
        path.unlink()
    (folder / "images").rmdir()
    (folder / "images").write_text("a file")


@pytest.mark.sqlite_only  # a file can be spoilt
@pytest.mark.parametrize(
    ("spoil", "tells"),
    [
        (_not_a_database, "database"),
        (_newer, "newer"),
        (_file_for_folder, "images"),
    ],
)
async def test_a_spoilt_data_folder_is_refused_and_kept(
    desk: Desk, spoil: object, tells: str
) -> None:
    await desk.cli("once")
    assert callable(spoil)
    spoil(desk.folder)
    before = (desk.folder / "postbrush.db").read_bytes()
    result = await desk.cli("run")
    assert result.code == 2
    lines = result.err.splitlines() or result.out.splitlines()
    assert len(lines) == 1
    assert tells in lines[0]
    assert (desk.folder / "postbrush.db").read_bytes() == before


async def test_a_token_that_is_refused_says_what_to_do(desk: Desk) -> None:
    async with desk.daemon(HUGGINGFACE_TOKEN="hf_" + "x" * 30) as daemon:
        page = desk.add()
        await daemon.says("job.done")
        opened = await daemon.says("breaker.opened")
        assert "token" in opened["message"]
        assert "x" * 30 not in "".join(daemon.raw)
    assert desk.shows(page) == "Card"


async def test_an_idle_daemon_asks_one_query_a_poll_and_writes_nothing(
    desk: Desk,
) -> None:
    desk.configure(QUICK.replace('"1s"', '"200ms"'))
    desk.add()
    async with desk.daemon() as daemon:
        await daemon.says("job.done")
        space = desk.town.workspace
        asked = len(space.requests)
        await desk.until(lambda: len(space.requests) >= asked + 4)
        files = {
            path.name: (path.stat().st_mtime_ns, path.stat().st_size)
            for path in desk.folder.glob("postbrush.db*")
        }
        said, asked = len(daemon.raw), len(space.requests)
        await desk.until(lambda: len(space.requests) >= asked + 5)
        assert {
            request.path.rsplit("/", 1)[-1] for request in space.requests[asked:]
        } == {"query"}
        assert len(daemon.raw) == said
        assert {
            path.name: (path.stat().st_mtime_ns, path.stat().st_size)
            for path in desk.folder.glob("postbrush.db*")
        } == files


@pytest.mark.sqlite_only  # in a folder of its own
async def test_the_demo_shows_itself_and_ends_with_ctrl_c(desk: Desk) -> None:
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "demo", "--port", "0"),
        cwd=desk.folder,
        env={"PATH": desk.environ["PATH"], "HOME": str(desk.folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    seen = b""
    async with asyncio.timeout(60):
        while b"job.done" not in seen:
            seen += await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        seen += await process.stdout.read()
        assert await process.wait() == 0
    assert b"Open http://127.0.0.1:" in seen
    assert b"Nothing was kept" in seen
    assert b"Traceback" not in seen
    assert list(desk.folder.iterdir()) == [desk.folder / "postbrush.toml"]


async def test_a_demo_on_a_port_in_use_says_which_option_helps(desk: Desk) -> None:
    result = await desk.cli("demo", "--port", str(desk.town.port))
    assert result.code == 2
    assert "--port" in result.err
    assert len(result.err.splitlines()) == 1


async def test_every_line_of_the_log_is_json_for_machines(desk: Desk) -> None:
    desk.configure(QUICK)
    async with desk.daemon() as daemon:
        desk.add("Ünïcode \x1b[31m \n newline", "Bread.")
        await daemon.says("job.done")
    assert all(json.loads(line) for line in daemon.raw)
    assert not any("\x1b" in line for line in daemon.raw)
