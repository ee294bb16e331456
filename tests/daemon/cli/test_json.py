"""`--json` of every command: described in `docs/schemas`, and printed so."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from typer.core import TyperGroup

from daemon.cli.command_group import COMMANDS, load_command
from tests.daemon.cli.desk import QUICK, Desk
from tests.daemon.cli.shapes import HAS_JSONSCHEMA, check_shape
from tests.make_schemas import FOLDER, SHAPES, render_schemas


def _commands_with_json() -> Iterator[str]:
    for name in COMMANDS:
        command = load_command(name)
        commands = {name: command}
        if isinstance(command, TyperGroup):
            inner = {f"{name} {sub}": one for sub, one in command.commands.items()}
            commands |= inner
        for full_name, one in commands.items():
            if any("--json" in parameter.opts for parameter in one.params):
                yield full_name


def test_every_command_with_json_has_a_schema() -> None:
    assert sorted(_commands_with_json()) == sorted(SHAPES)


def test_the_schemas_are_made_from_the_classes_that_are_printed() -> None:
    stored = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert stored == render_schemas(), "make reference"


needs_jsonschema = pytest.mark.skipif(
    not HAS_JSONSCHEMA, reason="jsonschema of tests/requirements.lock is not installed"
)


@needs_jsonschema
@pytest.mark.parametrize(
    "wrong",
    [
        {"was_paused": "yes"},
        {"was_paused": True, "was_resting": True},
        {},
        [{"was_paused": True}],
    ],
)
def test_another_shape_is_noticed(wrong: object) -> None:
    check_shape(["resume", "--json"], json.dumps({"was_paused": True}))
    with pytest.raises(Exception, match="Failed validating"):
        check_shape(["resume", "--json"], json.dumps(wrong))


@needs_jsonschema
def test_a_time_without_an_offset_is_noticed() -> None:
    pause = {"source": "default", "since": "2026-11-24T10:15:00", "until": None}
    with pytest.raises(Exception, match="date-time"):
        check_shape(["pause", "--json"], json.dumps([pause]))


@needs_jsonschema
@pytest.mark.long
@pytest.mark.sqlite_only  # copy-db copies a file
async def test_every_state_has_the_shape(desk: Desk) -> None:
    desk.configure(QUICK.replace("[posts]\n", "[posts]\napprove_above = 1\n"))

    async def ask(*words: str, **environ: str) -> object:
        return (await desk.cli(*words, "--json", **environ)).json

    async def look() -> None:
        for words in ("status", "jobs", "costs", "costs --posts", "providers", "plan"):
            await ask(*words.split())

    # Nothing yet.
    async with desk.daemon() as daemon:
        await look()
        # One waits for its text to settle, others for approval; then all is paused.
        desk.add("Bread day", "We bake at six.")
        await daemon.says("job.done")
        for number in range(3):
            desk.add(f"Old {number}", f"Old bread {number}.")
        await daemon.says("poll.held")
        await look()
        await ask("pause", "--for", "7d")
        await ask("approve", "--newest", "1")
        await look()
        await ask("cancel", "2")
        await ask("retry", "2")
        await ask("job", "2")
        await ask("why", "old 2")
        await ask("resume")
        await daemon.says("job.done", 2)
        # A card, then a failure.
        desk.town.hub.credits = 0
        await ask("regenerate", "bread", "--seed", "7")
        await look()
        await ask("providers", "reset", "flux")
    for words in (
        *("job 1", "why bread", "use bread", "check", "config", "verify --offline"),
        *("prompt bread", "prune --days 1 --dry-run", "backup copy.tar", "status"),
    ):
        await ask(*words.split())
    images = await ask("use", "bread")
    assert isinstance(images, list)
    await ask("backup", "copies", "--keep", "1")
    await ask("cancel", "3")
    await ask("use", "bread", images[0]["name"])
    new = desk.elsewhere("new")
    await ask("restore", "copy.tar", **new)
    (desk.folder / "new" / "images" / images[0]["name"]).unlink()
    await ask("verify", "--offline", **new)
    broken = {"POSTBRUSH_PROVIDERS__FLUX__BASE_URL": "http://127.0.0.1:9"}
    for words in ("generate x --provider flux", "generate x", "test --provider flux"):
        await ask(*words.split(), **broken)
    await ask("test", "--notify", POSTBRUSH_NOTIFY__PING="http://127.0.0.1:9/x")
    await ask("copy-db", "postbrush.db", "other.db")
