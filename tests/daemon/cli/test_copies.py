"""Copies as their owner makes them: a folder of them, a pipe, no room, a terminal."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path

from tests.daemon.cli.desk import Desk
from tests.daemon.cli.process import COMMAND
from tests.daemon.cli.terminal import terminal


async def _shell(desk: Desk, line: str) -> tuple[int, str]:
    """Run a line of shell; `postbrush` in it is ours."""
    process = await asyncio.create_subprocess_shell(
        f'postbrush() {{ {shlex.quote(str(COMMAND))} "$@"; }}; {line}',
        cwd=desk.folder,
        env=desk.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    return process.returncode or 0, out.decode(errors="replace")


def _one_line(out: str, words: str) -> None:
    assert (out.count("\n"), words in out) == (1, True), out


async def test_a_copy_goes_through_a_pipe_and_comes_back(desk: Desk) -> None:
    page = desk.add()
    assert (await desk.cli("once")).code == 0
    there = desk.elsewhere("there").items()
    words = " ".join(f"{name}={shlex.quote(value)}" for name, value in there)
    code, out = await _shell(
        desk, f"postbrush backup - | {words} postbrush restore - --json"
    )
    assert (code, '"images": 1' in out) == (0, True), out
    (image,) = (desk.folder / "images").iterdir()
    copied = desk.folder / "there" / "images" / image.name
    assert copied.read_bytes() == image.read_bytes()
    assert not list(desk.folder.glob("**/.postbrush-*")), page


async def test_a_folder_keeps_the_newest_and_says_what_went(desk: Desk) -> None:
    await desk.cli("migrate")
    folder = desk.folder / "deep" / "copies"
    first = await desk.cli("backup", "--keep", "1", str(folder), "--json")
    # As version 0.1.0 wrote it.
    old = folder / "postbrush-20200101-000000.tar"
    old.write_bytes(b"x")
    (folder / "notes.txt").write_text("mine")
    # The next second has another name.
    made = folder / Path(first.json["file"]).name
    made.rename(folder / "postbrush-20200102-000000.tar.gz")
    again = await desk.cli("backup", "--keep", "2", str(folder), "--json")
    assert again.json["removed"] == [str(old)]
    assert {path.name for path in folder.iterdir()} == {
        "postbrush-20200102-000000.tar.gz",
        "images",
        "notes.txt",
        Path(again.json["file"]).name,
    }
    wrong = await desk.cli("backup", "--keep", "2", "-")
    assert (wrong.code, "--keep needs a folder" in wrong.err) == (2, True)
    assert not (desk.folder / "-").exists()


async def test_no_room_is_said_in_one_line_and_leaves_nothing(desk: Desk) -> None:
    desk.add()
    await desk.cli("once", POSTBRUSH_IMAGES__FORMAT="square")
    # Files may have so many blocks of 512 bytes: the database fits not, or just.
    for blocks, target in ((100, "copy.tar"), (400, "copy.tar"), (400, "- >out.tar")):
        line = f"ulimit -f {blocks}; postbrush backup {target}"
        code, out = await _shell(desk, line)
        assert code == 2, out
        _one_line(out, "cannot ")
        assert not (desk.folder / "copy.tar").exists()
        assert not list(desk.folder.glob(".postbrush-*"))
        assert not list(desk.folder.glob("tmp*"))


async def test_a_reader_that_goes_away_is_said_in_one_line(desk: Desk) -> None:
    desk.add()
    await desk.cli("once")
    _, out = await _shell(desk, "postbrush backup - 2>&3 3>&1 | head -c 1 >/dev/null")
    assert out.count("\n") <= 1, out
    assert "Traceback" not in out


async def test_a_database_that_does_not_exist_is_not_copied(desk: Desk) -> None:
    result = await desk.cli("copy-db", "nowhere.db", "new.db")
    assert (result.code, "nowhere.db does not exist" in result.err) == (2, True)
    assert not (desk.folder / "nowhere.db").exists()
    assert not (desk.folder / "new.db").exists()


async def test_a_terminal_is_given_no_copy_and_asked_for_none(desk: Desk) -> None:
    await desk.cli("migrate")
    for words, says in (("backup", "to a terminal"), ("restore", "from a terminal")):
        async with terminal(desk, words, "-") as at:
            assert await at.end() == 2
            _one_line(at.shown, says)
