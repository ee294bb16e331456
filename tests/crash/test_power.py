"""The power goes: what a disk then holds opens cleanly, and the work goes on.

What is on the disk of a machine that lost power is what was synced, and perhaps the
torn beginning of what was not: half a frame in the write-ahead log, half an image
under a temporary name, a shared-memory file of no use.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.crash.world import World, all_is_well, unknowable, world
from tests.search import thinned

#: A server has its own disk, and its makers their own tests of it.
pytestmark = [pytest.mark.timeout(300), pytest.mark.sqlite_only]


@pytest.mark.parametrize("seed", thinned(range(10), every=4))
async def test_a_disk_after_a_power_cut_goes_on(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same cuts every time
    kind, ticked = chance.choice([("replicate", True), ("cloudflare", False)])
    async with world(tmp_path / "whole", kind, ticked=ticked) as whole:
        _, borders = await whole.life()
        expected = len(whole.writes)
    number = chance.randrange(1, len(borders) + 1)
    async with world(tmp_path / "first", kind, ticked=ticked) as here:
        await here.life(die_at=number)
        after = replace(here, folder=_disk(here, tmp_path / "disk", chance))
        with closing(sqlite3.connect(after.folder / "postbrush.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        code, _ = await after.life()
        where = f"power cut {borders[number - 1]} (crossing {number})"
        assert code == 0, where
        all_is_well(after, where, expected + 1, unknowable=unknowable(borders, number))


def _disk(here: World, target: Path, chance: random.Random) -> Path:
    """Return a copy of the data folder as the disk may hold it."""
    shutil.copytree(here.folder, target)
    (target / "postbrush.db-shm").unlink(missing_ok=True)
    with (target / "postbrush.db-wal").open("ab") as log:
        log.write(chance.randbytes(chance.randrange(1, 5000)))
    images = target / "images"
    images.mkdir(exist_ok=True)
    # Half a file is there only while its call is open.
    if here.rows("SELECT id FROM attempts WHERE outcome IS NULL"):
        torn = images / f".postbrush-{chance.randrange(10**6)}"
        half = chance.randbytes(chance.randrange(2000))
        torn.write_bytes(b"\x89PNG\r\n\x1a\n" + half)
    return target
