"""Pausing, putting back, pruning, copying and comparing: on a whole house."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.errors import PostbrushError, SetupError
from daemon.imaging.store.store import Store
from daemon.jobs import actions
from daemon.maintenance.backup import BackupSource, create_backup
from daemon.maintenance.prune import PruneResult, prune_images
from daemon.maintenance.restore import restore_backup
from daemon.maintenance.verify import (
    Finding,
    read_all_pages,
    verify_files,
    verify_pages,
)
from db import images, posts, source_state
from db.models import ImageRecord, Job, Pause
from tests.daemon.house import House, house, place_of


def _source(folder: Path) -> BackupSource:
    return BackupSource(place=place_of(folder), store=Store(folder / "images"))


async def _images(home: House, page: str) -> list[ImageRecord]:
    async with home.source.app.db.read_transaction() as tx:
        return await images.of_page(tx, "default", page)


async def _use(home: House, page: str, image: ImageRecord) -> Job:
    async with home.source.app.db.write_transaction() as tx:
        post = await posts.get(tx, "default", page)
        assert post is not None
        return await actions.reattach_image(tx, post, image, home.clock.now())


async def _two_images(home: House) -> tuple[str, ImageRecord, ImageRecord]:
    page = home.add()
    await home.live()
    home.space.tick_box(page)
    await home.live()
    newest, first = await _images(home, page)
    return page, first, newest


async def test_an_earlier_image_is_put_back(home: House) -> None:
    page, first, newest = await _two_images(home)
    assert home.space.list_files(page)[0].name == newest.name
    paid = home.hub.painted
    await _use(home, page, first)
    await home.work()
    (file,) = home.space.list_files(page)
    assert file.name == first.name
    assert home.hub.painted == paid
    assert {job.state for job in await home.jobs()} == {"done"}


async def test_what_cannot_be_put_back_says_why(home: House) -> None:
    page, first, newest = await _two_images(home)
    async with home.source.app.db.write_transaction() as tx:
        await images.set_pruned(tx, first.id, home.clock.now())
    (_, pruned) = await _images(home, page)
    with pytest.raises(PostbrushError, match="was deleted"):
        await _use(home, page, pruned)
    home.space.tick_box(page)
    await home.poll()
    with pytest.raises(PostbrushError, match="the page has an open job"):
        await _use(home, page, newest)


async def test_nothing_is_made_while_it_is_paused(home: House) -> None:
    until = home.clock.now() + timedelta(days=7)
    async with home.source.app.db.write_transaction() as tx:
        start = home.clock.now()
        await source_state.set_pause(
            tx, Pause(source="default", since=start, until=until)
        )
    page = home.add()
    await home.live()
    assert home.hub.served == []
    # A wish is heard all the same.
    home.space.tick_box(page)
    await home.live()
    assert home.read(page)["Regenerate"] is False
    assert len([line for line in home.said if "daemon.paused" in line]) == 1
    home.clock.move(days=7)
    await home.live()
    assert home.read(page)["Image status"] == "Done"
    assert any("daemon.resumed" in line for line in home.said)


async def _prune(home: House, days: int, *, dry_run: bool = False) -> PruneResult:
    return await prune_images(
        home.source.app.db,
        home.source.app.store,
        now=home.clock.now(),
        keep=timedelta(days=days),
        dry_run=dry_run,
    )


async def test_only_old_images_that_no_page_shows_are_pruned(home: House) -> None:
    page, first, newest = await _two_images(home)
    folder = home.source.app.image_folder
    small = folder.parent / "thumbs" / f"{Path(first.name).stem}.webp"
    small.parent.mkdir()
    small.touch()
    assert (await _prune(home, 30)).names == ()
    home.clock.move(days=31)
    assert (await _prune(home, 30, dry_run=True)).names == (first.name,)
    assert (folder / first.name).exists()
    assert (await _prune(home, 30)).names == (first.name,)
    assert not (folder / first.name).exists()
    assert not small.exists()
    assert (folder / newest.name).exists()
    assert (await _prune(home, 30)).names == ()
    # What was pruned is not missed.
    assert [problem async for problem in verify_files(home.source, fix=False)] == []
    assert home.space.list_files(page)


async def test_an_image_that_was_put_back_is_what_the_page_shows(home: House) -> None:
    page, first, newest = await _two_images(home)
    home.clock.move(hours=1)
    await _use(home, page, first)
    await home.work()
    home.clock.move(days=31)
    assert (await _prune(home, 30)).names == (newest.name,)


async def test_a_backup_taken_while_it_runs_goes_on_elsewhere(
    home: House, tmp_path: Path
) -> None:
    page, first, newest = await _two_images(home)
    home.add("Another", "Another bread.")
    target = tmp_path / "copy.tar"
    async with home.source.app.db.write_transaction():
        # Even in the middle of a transaction of the daemon's.
        made = create_backup(_source(tmp_path), target, home.clock.now())
    assert set(made["files"]) == {
        "postbrush.db",
        f"images/{first.name}",
        f"images/{newest.name}",
    }
    with pytest.raises(SetupError, match="exists"):
        create_backup(_source(tmp_path), target, home.clock.now())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    restore_backup(target, elsewhere, place_of(elsewhere))
    async with house(elsewhere, town=home.town, clock=home.clock) as later:
        await later.begin()
        await later.live()
        assert len(later.space.list_page_ids(later.town.source.id)) == 2
        assert later.read(page)["Image status"] == "Done"
        assert home.hub.painted == 3
        assert [
            problem async for problem in verify_files(later.source, fix=False)
        ] == []


def _spoil(source: Path, target: Path, how: str) -> None:
    """Write *source* again with one thing wrong."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for entry in old:
            content = old.extractfile(entry)
            assert content is not None
            data = content.read()
            if how == "changed" and entry.name.startswith("images/"):
                data = data[:-1] + bytes([data[-1] ^ 1])
            if how == "missing" and entry.name.startswith("images/"):
                continue
            if how == "outside" and entry.name == "manifest.json":
                files = json.loads(data)
                files["files"]["../evil"] = {"bytes": 1, "sha256": "x"}
                data = json.dumps(files).encode()
            if how == "later" and entry.name == "manifest.json":
                data = json.dumps(json.loads(data) | {"format": 3}).encode()
            entry.size = len(data)
            new.addfile(entry, io.BytesIO(data))
            if how == "outside" and entry.name == "manifest.json":
                evil = tarfile.TarInfo("../evil")
                evil.size = 1
                new.addfile(evil, io.BytesIO(b"x"))


