"""A folder of backups: what a night adds to the disk, and what it may never take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.errors import SetupError
from daemon.imaging.store.store import Store
from daemon.maintenance.backup import BackupSource
from daemon.maintenance.backup_folder import (
    AddedBackup,
    StoredBackup,
    add_backup,
    choose_removals,
)
from daemon.maintenance.restore import restore_backup
from daemon.maintenance.verify import verify_files
from db import images
from tests.daemon.house import House, house, place_of

_KIB = 1024


def _plenty(folder: Path) -> int:
    del folder
    return 2**40


def _back_up(
    home: House,
    data: Path,
    folder: Path,
    *,
    keep: int = 7,
    min_free: int = 0,
    free_bytes: Callable[[Path], int] = _plenty,
) -> AddedBackup:
    """Make the backup of a night, and let the next day begin."""
    folder.mkdir(exist_ok=True)
    source = BackupSource(
        place=place_of(data), store=Store(data / "images"), min_free=min_free
    )
    now = home.clock.now()
    added = add_backup(source, folder, now, keep=keep, free_bytes=free_bytes)
    home.clock.move(days=1)
    return added


def _disk_use(*folders: Path) -> int:
    """Return the bytes of all files below folders, a file with two names once."""
    paths = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    inodes = {path.stat().st_ino: path.stat().st_size for path in paths}
    return sum(inodes.values())


async def _add_images(home: House, count: int) -> None:
    for number in range(count):
        home.add(f"Post {number}", f"About bread number {number}.")
    await home.live()


async def test_a_night_without_new_images_writes_kilobytes(
    home: House, tmp_path: Path
) -> None:
    await _add_images(home, 5)
    folder, images = tmp_path / "backups", tmp_path / "images"
    before = _disk_use(images)
    first = _back_up(home, tmp_path, folder)
    assert first.images == 5
    for _ in range(6):
        added = _back_up(home, tmp_path, folder)
        assert added.bytes_added < 64 * _KIB
    # Seven backups hold no image twice.
    assert _disk_use(images, folder) < before + 7 * 64 * _KIB
    assert len(list(folder.glob("*.tar.gz"))) == 7


@pytest.mark.parametrize("has_links", [True, False])
async def test_every_kept_night_can_be_restored(
    home: House, tmp_path: Path, *, has_links: bool
) -> None:
    folder = tmp_path / "backups"
    await _add_images(home, 2)
    first = _back_up(home, tmp_path, folder)
    await _add_images(home, 1)
    if not has_links:
        # As on another disk, where the images are copies.
        for path in (folder / "images").iterdir():
            data = path.read_bytes()
            path.unlink()
            path.write_bytes(data)
    second = _back_up(home, tmp_path, folder)
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    for added, count in ((first, 2), (second, 3)):
        elsewhere = tmp_path / f"restored{count}"
        elsewhere.mkdir()
        restore_backup(added.path, elsewhere, place_of(elsewhere))
        assert len(list((elsewhere / "images").iterdir())) == count
        async with house(elsewhere, town=home.town, clock=home.clock) as later:
            found = [problem async for problem in verify_files(later.source, fix=False)]
        assert found == []


async def test_an_image_goes_with_the_last_backup_that_has_it(
    home: House, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    await _add_images(home, 1)
    (image,) = (tmp_path / "images").iterdir()
    first = _back_up(home, tmp_path, folder, keep=2)
    (folder / "images" / "holiday.jpg").write_bytes(b"somebody's")
    async with home.source.app.db.write_transaction() as tx:
        (row,) = await images.not_pruned(tx)
        await images.set_pruned(tx, row.id, home.clock.now())
    image.unlink()
    _back_up(home, tmp_path, folder, keep=2)
    assert (folder / "images" / image.name).exists()
    added = _back_up(home, tmp_path, folder, keep=2)
    assert list(added.removed) == [first.path]
    assert [path.name for path in (folder / "images").iterdir()] == ["holiday.jpg"]


async def test_the_reserve_is_never_used(home: House, tmp_path: Path) -> None:
    await _add_images(home, 1)
    folder = tmp_path / "backups"
    with pytest.raises(SetupError, match=r"images\.min_free_disk") as refused:
        _back_up(home, tmp_path, folder, min_free=2**62)
    assert len(str(refused.value).splitlines()) == 1
    assert [path.name for path in folder.iterdir()] == ["images"]


async def test_older_backups_make_room_and_the_newest_stays(
    home: House, tmp_path: Path
) -> None:
    await _add_images(home, 1)
    folder = tmp_path / "backups"
    nightly = [_back_up(home, tmp_path, folder).path for _ in range(2)]
    # As version 0.1.0 wrote it, with all its images.
    whole = folder / "postbrush-20200101-000000.tar"
    whole.write_bytes(b"x" * 4 * 2**20)
    added = _back_up(
        home, tmp_path, folder, min_free=2**20, free_bytes=lambda _: -2 * 2**20
    )
    assert (list(added.removed), added.removed_for_space) == ([whole], 1)
    with pytest.raises(SetupError, match=r"images\.min_free_disk"):
        _back_up(home, tmp_path, folder, free_bytes=lambda _: -(2**40))
    assert sorted(folder.glob("postbrush-*")) == [*nightly, added.path]
    restored = tmp_path / "restored"
    restored.mkdir()
    restore_backup(added.path, restored, place_of(restored))
    assert len(list((restored / "images").iterdir())) == 1


async def test_what_an_interrupted_backup_left_is_removed(
    home: House, tmp_path: Path
) -> None:
    left = tmp_path / "backups" / ".postbrush-copy-x"
    left.mkdir(parents=True)
    (left / "postbrush.db").write_bytes(b"half")
    _back_up(home, tmp_path, tmp_path / "backups")
    assert not left.exists()


@pytest.mark.parametrize("how", ["gone", "damaged", "alone"])
async def test_a_backup_that_is_not_complete_restores_nothing(
    home: House, tmp_path: Path, how: str
) -> None:
    await _add_images(home, 1)
    folder, restored = tmp_path / "backups", tmp_path / "restored"
    path = _back_up(home, tmp_path, folder).path
    (image,) = (folder / "images").iterdir()
    data = image.read_bytes()
    image.unlink()
    if how == "damaged":
        image.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    if how == "alone":
        (folder / "images").rmdir()
    restored.mkdir()
    tells = {"gone": "is missing", "damaged": "is damaged", "alone": "not a copy of it"}
    with pytest.raises(SetupError, match=tells[how]):
        restore_backup(path, restored, place_of(restored))
    assert list(restored.iterdir()) == []


def test_backups_are_removed_oldest_first_and_only_if_it_helps() -> None:
    def stored(number: int, size: int, *names: str) -> StoredBackup:
        path = Path(f"postbrush-2026112{number}-000000.tar.gz")
        return StoredBackup(path=path, bytes=size, images=frozenset(names))

    backups = [stored(1, 10, "a", "b"), stored(2, 10, "b"), stored(3, 10, "c")]
    sizes = {"a": 100, "b": 100, "c": 100}
    assert choose_removals(backups, sizes, 10) == 1
    assert choose_removals(backups, sizes, 110) == 1
    assert choose_removals(backups, sizes, 111) == 2
    assert choose_removals(backups, sizes, 220) == 2
    # The newest stays, and nothing goes if that would not be enough.
    assert choose_removals(backups, sizes, 221) is None
    # What the data folder has, too, frees nothing.
    assert choose_removals(backups, {}, 21) is None
    damaged = StoredBackup(path=Path("x"), bytes=10, images=None)
    assert choose_removals([*backups, damaged], sizes, 31) is None
    assert choose_removals([], sizes, 1) is None
