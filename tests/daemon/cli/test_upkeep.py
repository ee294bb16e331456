"""Looking after the data folder by command, beside a running daemon."""

from __future__ import annotations

import asyncio

from tests.daemon.cli.desk import Desk


async def test_pause_and_resume_are_followed_at_once(desk: Desk) -> None:
    async with desk.daemon() as daemon:
        await daemon.says("daemon.ready")
        desk.add("First", "First bread.")
        await daemon.says("job.done")
        paused = await desk.cli("pause", "--for", "7d", "--json")
        assert paused.code == 0
        assert paused.json[0]["until"] > paused.json[0]["since"]
        await daemon.says("daemon.paused")
        desk.add("Second", "Second bread.")
        await daemon.says("job.queued", times=2)
        status = await desk.cli("status")
        assert "paused   new requests are queued until" in status.out
        as_data = (await desk.cli("status", "--json")).json
        assert as_data["sources"][0]["paused"] == paused.json[0]
        assert desk.town.hub.painted == 1
        assert (await desk.cli("resume")).out == "Image generation resumes.\n"
        await daemon.says("job.done", times=2)
        assert (await desk.cli("resume")).out == "postbrush was not paused.\n"
    wrong = await desk.cli("pause", "--for", "soon")
    assert (wrong.code, 'must be a duration, such as "30s"' in wrong.err) == (2, True)


async def test_a_copy_moves_house(desk: Desk) -> None:
    page = desk.add("Bread day")
    async with desk.daemon() as daemon:
        await daemon.says("job.done")
        await desk.cli("regenerate", page)
        await daemon.says("job.done", times=2)
        listed = await desk.cli("use", "Bread day", "--json")
        newest, first = [row["name"] for row in listed.json]
        back = await desk.cli("use", "Bread day", first)
        assert back.code == 0
        await daemon.says("job.done", times=3)
        (file,) = desk.town.workspace.list_files(page)
        assert file.name == first
        copied = await desk.cli("backup", "copy.tar", "--json")
        assert (copied.code, copied.json["images"]) == (0, 2)
        assert (await desk.cli("verify")).out == "No problems found.\n"
        busy = await desk.cli("restore", "copy.tar")
        assert (busy.code, "is already running" in busy.err) == (2, True)
    again = await desk.cli("backup", "copy.tar")
    assert (again.code, "exists" in again.err) == (2, True)
    new = desk.elsewhere("new")
    restored = await desk.cli("restore", "copy.tar", "--json", **new)
    assert (restored.code, restored.json["images"]) == (0, 2)
    twice = await desk.cli("restore", "copy.tar", **new)
    assert (twice.code, "empty folder" in twice.err) == (2, True)
    assert (await desk.cli("once", **new)).code == 0
    assert desk.town.hub.painted == 2
    assert (await desk.cli("verify", **new)).code == 0
    (desk.folder / "new" / "images" / newest).unlink()
    result = await desk.cli("verify", "--offline", **new)
    assert (result.code, "the file is missing" in result.out) == (1, True)
    fixed = await desk.cli("verify", "--offline", "--fix", **new)
    assert fixed.code == 0
    gone = await desk.cli("use", "Bread day", newest, **new)
    assert gone.code in {1, 2}
    assert "no longer exists" in gone.err
    assert b"ntn_" not in (desk.folder / "copy.tar").read_bytes()


async def test_wrong_use_of_them_says_what_to_do(desk: Desk) -> None:
    desk.without_database()
    for words, tells in (
        (("backup", "x.tar"), "does not exist yet"),
        (("verify",), "does not exist yet"),
        (("restore", "x.tar"), "The backup x.tar does not exist"),
        (("prune",), "keep_days is 0"),
        (("use", "bread"), "does not exist yet"),
        (("pause",), "does not exist yet"),
    ):
        result = await desk.cli(*words)
        assert (result.code, tells in result.err) == (2, True), (words, result)
    await asyncio.to_thread((desk.folder / "x.tar").write_bytes, b"rubbish")
    result = await desk.cli("restore", "x.tar")
    assert (result.code, "not a backup of postbrush" in result.err) == (2, True)