@pytest.mark.parametrize(
    ("how", "tells"),
    [
        ("changed", "checksum differs"),
        ("missing", "files are missing"),
        ("outside", "not in its manifest"),
        ("later", "a newer postbrush"),
    ],
)
async def test_a_spoilt_backup_leaves_the_folder_empty(
    home: House, tmp_path: Path, how: str, tells: str
) -> None:
    home.add()
    await home.live()
    create_backup(_source(tmp_path), tmp_path / "good.tar", home.clock.now())
    _spoil(tmp_path / "good.tar", tmp_path / "bad.tar", how)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(SetupError, match=tells):
        restore_backup(tmp_path / "bad.tar", elsewhere, place_of(elsewhere))
    assert list(elsewhere.iterdir()) == []
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("content", [b"", b"rubbish" * 99, b"\x00" * 2048])
def test_what_is_no_backup_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    (tmp_path / "data").mkdir()
    with pytest.raises(SetupError, match="not a backup of postbrush"):
        restore_backup(
            tmp_path / "x.tar", tmp_path / "data", place_of(tmp_path / "data")
        )


async def test_a_backup_is_not_restored_over_anything(
    home: House, tmp_path: Path
) -> None:
    home.add()
    await home.live()
    create_backup(_source(tmp_path), tmp_path / "copy.tar", home.clock.now())
    with pytest.raises(SetupError, match="empty folder"):
        restore_backup(tmp_path / "copy.tar", tmp_path, place_of(tmp_path))


async def test_whatever_does_not_fit_is_found_and_mended(home: House) -> None:
    page, first, newest = await _two_images(home)
    (home.source.app.image_folder / first.name).unlink()
    (home.source.app.image_folder / newest.name).write_bytes(b"spoilt")
    (home.source.app.image_folder / "holiday.png").write_bytes(b"somebody's")
    home.space.edit_page(page, {"Post": "Bread for everyone."})
    home.space.add_file(page, "Image", "mine.png", b"mine")
    problems = await _verify(home, fix=False)
    assert [(problem.what, problem.wrong.split(",")[0]) for problem in problems] == [
        (first.name, "the file is missing"),
        (newest.name, "the file is damaged (its checksum differs)"),
        ("holiday.png", "the file is not in the database"),
        ("'A post'", f"shows {newest.name}"),
    ]
    assert not any(problem.fixed for problem in problems)
    mended = await _verify(home, fix=True)
    assert [bool(problem.fixed) for problem in mended] == [True, True, False, True]
    left = [one.what for one in await _verify(home, fix=False)]
    # What is somebody else's, or no longer known for sure, is never removed.
    assert set(left) == {"holiday.png", newest.name}
    assert (home.source.app.image_folder / "holiday.png").exists()


async def _verify(home: House, *, fix: bool) -> list[Finding]:
    problems = [problem async for problem in verify_files(home.source, fix=fix)]
    pages = await read_all_pages(home.source)
    return problems + [
        problem async for problem in verify_pages(home.source, pages, fix=fix)
    ]
