"""`init` as an owner meets it: at a terminal, by flags, again, and going wrong."""

from __future__ import annotations

import re
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.daemon.cli.desk import QUICK, Desk, Said
from tests.daemon.cli.terminal import terminal

_COLUMNS: Mapping[str, str | tuple[str, ...]] = {
    "Name": "title",
    "Caption": "rich_text",
    "Picture": "files",
    "Image note": "number",
    "Status": ("status", "Draft", "Waiting"),
}


@pytest.fixture(name="bare")
def _bare(desk: Desk) -> Desk:
    """A folder with nothing in it, and a database that knows nothing of postbrush."""
    (desk.folder / "postbrush.toml").unlink()
    # Without a user's folders, files are written here.
    desk.environ["HOME"] = "/"
    desk.town.source.shared = False
    desk.town.source = desk.town.workspace.add_database("My posts", _COLUMNS)
    return desk


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _left(desk: Desk) -> list[str]:
    return sorted(
        str(path.relative_to(desk.folder))
        for path in desk.folder.rglob("*")
        if path.is_file()
    )


def _no_token(desk: Desk, *texts: str) -> None:
    for token in (desk.town.workspace.token, desk.town.hub.token):
        assert not any(token in text for text in texts)


def _writes(desk: Desk) -> list[str]:
    return [
        request.path for request in desk.town.workspace.requests if request.is_write
    ]


def _types(desk: Desk) -> dict[str, str]:
    return {column.name: column.type for column in desk.town.source.columns.values()}


async def _no_tokens(desk: Desk, *words: str) -> Said:
    return await desk.cli(*words, NOTION_TOKEN="", HUGGINGFACE_TOKEN="")


async def test_from_nothing_to_a_checked_configuration(bare: Desk) -> None:
    before = _types(bare)
    async with terminal(bare, "init") as screen:
        await screen.until("1 of 5")
        await screen.until("is hidden): ")
        screen.type("ntn_" + "w" * 40)
        await screen.until("Notion rejects this token")
        await screen.until("is hidden): ")
        screen.type(bare.town.workspace.token)
        await screen.until("the workspace 'Oven & Oak'")
        await screen.until("Which one? [1]")
        screen.type("")
        await screen.until("Image: uses your property 'Picture'")
        await screen.until("'Image note' is of type Number and will not be changed")
        await screen.until("Which one? [1]")
        screen.type("1")
        await screen.until("3  Only Status = Waiting  (0)")
        await screen.until("Which one? [1]")
        screen.type("3")
        await screen.until("press Enter for cards only")
        screen.type(bare.town.hub.token)
        await screen.until("Start postbrush now? [y/N] ")
        screen.type("n")
        assert await screen.end() == 0
    assert "All is well. No posts yet in 'My posts'." in screen.shown
    assert "Start postbrush: postbrush run" in screen.shown
    assert "flux ($0.0015" in screen.shown
    assert "w" * 40 not in screen.shown
    _no_token(bare, screen.shown, (bare.folder / "postbrush.toml").read_text())

    types = _types(bare)
    # Nothing of the owner's has changed.
    assert {name: types[name] for name in before} == before
    added = {name: types[name] for name in types.keys() - before.keys()}
    assert added["Regenerate"] == "checkbox"
    assert added["Image status"] == added["Format"] == "select"
    assert added["Post image note"] == "rich_text"
    assert "Image" not in added
    secrets = bare.folder / "secrets"
    assert _left(bare) == [
        *("postbrush.toml", "secrets/HUGGINGFACE_TOKEN", "secrets/NOTION_TOKEN"),
    ]
    assert _mode(secrets) == 0o700
    assert {_mode(path) for path in secrets.iterdir()} == {0o600}

    # And it works: no variable, no flag.
    space, source = bare.town.workspace, bare.town.source.id
    page = space.add_page(source, {"Name": "A", "Caption": "B", "Status": "Waiting"})
    space.add_page(source, {"Name": "C", "Caption": "D", "Status": "Draft"})
    quick = {
        "POSTBRUSH_POSTS__WAIT_AFTER_EDIT": "0s",
        "NOTION_TOKEN": "",
        "HUGGINGFACE_TOKEN": "",
    }
    assert (await bare.cli("once", **quick)).code == 0
    assert len(space.list_files(page, "Picture")) == 1
    assert space.read_cells(page)["Image status"] == "Done"
    assert bare.town.hub.painted == 1


