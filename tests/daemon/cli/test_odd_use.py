"""What a stranger met: signals, odd outputs, things that were held before."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from tests.daemon.cli.desk import Desk
from tests.daemon.cli.process import COMMAND
from tests.search import thinned


async def test_one_ctrl_c_waits_for_the_image_that_is_paid_for(desk: Desk) -> None:
    desk.town.hub.seconds_per_image = 2.0
    painting = asyncio.Event()
    desk.town.hub.changed = painting.set
    process = await desk._start("generate", "A red bike", environ={})
    async with asyncio.timeout(60):
        await painting.wait()
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert process.returncode == 130
    assert b"Stopping when the current image is finished" in err
    assert b"Traceback" not in out + err
    kept = list((desk.folder / "images").glob("flux_*.png"))
    assert len(kept) == desk.town.hub.painted == 1
    job = await desk.cli("costs", "--json")
    assert '"images": 1' in job.out


async def test_a_second_ctrl_c_cuts_it_off_and_says_so(desk: Desk) -> None:
    desk.town.hub.seconds_per_image = 30.0
    painting = asyncio.Event()
    desk.town.hub.changed = painting.set
    process = await desk._start("generate", "A red bike", environ={})
    async with asyncio.timeout(20):
        await painting.wait()
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        await process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err


async def test_once_knows_what_was_held_before(desk: Desk) -> None:
    for number in range(3):
        desk.add(f"Post {number}", f"Bread number {number}.")
    few = {"POSTBRUSH_POSTS__APPROVE_ABOVE": "2"}
    assert (await desk.cli("once", **few)).code == 1
    again = await desk.cli("once", **few)
    assert again.code == 1
    assert desk.town.hub.painted == 0
    made = await desk.cli("once", "--yes", **few)
    assert made.code == 0
    assert desk.town.hub.painted == 3


async def test_an_empty_file_is_no_database_yet(desk: Desk) -> None:
    (desk.folder / "postbrush.db").touch()
    result = await desk.cli("status")
    assert (result.code, "does not exist yet" in result.err) == (2, True)
    (desk.folder / "postbrush.db").unlink()
    (desk.folder / "postbrush.db").mkdir()
    result = await desk.cli("status")
    assert (result.code, "is a folder. Move it away" in result.err) == (2, True)


@pytest.mark.parametrize("words", thinned(["check", "providers", "status"], every=3))
async def test_an_output_without_our_signs_loses_the_signs_only(
    desk: Desk, words: str
) -> None:
    desk.add()
    await desk.cli("once")
    result = await desk.cli(words, PYTHONIOENCODING="ascii")
    assert result.err == ""
    assert result.out
    closed = await asyncio.create_subprocess_shell(
        f"exec {COMMAND} {words} >&- 2>&-", cwd=desk.folder, env=desk.environ
    )
    assert await closed.wait() == result.code


@pytest.mark.parametrize(
    "words", [("status",), pytest.param(("status", "--json"), marks=pytest.mark.long)]
)
async def test_an_output_that_takes_nothing_is_said_in_one_line(
    desk: Desk, words: tuple[str, ...]
) -> None:
    desk.add()
    await desk.cli("once")
    full = os.open("/dev/full", os.O_WRONLY)
    code, err = await _writing_to(desk, full, *words)
    os.close(full)
    assert (code, err) == (1, "postbrush: No space left on device\n")
    reader, writer = os.pipe()
    os.close(reader)
    code, err = await _writing_to(desk, writer, *words)
    os.close(writer)
    assert code == 1
    assert err in {"", "postbrush: The reader of the output has closed the pipe\n"}


async def _writing_to(desk: Desk, out: int, *words: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        COMMAND,
        *words,
        cwd=desk.folder,
        env=desk.environ,
        stdout=out,
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    return process.returncode, err.decode()


async def test_a_start_that_failed_is_an_error_in_the_journal(desk: Desk) -> None:
    journal = desk.folder / "journal"
    with journal.open("wb") as stream:
        status = os.fstat(stream.fileno())
        process = await asyncio.create_subprocess_exec(
            COMMAND,
            "run",
            cwd=desk.folder,
            env={
                **desk.environ,
                "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}",
                "POSTBRUSH_CHAIN": '["nobody"]',
            },
            stderr=stream,
        )
        assert await process.wait() == 2
    first, *rest = journal.read_text().splitlines()
    assert first.startswith("<3>postbrush: POSTBRUSH_CHAIN: 'nobody' is not a provider")
    assert all(line.startswith("<3>postbrush: ") for line in rest)


async def test_a_data_folder_that_is_a_file_is_seen_by_check(desk: Desk) -> None:
    (desk.folder / "data").write_text("not a folder")
    result = await desk.cli("check", POSTBRUSH_DATA_DIR=str(desk.folder / "data"))
    assert result.code == 1
    assert "is not a folder" in result.out


async def test_a_job_made_by_a_command_is_in_the_log(desk: Desk) -> None:
    page = desk.add("Bread day")
    async with desk.daemon() as daemon:
        await daemon.says("job.done")
        await desk.cli("regenerate", page)
        await daemon.says("job.done", times=2)
        queued = await daemon.says("job.queued", times=2)
        assert queued["reason"] == "regenerate"


@pytest.mark.parametrize(
    "zone", thinned(["CET-1CEST", "<+03>-3", "../x", "Mars/Olympus"], every=4)
)
async def test_a_time_zone_that_is_no_name_is_utc_and_one_line(
    desk: Desk, zone: str
) -> None:
    desk.environ["TZ"] = zone
    page = desk.add()
    once = await desk.cli("once")
    assert (once.code, desk.shows(page)) == (0, "Done"), once.err
    said = once.out + once.err
    assert said.count(f"TZ={zone} is not the name of a time zone") == 1
    assert "Traceback" not in said
    for words in (("status",), ("jobs",), ("job", "1"), ("costs",), ("why", "A post")):
        shown = await desk.cli(*words)
        # Nothing runs, which `status` tells by its exit code.
        assert (shown.code, shown.err) == (int(words == ("status",)), ""), words
    checked = (await desk.cli("check", "--json")).json
    (row,) = [row for row in checked if row["what"] == "time zone"]
    assert "Europe/Berlin" in row["todo"]
