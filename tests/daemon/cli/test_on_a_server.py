"""A desk whose database moves to PostgreSQL, and back: its owner's way to do it."""

from __future__ import annotations

from pathlib import Path

from tests.cluster import cluster, rows
from tests.daemon.cli.desk import Desk

_PASSWORD = "s3cret-Pass"


def _with_password(url: str) -> str:
    """The server asks for none, and postbrush cannot know."""
    return url.replace("postgres@", f"postgres:{_PASSWORD}@")


async def test_a_database_moves_to_a_server_works_there_and_comes_back(
    desk: Desk,
) -> None:
    first = desk.add("First")
    assert (await desk.cli("once")).code == 0
    place = cluster().empty()
    url = _with_password(cluster().url(str(place.url.database)))
    moved = await desk.cli("copy-db", "postbrush.db", url)
    assert moved.code == 0, moved.err
    assert "posts" in moved.out
    again = await desk.cli("copy-db", "postbrush.db", url)
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert "is not empty" in again.err
    # It goes on there, and the file stays as it is.
    before = (desk.folder / "postbrush.db").read_bytes()
    desk.environ["POSTBRUSH_DATABASE__URL"] = url
    second = desk.add("Second")
    once = await desk.cli("once")
    assert once.code == 0, once.err
    assert (desk.shows(first), desk.shows(second)) == ("Done", "Done")
    assert desk.town.hub.painted == 2
    assert rows(place, "SELECT count(*) FROM jobs WHERE state = 'done'") == [(2,)]
    assert (desk.folder / "postbrush.db").read_bytes() == before
    words = [moved, again, once]
    for line in (
        ("status",),
        ("jobs",),
        ("costs",),
        ("config",),
        ("verify", "--offline"),
        ("migrate",),
        ("copy-db", url, "back.db", "--json"),
    ):
        words.append(await desk.cli(*line))
        # Nothing runs, which `status` tells by its exit code.
        assert words[-1].code == int(line == ("status",)), words[-1].err
    assert words[-1].json["rows"]["jobs"] == 2
    assert _PASSWORD not in "".join(one.out + one.err for one in words)


async def test_who_else_works_on_a_servers_database_is_said_elsewhere(
    desk: Desk, tmp_path: Path
) -> None:
    place = cluster().ready()
    desk.environ["POSTBRUSH_DATABASE__URL"] = cluster().url(str(place.url.database))
    elsewhere = {"POSTBRUSH_DATA_DIR": str(tmp_path / "box")}
    (tmp_path / "box").mkdir()
    box = {
        **elsewhere,
        "POSTBRUSH_ROLES": '["generate"]',
        "NOTION_TOKEN": "",
    }
    async with desk.daemon() as daemon:
        own = await desk.cli("status")
        assert "daemons" not in own.out
        told = await desk.cli("status", **box)
        assert "(notion, generate), since " in told.out
        (line,) = [line for line in told.out.splitlines() if line[:7] == "daemons"]
        assert line.endswith("; does the Notion work")
        (other,) = (await desk.cli("status", "--json", **box)).json["daemons"]
        assert (other["is_leader"], other["silent"]) == (True, False)
        looked = await desk.cli("check", "--json", **box)
        found_by_check = {row["what"]: row["found"] for row in looked.json}
        assert found_by_check["daemons"].endswith("(notion, generate)")
        assert "have the same folder" in found_by_check["images"]
        assert found_by_check["Notion"] == "not used by this daemon (roles)"
        assert not [row for row in looked.json if row["todo"]]
        # It says so when it ends.
        assert await daemon.end() == 0
        gone = await desk.cli("status", "--json", **box)
        assert gone.json["daemons"] == []


async def test_a_copy_of_a_servers_is_restored_to_a_file_and_to_a_server(
    desk: Desk,
) -> None:
    place, other = cluster().empty(), cluster().empty()
    desk.environ["POSTBRUSH_DATABASE__URL"] = cluster().url(str(place.url.database))
    desk.add()
    assert (await desk.cli("once")).code == 0
    made = await desk.cli("backup", "copy.tar")
    assert made.code == 0, made.err
    for url in ("", cluster().url(str(other.url.database))):
        folder = desk.folder / f"there{len(url)}"
        environ = {
            "POSTBRUSH_DATABASE__URL": url,
            "POSTBRUSH_DATA_DIR": str(folder),
        }
        restored = await desk.cli("restore", "copy.tar", **environ)
        assert restored.code == 0, restored.err
        assert (folder / "postbrush.db").exists() is (not url)
        looked = await desk.cli("verify", "--offline", **environ)
        assert (looked.code, looked.out) == (0, "No problems found.\n"), looked.err
        listed = await desk.cli("jobs", "--json", **environ)
        assert [row["state"] for row in listed.json] == ["done"]
    full = {
        "POSTBRUSH_DATABASE__URL": cluster().url(str(other.url.database)),
        "POSTBRUSH_DATA_DIR": str(desk.folder / "elsewhere"),
    }
    refused = await desk.cli("restore", "copy.tar", **full)
    assert (refused.code, "is not empty" in refused.err) == (2, True), refused.err
    assert not list((desk.folder / "elsewhere").glob("images/*"))


async def test_what_copy_db_cannot_do_is_one_line_and_nothing_is_made(
    desk: Desk, tmp_path: Path
) -> None:
    empty = cluster().empty()
    url = _with_password(cluster().url(str(empty.url.database)))
    async with desk.daemon():
        running = await desk.cli("copy-db", "postbrush.db", url)
    assert "Stop it first" in running.err
    results = [running]
    nowhere = f"postgresql://me:{_PASSWORD}@127.0.0.1:1/x"
    for of, to, tells in (
        ("nothing.db", url, "does not exist, so it cannot be copied"),
        (str(tmp_path), url, "Name the database file in it"),
        (url, "new.db", "does not exist or is empty"),
        ("postbrush.db", f"mysql://me:{_PASSWORD}@h/x", "postgresql+psycopg"),
        ("postbrush.db", nowhere, "PostgreSQL at 127.0.0.1:1 cannot be reached"),
    ):
        results.append(await desk.cli("copy-db", of, to))
        assert tells in results[-1].err
    for result in results:
        assert result.code in {1, 2}
        assert result.err.count("\n") == 1
        assert _PASSWORD not in result.out + result.err
    assert empty.current_revision() is None
    assert not (desk.folder / "new.db").exists()