@pytest.mark.parametrize("answered", [0, 1, 2])
async def test_ctrl_c_at_a_question_writes_nothing(bare: Desk, answered: int) -> None:
    async with terminal(bare, "init") as screen:
        for number in range(answered):
            await screen.until("Which one? [1]" if number else "is hidden): ")
            screen.type("" if number else bare.town.workspace.token)
        await screen.until("Which one? [1]" if answered else "is hidden): ")
        await screen.press(b"\x03")
        assert await screen.end() == 130
    assert "Stopped. Nothing was written." in screen.shown
    assert "Traceback" not in screen.shown
    assert (_left(bare), _writes(bare)) == ([], [])


async def test_the_end_of_the_input_is_an_end(bare: Desk) -> None:
    async with terminal(bare, "init") as screen:
        await screen.until("is hidden): ")
        await screen.press(b"\x04")
        assert await screen.end() == 130
    assert _left(bare) == []


async def test_without_a_terminal_flags_answer_everything(bare: Desk) -> None:
    result = await bare.cli(
        "init",
        *("--data-source", bare.town.source.id, "--columns", "required"),
        *("--only", "Status=Waiting", "--only", "Status=Draft"),
    )
    assert (result.code, result.err) == (0, "")
    assert "✓" in result.out
    _no_token(bare, result.out)
    assert _types(bare) == {
        **{
            name: kind if isinstance(kind, str) else kind[0]
            for name, kind in _COLUMNS.items()
        },
        "Regenerate": "checkbox",
    }
    told = (await _no_tokens(bare, "config", "--json")).json
    values = {row["key"]: row for row in told}
    assert values["NOTION_TOKEN"]["origin"] == str(bare.folder / "secrets/NOTION_TOKEN")
    assert values["posts.only"]["value"] == '{"Status": ["Waiting", "Draft"]}'
    assert values["notion.properties.image"]["value"] == "Picture"
    assert (await _no_tokens(bare, "check")).code == 0


@pytest.mark.parametrize(
    ("words", "tells"),
    [
        ("", "--data-source ID"),
        ("--data-source SOURCE", "--columns add, required or keep"),
        ("--data-source SOURCE --columns keep", "--only 'PROPERTY=VALUE', or --yes"),
        ("--columns all", "--columns"),
        ("--yes --only Stauts=Waiting", "'Stauts' is not a property"),
        ("--yes --only Status=Wating", "'Status'. The options are: Draft, Waiting"),
        ("--yes --data-source nonsense", "not a Notion ID or link"),
        ("--yes --secrets x", "--secrets is only for use with --service"),
    ],
)
async def test_a_missing_or_wrong_answer_is_one_line(
    bare: Desk, words: str, tells: str
) -> None:
    result = await bare.cli(
        "init", *shlex.split(words.replace("SOURCE", bare.town.source.id))
    )
    assert result.code in {1, 2}
    assert re.fullmatch(r"postbrush: [^\n]+\n", result.err), result.err
    assert tells in result.err
    assert (_left(bare), _writes(bare)) == ([], [])


async def test_a_dry_run_writes_nothing_anywhere(bare: Desk) -> None:
    result = await bare.cli("init", "--yes", "--dry-run", "--only", "Status=Waiting")
    assert result.code == 0
    for words in (
        "Would be written",
        "the property 'Regenerate' in Notion",
        "secrets/NOTION_TOKEN",
        'only = { "Status" = "Waiting" }',
        "Nothing was written (--dry-run).",
    ):
        assert words in result.out
    _no_token(bare, result.out)
    assert (_left(bare), _writes(bare)) == ([], [])


async def test_a_token_that_is_refused_ends_it_without_a_terminal(bare: Desk) -> None:
    result = await bare.cli("init", "--yes", NOTION_TOKEN="ntn_wrong")
    assert (result.code, "Notion rejects the token" in result.err) == (1, True)
    assert "ntn_wrong" not in result.out + result.err
    assert _left(bare) == []


