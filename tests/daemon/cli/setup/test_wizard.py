"""The talk, with answers in a row and a clock to move; see tests/daemon/cli for all."""

from __future__ import annotations

import pytest

from daemon.cli.setup.wizard import InitOptions
from daemon.config.model import PropertyNames
from daemon.errors import ConfigError, PostbrushError, SetupError
from daemon.notion.errors import NoAccessError, NotionUnavailableError
from tests.daemon.cli.setup.parlour import Parlour


async def test_every_answer_is_carried_out(parlour: Parlour) -> None:
    town = parlour.town
    await parlour.hold(town.workspace.token, "1", "1", "3", town.hub.token)
    assert set(town.source.columns) == {
        *("Name", "Status"),
        *(str(field.default) for field in PropertyNames.model_fields.values()),
    }
    formats = [option["name"] for option in town.source.columns["Format"].options]
    assert formats == ["square", "portrait", "landscape", "story"]
    written = (parlour.folder / "postbrush.toml").read_text()
    assert f'data_source = "{town.source.id.replace("-", "")}"' in written
    assert 'only = { "Status" = "Waiting" }' in written
    for token in (town.workspace.token, town.hub.token):
        assert token not in parlour.said.getvalue() + written


async def test_wrong_answers_are_asked_again(parlour: Parlour) -> None:
    town = parlour.town
    await parlour.hold(
        *("", "a ü token", town.hub.token, "ntn_wrong", town.workspace.token),
        *("0", "x", "1", "4", "2", "1"),
        *("hf_wrong", town.workspace.token, town.hub.token),
    )
    output = parlour.said.getvalue()
    for words in (
        "Nothing was entered. Paste the token, then press Enter.",
        "This is not a token. Copy it again.",
        "This is a Hugging Face token. A Notion token is needed here",
        "Notion rejects this token",
        "Type a number from 1 to 2",
        "Hugging Face rejects this token",
        "This is a Notion token. A Hugging Face token is needed here",
    ):
        assert words in output
    assert set(town.source.columns) == {"Name", "Status", "Image", "Regenerate"}


async def test_a_token_is_stored_without_what_was_pasted_with_it(
    parlour: Parlour,
) -> None:
    token = parlour.town.workspace.token
    await parlour.hold(f'NOTION_TOKEN="{token}"', "1", "1", "1", "")
    assert 'Removed from the token: quotes, "NOTION_TOKEN=".' in parlour.said.getvalue()
    stored = parlour.folder / "secrets" / "NOTION_TOKEN"
    assert stored.read_text() == f"{token}\n"


async def test_a_database_is_waited_for(parlour: Parlour) -> None:
    space, source = parlour.town.workspace, parlour.town.source.id
    space.set_shared(source, shared=False)
    await parlour.hold(
        space.token,
        *("", "", lambda: space.set_shared(source, shared=True), ""),
        *("2", "", "1", "1", "1", ""),
    )
    output = parlour.said.getvalue()
    assert (
        "click ••• at the top\n  right, then Connections, and choose 'postbrush'"
        in output
    )
    assert output.count("Press Enter to look again") == 4


async def test_again_it_starts_from_what_is_there(parlour: Parlour) -> None:
    town = parlour.town
    await parlour.hold(town.workspace.token, "1", "1", "3", town.hub.token)
    before = {path: path.stat().st_mtime_ns for path in parlour.folder.rglob("*")}
    answers = await parlour.hold("", "", "", "")
    assert (answers.added, answers.secrets, answers.wanted) == ((), {}, {})
    assert {
        path: path.stat().st_mtime_ns for path in parlour.folder.rglob("*")
    } == before
    assert "none: the set-up is already complete" in parlour.said.getvalue()


async def test_again_every_answer_can_be_another(parlour: Parlour) -> None:
    space = parlour.town.workspace
    await parlour.hold(space.token, "1", "1", "3", "")
    file = parlour.folder / "postbrush.toml"
    file.write_text(file.read_text().replace("[posts]", "# my note\n[posts]"))
    await parlour.hold("", "1", "1", parlour.town.hub.token)
    written = file.read_text()
    assert "# my note\n" in written
    assert "only = {}" in written
    assert (parlour.folder / "secrets" / "HUGGINGFACE_TOKEN").exists()
    assert (
        'only = { "Status" = "Waiting" }'
        in (parlour.folder / "postbrush.toml.bak").read_text()
    )


@pytest.mark.parametrize("answers", range(5))
async def test_ctrl_c_at_any_question_leaves_nothing(
    parlour: Parlour, answers: int
) -> None:
    some = [parlour.town.workspace.token, "1", "1", "1", parlour.town.hub.token]
    with pytest.raises(KeyboardInterrupt):
        await parlour.hold(*some[:answers])
    assert (parlour.left(), parlour.writes()) == ([], [])


@pytest.mark.parametrize("match", ["/users/me", "/search", "GET /v1/data", "/query"])
async def test_an_outage_at_any_question_leaves_nothing(
    parlour: Parlour, match: str
) -> None:
    parlour.town.workspace.inject_fault(match, times=20, drop=True)
    with pytest.raises(NotionUnavailableError, match="is this machine online"):
        await parlour.hold(parlour.town.workspace.token, "1", "1", "1", "")
    assert (parlour.left(), parlour.writes()) == ([], [])


async def test_hugging_face_away_is_no_reason_to_begin_anew(parlour: Parlour) -> None:
    parlour.environ["POSTBRUSH_PROVIDERS__FLUX__HUB_URL"] = "http://127.0.0.1:9"
    token = parlour.town.hub.token
    await parlour.hold(parlour.town.workspace.token, "1", "1", "1", token)
    assert "Hugging Face cannot be reached" in parlour.said.getvalue()
    kept = parlour.folder / "secrets" / "HUGGINGFACE_TOKEN"
    assert kept.read_text() == f"{token}\n"


