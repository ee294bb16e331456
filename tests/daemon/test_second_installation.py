"""Two installations on one Notion database are noticed by the files of the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.cli.check_notion import check_notion
from daemon.pretend.scenes import render_scene
from tests.daemon.house import House, house

PICTURE = render_scene("bread", 1, 64, 64)
WORDS = "Another postbrush works on this Notion database"


def _warnings(home: House) -> list[str]:
    return [line for line in home.warned if line.startswith("installation.second")]


async def test_two_on_one_database_are_noticed_by_the_second_image(
    tmp_path: Path,
) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    async with (
        house(folders[0]) as one,
        house(folders[1], town=one.town, clock=one.clock) as two,
    ):
        await one.begin()
        await two.begin()
        for number in range(3):
            one.add(f"Post {number}")
            await one.live()
            await two.poll()
        # Both write to the log of this process.
        (line,) = {*_warnings(one), *_warnings(two)}
        assert f"{WORDS}: 'Post 0' shows flux_generated_2026" in line


async def test_one_alone_and_an_older_folder_say_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        page = home.add()
        name = "flux_generated_20261101_090000_1.png"
        home.space.add_file(page, "Image", name, PICTURE)
        home.space.tick_box(home.add("Another"))
        await home.begin()
        await home.live()
        await home.live()
        assert _warnings(home) == []


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        ("flux_generated_20261124_111531_1.png", True),
        ("my-own_generated_20261123_090000_12.png", True),
        ("flux_generated_20261110_090000_1.png", False),
        ("flux_generated_20269924_990000_1.png", False),
        ("photo.png", False),
    ],
)
async def test_check_names_the_image_of_another(
    name: str, home: House, *, is_told: bool
) -> None:
    page = home.add()
    home.space.add_file(page, "Image", name, PICTURE)
    rows = [row async for row in check_notion(home.settings, home.source)]
    told = [row.warning for row in rows if row.what == "second installation"]
    assert bool(told) is is_told
    assert all(name in words and words.startswith(WORDS) for words in told)
