"""Every command, as its owner types it, mostly beside a running daemon."""

from __future__ import annotations

import re
import shlex

import pytest
from PIL import Image

from tests.daemon.cli.desk import QUICK, Desk, Said
from tests.providers.fakes.space import FakeSpace

_HELD = QUICK.replace("[posts]\n", "[posts]\napprove_above = 2\n")


def _one_line(said: Said, code: int) -> str:
    """Check that a refusal is one line for people; return it."""
    assert said.code == code, said
    assert said.out == ""
    assert re.fullmatch(r"postbrush: [^\n]+\n", said.err), said.err
    assert "Error:" not in said.err
    return said.err


@pytest.mark.parametrize(
    ("words", "tells"),
    [
        ("nosuch", "No such command 'nosuch'"),
        ("status --nosuch", "No such option"),
        ("cancel zz", "integer"),
        ("generate ' '", "say what to paint"),
        ("generate x --format huge", "none of square, portrait"),
        ("generate x -n 9", "less than or equal to 4"),
        ("generate x --provider flx", "known: flux, space, freeapi"),
        ("generate x --out /nowhere/x.png", "there is no folder /nowhere"),
        ("generate x --out x.jpg", "images are PNG files"),
        ("generate x --seed -1", "--seed"),
        ("generate x --seed 99999999999999999999", "--seed"),
        ("job 99999999999999999999999", "JOB"),
        ("jobs -n 0", "-n"),
        ("test --provider nobody", "known: flux, space, freeapi"),
        ("--config nowhere.toml status", "nowhere.toml"),
    ],
)
async def test_wrong_use_is_one_line_and_exit_code_2(
    desk: Desk, words: str, tells: str
) -> None:
    result = await desk.cli(*shlex.split(words))
    assert tells in _one_line(result, 2)
    assert not (desk.folder / "postbrush.db").exists()


@pytest.mark.parametrize(
    "words",
    [
        "status",
        "jobs",
        "job 1",
        "why bread",
        "costs",
        "approve",
        "regenerate bread",
        "providers reset flux",
    ],
)
async def test_before_the_first_start_there_is_nothing_to_look_at(
    desk: Desk, words: str
) -> None:
    desk.without_database()
    # With nothing imported beforehand: each finds its own.
    result = await desk.cli_itself(*shlex.split(words))
    assert "no database at" in _one_line(result, 2)
    assert not (desk.folder / "postbrush.db").exists()


async def test_looking_before_the_first_start(desk: Desk) -> None:
    desk.without_database()
    page = desk.add("Bread day")
    checked = await desk.cli("check")
    assert (checked.code, "none yet" in checked.out) == (0, True)
    planned = await desk.cli("plan", "--json")
    assert planned.code == 0
    assert [wish["page_id"] for wish in planned.json["wishes"]] == [page]
    assert not (desk.folder / "postbrush.db").exists()
    assert desk.town.hub.served == []


async def test_all_commands_beside_a_running_daemon(desk: Desk) -> None:
    page = desk.add("Bread and butter day", "We bake at six.")
    async with desk.daemon() as daemon:
        await daemon.says("job.done")
        status = (await desk.cli("status", "--json")).json
        assert status["daemon"]["running"] is True
        assert status["daemon"]["pid"] == daemon.process.pid
        assert status["month"]["images"] == 1
        assert status["jobs"]["done"] == 1
        running = await desk.cli("status")
        assert (running.code, "last poll" in running.out) == (0, True)
        job = (await desk.cli("job", "1", "--json")).json
        assert [event["state"] for event in job["history"]] == [
            "queued",
            "generating",
            "uploading",
            "done",
        ]
        for meant in (page, "BUTTER bread", desk.town.workspace.get_page(page).id):
            why = await desk.cli("why", meant)
            assert "made by flux from: Rustic loaves of bread" in why.out
        again = await desk.cli("regenerate", "bread")
        assert "is queued" in again.out
        await daemon.says("job.done", 2)
        assert len(desk.town.workspace.list_files(page)) == 1
        costs = (await desk.cli("costs", "--json")).json
        assert [(row["provider"], row["images"]) for row in costs] == [("flux", 2)]
        rows = (await desk.cli("costs", "--posts", "--csv")).out.splitlines()
        assert len(rows) == 2
        assert [row["id"] for row in (await desk.cli("jobs", "--json")).json] == [2, 1]
        assert "job 1 has already ended (done)" in (await desk.cli("cancel", "1")).err
        assert "only failed or cancelled" in (await desk.cli("retry", "1")).err
        for command in ("run", "once", "migrate"):
            refused = _one_line(await desk.cli(command), 2)
            assert f"process {daemon.process.pid}" in refused
        assert await daemon.end() == 0
    down = await desk.cli("status")
    assert (down.code, "is not running" in down.out) == (1, True)


