"""The daemon dies at every border it crosses, and goes on: nothing lost, nothing twice.

Observers outside count payments, uploads and writes; the database is read as a file.
"""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.cluster import on_postgres
from tests.crash.world import World, all_is_well, unknowable, world

pytestmark = pytest.mark.timeout(900)


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "ticked"),
    [("replicate", True), ("cloudflare", False)],
    ids=["a tick, a job at the service", "a new post, one call"],
)
async def test_killed_at_every_border(kind: str, ticked: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    async with world(tmp_path / "whole", kind, ticked=ticked) as whole:
        code, borders = await whole.life()
        assert code == 0
        expected = len(whole.writes)
        all_is_well(whole, "killed nowhere", expected, unknowable=False)
    _the_list_is_worth_something(borders)
    for number in _chosen(borders):
        async with world(tmp_path / str(number), kind, ticked=ticked) as here:
            await _killed_at(here, number, borders, expected + 1)


def _chosen(borders: list[str]) -> list[int]:
    """Return the crossings to die at: on a server those that it can tell apart.

    Between two commits it holds the same whatever else was crossed; the file shows
    what becomes of that.
    """
    numbered = enumerate(borders, start=1)
    if not on_postgres():
        return [number for number, _ in numbered]
    return [number for number, border in numbered if " commit in " in border]


async def test_killed_at_one_border_of_each_kind(tmp_path: Path) -> None:
    """The short way: `test_killed_at_every_border` goes the long one."""
    async with world(tmp_path / "whole", "cloudflare", ticked=False) as whole:
        code, borders = await whole.life()
        assert code == 0
        expected = len(whole.writes)
    kinds = (
        "commit in generation/provider_call.admit_call",
        "service order",
        "link of",
        "send",
        "PATCH",
    )
    for kind in kinds:
        number = 1 + next(
            n for n, one in enumerate(borders) if "after" in one and kind in one
        )
        async with world(tmp_path / str(number), "cloudflare", ticked=False) as here:
            await _killed_at(here, number, borders, expected + 1)


async def _killed_at(
    here: World, number: int, borders: list[str], most_writes: int
) -> None:
    """Kill it at one crossing, start it again, and look at what became of the post."""
    code, crossed = await here.life(die_at=number)
    where = f"killed {borders[number - 1]} (crossing {number})"
    # The same way is gone every time, or this would test something else.
    assert crossed == borders[:number], where
    assert code == -signal.SIGKILL, where
    code, _ = await here.life()
    assert code == 0, where
    uncertain = unknowable(borders, number)
    all_is_well(here, where, most_writes, unknowable=uncertain)


def _the_list_is_worth_something(borders: list[str]) -> None:
    kinds = Counter(border.split(" in ")[0].split(" /")[0] for border in borders)
    assert kinds["before commit"] == kinds["after commit"] >= 6
    assert kinds["after link of the image"] == 1
    assert kinds["after service order"] == 1
    assert sum("file_uploads" in border for border in borders) == 4
    assert sum("PATCH" in border for border in borders) >= 2
