"""Removes old images from the disk, but never one that a page shows."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from daemon.context import SourceContext
from daemon.formatting import format_count
from daemon.imaging import files
from daemon.imaging.store import StoreUnavailableError
from daemon.imaging.store.store import Store
from db import images
from db.engine import Database
from db.errors import DatabaseError
from db.models import ImageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneResult:
    """The names and total bytes of the images that were, or would be, removed."""

    names: tuple[str, ...]
    bytes: int


async def prune_images(
    db: Database,
    store: Store,
    *,
    now: datetime,
    keep: timedelta,
    source: str | None = None,
    dry_run: bool = False,
) -> PruneResult:
    """Remove images older than *keep* that no page shows.

    A row is marked before its file is removed.  After a crash in between, the next run
    removes the file, and `verify` reports it until then.

    Args:
        source: Remove only the images of this source; None for all sources.
        dry_run: Report what would be removed, and remove nothing.

    Raises:
        StoreUnavailableError: The remaining images were not removed.
    """
    async with db.read_transaction() as tx:
        prunable = await images.list_prunable(tx, now - keep, source=source)
    if prunable and not dry_run:
        await asyncio.to_thread(store.check_remote)
        for image in prunable:
            await _remove_image(db, store, image, now)
    if store.remote is not None and not dry_run:
        await _remove_pruned_elsewhere(db, store, now - keep)
    return PruneResult(
        names=tuple(image.name for image in prunable),
        bytes=sum(image.bytes for image in prunable),
    )


async def _remove_pruned_elsewhere(
    db: Database, store: Store, before: datetime
) -> None:
    """Remove cached files of images that another daemon has pruned."""
    old_names = await asyncio.to_thread(
        _names_older_than, store.folder, before.timestamp()
    )
    async with db.read_transaction() as tx:
        recorded = await images.by_names(tx, old_names)
    for image in recorded.values():
        if image.pruned_at is not None:
            (store.folder / image.name).unlink(missing_ok=True)
            _remove_derived(store.folder, image.name)


def _names_older_than(folder: Path, before: float) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.stat().st_mtime < before]


async def _remove_image(
    db: Database, store: Store, image: ImageRecord, now: datetime
) -> None:
    async with db.write_transaction() as tx:
        await images.set_pruned(tx, image.id, now)
    await asyncio.to_thread(store.remove, image.name)
    _remove_derived(store.folder, image.name)


def _remove_derived(folder: Path, name: str) -> None:
    """Remove what was made of an image: its thumbnail, and itself with words."""
    files.thumbnail_path(folder, name).unlink(missing_ok=True)
    for path in files.lettered_paths(folder, name):
        path.unlink(missing_ok=True)


async def prune_source(source: SourceContext, keep: timedelta) -> None:
    """Prune a source, and log the number of removed images or the error."""
    try:
        result = await prune_images(
            source.app.db,
            source.app.store,
            now=source.app.now(),
            keep=keep,
            source=source.name,
        )
    except (DatabaseError, OSError, StoreUnavailableError) as error:
        source.log.warning(
            "images.kept", summary=f"Old images could not be deleted: {error}"
        )
        return
    if result.names:
        source.log.info(
            "images.pruned",
            summary=f"Deleted {format_count(len(result.names), 'old image')} "
            f"({result.bytes // 2**20} MiB)",
        )