async def test_out_of_credits_in_words_and_a_reset_that_is_followed_at_once(
    desk: Desk,
) -> None:
    desk.town.hub.credits = 0
    page = desk.add("Soup", "Rain again. Come in for soup.")
    async with desk.daemon() as daemon:
        opened = await daemon.says("breaker.opened")
        assert "out of credits, paused until" in opened["message"]
        assert "meanwhile space, then the card" in opened["message"]
        await daemon.says("job.done")
        assert desk.shows(page) == "Card"
        shown = (await desk.cli("providers")).out
        assert "out of credits, paused until" in shown
        assert "out of credits" in (await desk.cli("why", "soup")).out
        unknown = await desk.cli("providers", "reset", "flx")
        assert "flux, space, freeapi" in _one_line(unknown, 2)
        desk.town.hub.add_credits(5)
        assert (await desk.cli("providers", "reset", "flux")).code == 0
        await daemon.says("job.done", 2)
        assert desk.shows(page) == "Done"


async def test_held_posts_are_counted_listed_and_approved(desk: Desk) -> None:
    desk.configure(_HELD)
    for number in range(5):
        desk.add(f"Old {number}", f"Old bread {number}.")
    first = await desk.cli("once")
    assert first.code == 1
    assert "5" in first.out + first.err
    assert (await desk.cli("status", "--json")).json["held"] == 5
    async with desk.daemon() as daemon:
        result = await desk.cli("approve", "--newest", "2", "--json")
        assert result.json["still_held"] == 3
        await daemon.says("job.done", 2)
        assert len(desk.town.hub.served) == 2
        assert (
            "3 still held" in (await desk.cli("approve", "--newest", "0")).err
            or (await desk.cli("status", "--json")).json["held"] == 3
        )


async def test_once_makes_what_is_wanted_and_ends(desk: Desk) -> None:
    page = desk.add("Bread")
    result = await desk.cli("once")
    assert (result.code, desk.shows(page)) == (0, "Done")
    assert (await desk.cli("once")).code == 0
    assert len(desk.town.hub.served) == 1


async def test_images_by_hand(desk: Desk) -> None:
    result = await desk.cli(
        "generate", "A red bike", "-n", "2", "--format", "story", "--json"
    )
    assert result.code == 0
    first, second = result.json
    assert first["seed"] != second["seed"]
    for one in (first, second):
        with Image.open(one["file"]) as image:
            assert image.size == (1080, 1920)
    out = desk.folder / "bike.png"
    copied = await desk.cli("generate", "A red bike", "--out", str(out))
    assert copied.code == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    alone = await desk.cli(
        "generate", "Eat bread", "--provider", "freeapi", "--seed", "7", "--json"
    )
    assert alone.json[0]["seed"] == 7
    lost = await desk.cli("generate", "x", "--out", str(desk.folder / "no" / "x.png"))
    assert "there is no folder" in lost.err


async def test_a_card_by_hand_says_what_it_stands_in_for(desk: Desk) -> None:
    away = {
        "POSTBRUSH_PROVIDERS__FLUX__BASE_URL": "http://127.0.0.1:9",
        "POSTBRUSH_CHAIN": '["flux", "freeapi"]',
    }
    for _ in range(4):
        result = await desk.cli("generate", "A red bike", **away)
        assert result.code == 0
        assert "freeapi, seed " in result.out
        assert "Hugging Face FLUX: cannot be reached" in result.out or (
            "is returning errors (paused until" in result.out
        )


