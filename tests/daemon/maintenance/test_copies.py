"""A folder of copies: their names, and which of them go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.errors import SetupError
from daemon.imaging.store.store import Store
from daemon.maintenance.backup import BackupSource, create_backup
from daemon.maintenance.backup_folder import backup_name, remove_old_backups
from tests.daemon.house import START, ZONE, House, place_of

_FOREIGN = [
    *("postbrush-2025-old-9.tar", "postbrush-20261124-101530.tar.xz", "notes.txt"),
    *("postbrush-20261124-101530 (1).tar", "xpostbrush-20261124-101530.tar"),
    *("postbrush-٢٠٢٦١١٢٤-101530.tar", "postbrush-1-1.tar", ".postbrush-keep.tar"),
]


def _copies(folder: Path, count: int) -> list[Path]:
    made = [folder / backup_name(START + timedelta(days=day)) for day in range(count)]
    for path in made:
        path.write_bytes(b"x")
    return made


def test_a_copy_is_named_after_its_second_in_the_owner_s_zone() -> None:
    time = datetime(2026, 11, 24, 10, 15, 30, tzinfo=UTC)
    assert backup_name(time.astimezone(ZONE)) == "postbrush-20261124-111530.tar"


@pytest.mark.parametrize("keep", [1, 2, 5, 7, 99])
def test_the_newest_stay(tmp_path: Path, keep: int) -> None:
    made = _copies(tmp_path, 7)
    gone = remove_old_backups(tmp_path, keep, made[-1])
    assert gone == made[: max(0, 7 - keep)]
    assert sorted(tmp_path.iterdir()) == made[-keep:]


def test_what_somebody_else_put_there_stays(tmp_path: Path) -> None:
    for name in _FOREIGN:
        (tmp_path / name).write_bytes(b"somebody's")
    (tmp_path / "postbrush-20200101-000000.tar").mkdir()
    made = _copies(tmp_path, 3)
    assert remove_old_backups(tmp_path, 1, made[-1]) == made[:-1]
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*_FOREIGN, "postbrush-20200101-000000.tar", made[-1].name}


def test_the_one_just_made_stays_even_when_the_clock_was_set_back(
    tmp_path: Path,
) -> None:
    made = _copies(tmp_path, 3)
    assert remove_old_backups(tmp_path, 2, made[0]) == [made[1]]
    assert remove_old_backups(tmp_path, 1, made[0]) == [made[2]]
    assert made[0].exists()


@pytest.mark.parametrize("name", ["gone/x.tar", "file/x.tar", "x" * 300 + ".tar"])
async def test_where_nothing_can_be_written_is_said_in_one_line(
    home: House, tmp_path: Path, name: str
) -> None:
    (tmp_path / "file").write_text("a file")
    source = BackupSource(place=place_of(tmp_path), store=Store(tmp_path / "images"))
    with pytest.raises(SetupError, match="cannot be written") as refused:
        create_backup(source, tmp_path / name, home.clock.now())
    assert len(str(refused.value).splitlines()) == 1