async def test_another_token_in_the_environment_is_spoken_of(parlour: Parlour) -> None:
    parlour.environ["NOTION_TOKEN"] = "ntn_older"
    await parlour.hold(parlour.town.workspace.token, "1", "1", "1", "")
    assert (
        "The environment variable NOTION_TOKEN holds another token"
        in parlour.said.getvalue()
    )
    assert "ntn_older" not in parlour.said.getvalue()


async def test_columns_that_cannot_be_added_leave_no_file(parlour: Parlour) -> None:
    parlour.town.workspace.inject_fault("PATCH", times=4, drop=True)
    with pytest.raises(NotionUnavailableError):
        await parlour.hold(parlour.town.workspace.token, "1", "1", "1", "")
    assert parlour.left() == []
    await parlour.hold(parlour.town.workspace.token, "1", "1", "1", "")
    assert "Image" in parlour.town.source.columns


async def test_a_disk_that_fills_up_is_taken_up_by_the_next_run(
    parlour: Parlour, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(SetupError, match="No space left"):
            await parlour.hold(parlour.town.workspace.token, "1", "1", "1", "")
    assert parlour.left() in (["secrets"], [])
    await parlour.hold(parlour.town.workspace.token, "1", "1", "")
    assert "postbrush.toml" in parlour.left()


async def test_a_chain_that_lacks_its_token_can_be_given_it(parlour: Parlour) -> None:
    file = parlour.folder / "postbrush.toml"
    file.write_text('chain = ["flux", "freeapi"]\n')
    space, source = parlour.town.workspace, parlour.town.source
    with pytest.raises(ConfigError, match="chain: flux needs HUGGINGFACE_TOKEN"):
        await parlour.hold(space.token, "1", "1", "1", "")
    assert (parlour.left(), parlour.writes()) == (["postbrush.toml"], [])
    await parlour.hold(space.token, "1", "1", "1", parlour.town.hub.token)
    assert 'chain = ["flux", "freeapi"]' in file.read_text()
    assert "Image" in source.columns


async def test_another_database_forgets_the_posts_of_the_first(
    parlour: Parlour,
) -> None:
    space = parlour.town.workspace
    await parlour.hold(space.token, "1", "1", "3", "")
    other = space.add_database("Other", {"Name": "title", "Kind": ("select", "A")})
    parlour.flags = InitOptions(source=other.id)
    answers = await parlour.hold("", "1", "", "")
    assert answers.wanted["posts", "only"] == {}


async def test_a_secret_that_others_could_read_is_closed(parlour: Parlour) -> None:
    await parlour.hold(parlour.town.workspace.token, "1", "1", "1", "")
    path = parlour.folder / "secrets" / "NOTION_TOKEN"
    path.chmod(0o644)
    await parlour.hold("", "1", "1", "")
    assert path.stat().st_mode & 0o077 == 0


async def test_an_odd_file_is_not_touched(parlour: Parlour) -> None:
    file = parlour.folder / "postbrush.toml"
    file.write_text("notion.poll_interval = '20s'\n")
    with pytest.raises(SetupError, match="Add this to the file"):
        await parlour.hold(parlour.town.workspace.token, "1", "1", "1", "")
    assert (parlour.left(), parlour.writes()) == (["postbrush.toml"], [])


async def test_without_a_terminal_a_missing_answer_names_its_flag(
    parlour: Parlour,
) -> None:
    parlour.terminal = False
    hidden = parlour.folder / "secrets" / "NOTION_TOKEN"
    with pytest.raises(
        SetupError, match="Put it in the environment variable NOTION_TOKEN"
    ):
        await parlour.hold()
    hidden.parent.mkdir()
    hidden.write_text(parlour.town.workspace.token)
    hidden.chmod(0o600)
    source = parlour.town.source.id
    for flags, tells in (
        (InitOptions(), "--data-source ID"),
        (InitOptions(source=source), "--columns add, required or keep"),
        (
            InitOptions(source=source, columns=None, only=("Status=Waiting",)),
            "--columns",
        ),
    ):
        parlour.flags = flags
        with pytest.raises(SetupError, match=tells):
            await parlour.hold()
    parlour.yes, parlour.flags = True, InitOptions()
    await parlour.hold()
    assert "Image note" in parlour.town.source.columns


async def test_without_a_terminal_a_refusal_ends_it(parlour: Parlour) -> None:
    parlour.terminal, parlour.yes = False, True
    folder = parlour.folder / "secrets"
    folder.mkdir()
    for name, token in (("NOTION_TOKEN", "ntn_wrong"), ("HF_TOKEN", "hf_wrong")):
        (folder / name).write_text(token)
        (folder / name).chmod(0o600)
    with pytest.raises(NoAccessError, match="Notion rejects the token"):
        await parlour.hold()
    (folder / "NOTION_TOKEN").write_text(parlour.town.workspace.token)
    with pytest.raises(SetupError, match="rejects the token in HF_TOKEN"):
        await parlour.hold()
    parlour.town.workspace.set_shared(parlour.town.source.id, shared=False)
    with pytest.raises(PostbrushError, match="has no access to any database"):
        await parlour.hold()
    assert parlour.writes() == []


async def test_a_page_instead_of_the_database_is_named(parlour: Parlour) -> None:
    town = parlour.town
    page = town.workspace.add_page(town.source.id, {"Name": "Bread day"})
    parlour.flags = InitOptions(source=f"https://www.notion.so/Bread-{page}")
    with pytest.raises(NoAccessError, match="leads to a page, not to a database"):
        await parlour.hold(town.workspace.token, "1", "1", "1", "")
    assert (parlour.left(), parlour.writes()) == ([], [])