async def test_an_owners_file_keeps_its_lines(bare: Desk) -> None:
    bare.configure(f"# mine\n{QUICK}approve_above = 7 # seven\n")
    assert (await bare.cli("init", "--yes", "--only", "Status=Waiting")).code == 0
    written = (bare.folder / "postbrush.toml").read_text()
    for line in f"# mine\n{QUICK}approve_above = 7 # seven\n".splitlines():
        assert line in written.splitlines()
    assert (bare.folder / "postbrush.toml.bak").read_text().startswith("# mine\n")
    again = await _no_tokens(bare, "init", "--yes")
    assert (again.code, "the set-up is already complete" in again.out) == (0, True)
    assert (bare.folder / "postbrush.toml").read_text() == written


async def test_a_file_that_is_wrong_is_mended_first(bare: Desk) -> None:
    bare.configure("[post]\n")
    result = await bare.cli("init", "--yes")
    assert (result.code, "Did you mean posts?" in result.err) == (2, True)
    assert _left(bare) == ["postbrush.toml"]
    assert bare.town.workspace.requests == []


async def test_the_service_has_its_own_places_and_is_not_checked(bare: Desk) -> None:
    file, folder = bare.folder / "etc" / "postbrush.toml", bare.folder / "credstore"
    words = ("--config", str(file), "init", "--service", "--secrets", str(folder))
    result = await bare.cli(*words, "--yes")
    assert (result.code, result.err) == (0, "")
    assert "make run" not in result.out
    assert "WHAT TO DO" not in result.out
    assert _left(bare) == [
        *("credstore/postbrush.HUGGINGFACE_TOKEN", "credstore/postbrush.NOTION_TOKEN"),
        "etc/postbrush.toml",
    ]
    assert (_mode(file), _mode(folder)) == (0o644, 0o700)
    assert f"they are in {folder}." in file.read_text()
    assert {_mode(path) for path in folder.iterdir()} == {0o600}
    # Again it knows what is there, whatever else the service has.
    (folder / "postbrush.WEB_PASSWORD").write_text("a secret word")
    file.write_text(f'{file.read_text()}\n[web]\nlisten = "0.0.0.0:8787"\n')
    bare.environ["CREDENTIALS_DIRECTORY"] = str(folder)
    del bare.environ["POSTBRUSH_WEB__LISTEN"]
    again = await _no_tokens(bare, *words, "--yes")
    assert (again.code, "the set-up is already complete" in again.out) == (0, True)


async def test_a_secret_that_others_can_read_is_said(bare: Desk) -> None:
    assert (await bare.cli("init", "--yes")).code == 0
    path = bare.folder / "secrets" / "NOTION_TOKEN"
    path.chmod(0o644)
    result = await _no_tokens(bare, "check", "--json")
    assert result.code == 1
    assert f"chmod 600 {path}" in result.out
    once = await _no_tokens(bare, "once")
    assert once.code == 0
    assert "secret.exposed" in once.out + once.err
    _no_token(bare, result.out, once.out, once.err)


async def test_where_several_databases_are_set_up_it_changes_nothing(
    desk: Desk,
) -> None:
    text = f'{QUICK}[sources.shop]\ndata_source = "{desk.town.source.id}"\n'
    desk.configure(text)
    result = await desk.cli("init", "--yes")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "Edit the file" in result.err
    assert (desk.folder / "postbrush.toml").read_text() == text


async def test_the_end_names_posts_and_cost_and_starts_on_yes(bare: Desk) -> None:
    for name in ("A", "B"):
        bare.town.workspace.add_page(bare.town.source.id, {"Name": name})
    assert (await bare.cli("init", "--yes")).code == 0
    async with terminal(bare, "init") as screen:
        for question in ("hidden): ", *["Which one? [1]"] * 2, "hidden): "):
            await screen.until(question)
            screen.type("")
        await screen.until("2 images would be generated now. Estimated cost: less than")
        await screen.until("Start postbrush now? [y/N] ")
        screen.type("y")
        await screen.until("daemon.ready")
        await screen.press(b"\x03")
        assert await screen.end() == 0
