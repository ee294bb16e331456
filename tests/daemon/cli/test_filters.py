"""What a person is told by command about posts.only, and how one file is put back."""

from __future__ import annotations

from datetime import timedelta

from daemon.clock import utc_now
from daemon.pretend.models import FakeProperty
from tests.daemon.cli.desk import QUICK, Desk


def _column(desk: Desk) -> FakeProperty:
    column = FakeProperty("stage", "Stage", "select")
    for name in ("Ready", "Idea"):
        column.add_option(name)
    desk.town.workspace.add_column(desk.town.source.id, column)
    return column


async def test_check_and_why_say_what_a_filter_wants(desk: Desk) -> None:
    _column(desk)
    desk.configure(f'{QUICK}only = {{ Stage = "Redy", Stauts = "x" }}\n')
    result = await desk.cli("check", "--json")
    todo = [row["todo"] for row in result.json if row["what"] == "filters"]
    assert (result.code, len(todo)) == (1, 2)
    assert todo[0].endswith('Did you mean "Ready"?')
    assert todo[1].startswith('posts.only names the property "Stauts"')
    clock = [row["found"] for row in result.json if row["what"] == "clock"]
    assert clock == ["agrees with Notion"]
    desk.configure(f'{QUICK}only = {{ Stage = "Ready" }}\n')
    desk.add("Soup day", Stage="Idea")
    desk.add("Bread day", Stage="Ready")
    async with desk.daemon() as daemon:
        await daemon.says("job.done")
        # A rename is followed by id, also by what looks from outside.
        desk.town.workspace.rename_column(desk.town.source.id, "Stage", "State")
        why = await desk.cli("why", "soup")
        assert (
            'Skipped by posts.only (needs Stage = "Ready", this post has "Idea"). Tick '
            "Regenerate to get an image anyway."
        ) in " ".join(why.out.split())
        assert (await desk.cli("check")).code == 0
        away = await desk.cli("why", "soup", NOTION_TOKEN="ntn_wrong")
        assert 'needs Stage = "Ready"; the post could not be read' in away.out


async def test_check_names_a_property_of_on_done_that_is_missing(desk: Desk) -> None:
    desk.configure(f'{QUICK}on_done = {{ Stauts = "Scheduled" }}\n')
    result = await desk.cli("check", "--json")
    (todo,) = [row["todo"] for row in result.json if row["todo"]]
    assert (result.code, "the property 'Stauts', which" in todo) == (1, True)


async def test_check_warns_of_a_clock_that_is_wrong(desk: Desk) -> None:
    desk.town.workspace.now = lambda: utc_now() - timedelta(hours=1)
    result = await desk.cli("check", "--json")
    (clock,) = [row for row in result.json if row["what"] == "clock"]
    assert (result.code, clock["found"].split()[-3:]) == (
        1,
        ["ahead", "of", "Notion"],
    )
    assert "timedatectl" in clock["todo"]


async def test_use_puts_one_file_back_alone(desk: Desk) -> None:
    number = FakeProperty("variants", "Variants", "number")
    desk.town.workspace.add_column(desk.town.source.id, number)
    page = desk.add("Bread day", Variants=2)
    async with desk.daemon() as daemon:
        await daemon.says("job.done")
        listed = await desk.cli("use", "bread", "--json")
        second, first = [row["name"] for row in listed.json]
        no_file = await desk.cli("use", "bread", "--only")
        assert (no_file.code, "--only needs the FILE" in no_file.err) == (2, True)
        back = await desk.cli("use", "bread", second)
        assert "will be the first image of" in " ".join(back.out.split())
        await daemon.says("job.done", times=2)
        assert [file.name for file in desk.town.workspace.list_files(page)] == [
            second,
            first,
        ]
        alone = await desk.cli("use", "bread", first, "--only")
        assert "will be the only image of" in " ".join(alone.out.split())
        await daemon.says("job.done", times=3)
        assert [file.name for file in desk.town.workspace.list_files(page)] == [first]
