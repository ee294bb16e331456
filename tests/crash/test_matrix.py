"""The daemon dies at every border it crosses, and goes on: nothing lost, nothing twice.

Observers outside count payments, uploads and writes; the database is read as a file.
"""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.world import World, world

pytestmark = pytest.mark.timeout(900)

#: The call is on record from the first of these, and what it brought from the second:
#: in between the service may have been paid, and nobody can know.
_BEGUN = "after commit in flow/draw.begin"
_KEPT = ("after commit in flow/draw.remember", "after link of the image")


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
        _all_is_well(whole, "killed nowhere", expected, unknowable=False)
    _the_list_is_worth_something(borders)
    begun = borders.index(_BEGUN)
    kept = next(n for n, border in enumerate(borders) if border in _KEPT)
    for number, border in enumerate(borders, 1):
        async with world(tmp_path / str(number), kind, ticked=ticked) as here:
            code, crossed = await here.life(die_at=number)
            where = f"killed {border} (crossing {number})"
            assert code == -signal.SIGKILL, where
            # The same way is gone every time, or this would test something else.
            assert crossed == borders[:number], where
            code, _ = await here.life()
            assert code == 0, where
            unknowable = begun < number <= kept
            _all_is_well(here, where, expected + 1, unknowable=unknowable)


def _the_list_is_worth_something(borders: list[str]) -> None:
    kinds = Counter(border.split(" in ")[0].split(" /")[0] for border in borders)
    assert kinds["before commit"] == kinds["after commit"] >= 6
    assert kinds["after link of the image"] == 1
    assert kinds["after service order"] == 1
    assert sum("file_uploads" in border for border in borders) == 4
    assert sum("PATCH" in border for border in borders) >= 2


def _all_is_well(
    here: World, where: str, most_writes: int, *, unknowable: bool
) -> None:
    space = here.town.workspace
    cells = space.read(here.page)
    (file,) = space.files(here.page)
    # The wish has its one outcome.
    rows = here.rows("SELECT state, owed, again FROM jobs")
    assert rows == [("done", "", None)], where
    assert cells["Image status"] == "Done", where
    assert cells["Regenerate"] is False, where
    # The page shows what the database says, and it is on disk.
    ((name, on_page),) = here.rows("SELECT name, shown_at FROM images")
    assert (file.name, on_page is not None) == (name, True), where
    on_disk = {path.name for path in (here.folder / "images").iterdir()}
    assert on_disk == {name}, where
    # Nothing was knowingly paid for twice, and whatever may have been is counted.
    attempts = here.rows("SELECT outcome, cost + covered, price FROM attempts")
    outcomes = Counter(outcome for outcome, _, _ in attempts)
    assert outcomes["image"] == 1, where
    unknown = outcomes["unknown"]
    assert unknown <= unknowable, where
    assert here.fake.painted <= 1 + unknown, where
    assert sum(counted for _, counted, _ in attempts) >= (
        here.fake.painted * attempts[0][2] - 1e-9
    ), where
    # Notion was not written to more often than one answer was lost.
    assert len(here.writes) <= most_writes, where
