"""The daemon dies at every border it crosses, and goes on: nothing lost, nothing twice.

Observers outside count payments, uploads and writes; the database is read as a file.
"""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.world import all_is_well, unknowable, world

pytestmark = pytest.mark.timeout(900)


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
    for number, border in enumerate(borders, 1):
        async with world(tmp_path / str(number), kind, ticked=ticked) as here:
            code, crossed = await here.life(die_at=number)
            where = f"killed {border} (crossing {number})"
            # The same way is gone every time, or this would test something else.
            assert crossed == borders[:number], where
            assert code == -signal.SIGKILL, where
            code, _ = await here.life()
            assert code == 0, where
            all_is_well(
                here, where, expected + 1, unknowable=unknowable(borders, number)
            )


def _the_list_is_worth_something(borders: list[str]) -> None:
    kinds = Counter(border.split(" in ")[0].split(" /")[0] for border in borders)
    assert kinds["before commit"] == kinds["after commit"] >= 6
    assert kinds["after link of the image"] == 1
    assert kinds["after service order"] == 1
    assert sum("file_uploads" in border for border in borders) == 4
    assert sum("PATCH" in border for border in borders) >= 2
