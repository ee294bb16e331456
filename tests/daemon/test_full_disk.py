"""Each single write there is goes wrong: nothing lost, one payment."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.imaging import files
from db.engine import Database, Tx
from db.errors import DatabaseAwayError, DiskFullError
from tests.daemon.house import House, house


class Disk:
    """Counts commits and files; one of them finds the disk full, or the server away.

    Args:
        how: "full", or when the server goes: "before" the commit was carried out, or
            "after", which nobody can tell from it.
    """

    def __init__(self, patch: pytest.MonkeyPatch, full_at: int, how: str) -> None:
        self.count, self.full_at, self.how = 0, full_at, how
        writing, save_new = Database.write_transaction, files.save_new
        disk = self

        @asynccontextmanager
        async def write(database: Database) -> AsyncIterator[Tx]:
            async with writing(database) as tx:
                yield tx
                over = disk.is_full()
                if over and disk.how == "full":
                    # SQLite says so at the commit, and nothing is written.
                    raise DiskFullError("disk full: nothing was written")
                if over and disk.how == "before":
                    raise DatabaseAwayError("cannot be reached")
            if over:
                raise DatabaseAwayError("cannot be reached")

        def save(*what: Any) -> None:  # noqa: ANN401 - as it is called
            if disk.is_full() and disk.how == "full":
                raise OSError(errno.ENOSPC, "No space left on device")
            save_new(*what)

        patch.setattr(Database, "write_transaction", write)
        patch.setattr(files, "save_new", save)

    def is_full(self) -> bool:
        self.count += 1
        return self.count == self.full_at


async def _whole_way(home: House) -> str:
    page = home.add()
    await _patiently(home)
    home.space.tick_box(page)
    await _patiently(home)
    return page


async def _patiently(home: House) -> None:
    """Live on for a while; a poll that cannot be stored is the loop's to report."""
    for _ in range(3):
        try:
            await home.live()
        except (DiskFullError, DatabaseAwayError):
            home.clock.move(seconds=30)


def _folder(base: Path, name: str) -> Path:
    (base / name).mkdir()
    return base / name


_WAYS = ("full", "before", "after")


async def test_each_write_goes_wrong_in_one_of_the_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = await _count_writes(tmp_path, monkeypatch)
    for number in range(1, writes + 1):
        how = _WAYS[number % len(_WAYS)]
        await _go_wrong_at(number, how, tmp_path, monkeypatch)


@pytest.mark.long
# The disk is a pretend one, above the database: on a server each write fails once.
@pytest.mark.sqlite_only
@pytest.mark.parametrize("how", _WAYS)
async def test_each_write_goes_wrong_in_each_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    writes = await _count_writes(tmp_path, monkeypatch)
    for number in range(1, writes + 1):
        await _go_wrong_at(number, how, tmp_path, monkeypatch)


async def _count_writes(base: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many writes a new post and its regeneration take."""
    with monkeypatch.context() as patch:
        disk = Disk(patch, 0, "full")
        async with house(_folder(base, "whole")) as home:
            await home.begin()
            disk.count = 0
            await _whole_way(home)
    assert disk.count >= 16
    return disk.count


async def _go_wrong_at(
    number: int, how: str, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let one write of the same way fail; nothing is lost, nothing paid twice."""
    with monkeypatch.context() as patch:
        disk = Disk(patch, 0, how)
        async with house(_folder(base, str(number))) as home:
            await home.begin()
            disk.count, disk.full_at = 0, number
            page = await _whole_way(home)
            where = f"{how} at write {number}"
            assert home.read(page)["Image status"] == "Done", where
            assert home.read(page)["Regenerate"] is False, where
            assert home.hub.painted == 2, where
            jobs = await home.jobs()
            assert {job.state for job in jobs} == {"done"}, where
            assert len(jobs) == 2, where


async def test_a_call_that_failed_is_free_though_the_disk_was_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The writes of the first call are among the first eight.
    for number in range(1, 9):
        with monkeypatch.context() as patch:
            disk = Disk(patch, 0, "full")
            # No other route serves within the same call.
            toml = '[providers.flux]\nroute = "nscale"\n'
            async with house(_folder(tmp_path, str(number)), toml=toml) as home:
                await home.begin()
                disk.count, disk.full_at = 0, number
                home.hub.inject_fault("POST", status=500)
                home.add()
                await _patiently(home)
                calls = [call for call in await home.calls() if call.provider == "flux"]
        # The first one failed; the second replaced the card that stood in.
        assert [call.outcome for call in calls] == ["unavailable", "image"], number
        assert calls[0].cost + calls[0].included_cost == 0, number