async def test_without_a_command_it_shows_its_help(desk: Desk) -> None:
    result = await desk.cli()
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("Usage: postbrush")


async def test_the_test_script_with_and_without_an_account(desk: Desk) -> None:
    async with FakeSpace(token=desk.town.hub.token).serving() as space:
        both = await desk.cli(
            *("test", "--json"),
            POSTBRUSH_PROVIDERS__SPACE__BASE_URL=space.url,
            POSTBRUSH_PROVIDERS__SPACE__HUB_URL=space.url,
        )
    assert both.code == 0
    results = [(row["provider"], row["result"]) for row in both.json]
    assert results == [("flux", "ok"), ("space", "ok"), ("freeapi", "ok")]
    alone = await desk.cli("test", "--json", HUGGINGFACE_TOKEN="")
    assert [row["provider"] for row in alone.json] == ["freeapi"]
    assert alone.code == 0
    desk.town.hub.credits = 0
    spent = await desk.cli("test")
    assert spent.code == 1
    assert "depleted" in spent.out


async def test_check_says_what_to_do(desk: Desk) -> None:
    refused = await desk.cli("check", NOTION_TOKEN="ntn_wrong")
    assert refused.code == 1
    assert "ntn_wrong" not in refused.out + refused.err
    assert "token" in refused.out
    desk.town.workspace.set_shared(desk.town.source.id, shared=False)
    unshared = await desk.cli("check")
    assert unshared.code == 1
    assert "Connections" in unshared.out
    no_token = await desk.cli("check", NOTION_TOKEN="")
    assert no_token.code != 0
    assert "NOTION_TOKEN" in no_token.out + no_token.err


async def test_every_wrong_key_is_named_at_once_and_nothing_starts(desk: Desk) -> None:
    desk.configure('[post]\nwait_after_edit = "2m"\n[notion]\npol_interval = "1s"\n')
    result = await desk.cli("run")
    assert result.code == 2
    assert "[posts]" in result.err or "posts" in result.err
    assert "poll_interval" in result.err
    assert len(result.err.splitlines()) == 3
    assert sorted(path.name for path in desk.folder.iterdir()) == ["postbrush.toml"]


async def test_the_configuration_in_force_and_its_example(desk: Desk) -> None:
    shown = await desk.cli("config", "--json")
    values = {row["key"]: row for row in shown.json}
    assert values["images.min_free_disk"]["value"] == "100MiB"
    assert values["NOTION_TOKEN"]["value"] == "set"
    assert desk.town.workspace.token not in shown.out
    example = await desk.cli("config", "--example")
    desk.configure(example.out)
    assert (await desk.cli("config")).code == 0


def test_help_is_whole_at_80_columns() -> None:
    from typer.testing import CliRunner  # noqa: PLC0415 - one test

    from daemon.cli.command_group import app  # noqa: PLC0415 - one test

    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80"})
    assert result.exit_code == 0
    assert "..." not in result.output.partition("Commands:")[2]


def test_the_table_of_commands_has_the_first_lines_of_their_help() -> None:
    from daemon.cli import command_group  # noqa: PLC0415 - one test

    for name, (_, line) in command_group.COMMANDS.items():
        command = command_group.load_command(name)
        if line:
            assert (command.help.splitlines()[0], name) == (line, name)


async def test_why_says_until_when_a_wish_waits(desk: Desk) -> None:
    desk.add("Bread day")
    async with desk.daemon(POSTBRUSH_POSTS__WAIT_AFTER_EDIT="1h") as daemon:
        await daemon.says("job.queued")
        result = await desk.cli("why", "bread")
        waits = r"Job 1 is queued: new; waits until \d+ \w{3} [\d:]{8}\."
        assert re.search(waits, result.out)
        assert "waits until" in (await desk.cli("jobs")).out
