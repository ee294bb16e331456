"""Old images are removed from the disk, never one a page shows."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from daemon.context import SourceContext
from daemon.imaging import files
from daemon.imaging.store.errors import StoreUnavailableError
from daemon.imaging.store.store import Store
from db import images
from db.engine import Database
from db.errors import DatabaseError
from db.models import ImageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneResult:
    """What was removed, or would be."""

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
    """Remove images made longer ago than *keep* that no page shows.

    Args:
        source: Only of this one; else of all of them.

    The row is marked before its file goes: after a crash in between, the next run
    finds the file without being asked (`verify` names it until then).

    Raises:
        StoreAwayError: Nothing (more) was removed.
    """
    async with db.read_transaction() as tx:
        found = await images.list_prunable(tx, now - keep, source=source)
    if found and not dry_run:
        await asyncio.to_thread(store.check_remote)
        for one in found:
            await _remove_image(db, store, one, now)
    if store.remote is not None and not dry_run:
        await _remove_pruned_elsewhere(db, store, now - keep)
    return PruneResult(
        names=tuple(one.name for one in found), bytes=sum(one.bytes for one in found)
    )


async def _remove_pruned_elsewhere(
    db: Database, store: Store, before: datetime
) -> None:
    """Remove what the cache still has of images that another machine has pruned."""
    old = await asyncio.to_thread(_names_older_than, store.folder, before.timestamp())
    async with db.read_transaction() as tx:
        known = await images.by_names(tx, old)
    for one in known.values():
        if one.pruned_at is not None:
            (store.folder / one.name).unlink(missing_ok=True)
            files.thumbnail_path(store.folder, one.name).unlink(missing_ok=True)


def _names_older_than(folder: Path, before: float) -> list[str]:
    with os.scandir(folder) as entries:
        return [one.name for one in entries if one.stat().st_mtime < before]


async def _remove_image(
    db: Database, store: Store, one: ImageRecord, now: datetime
) -> None:
    async with db.write_transaction() as tx:
        await images.set_pruned(tx, one.id, now)
    await asyncio.to_thread(store.remove, one.name)
    files.thumbnail_path(store.folder, one.name).unlink(missing_ok=True)


async def prune_source(flow: SourceContext, keep: timedelta) -> None:
    """Remove a source's old images, and log how many or why not."""
    try:
        gone = await prune_images(
            flow.db, flow.store, now=flow.now(), keep=keep, source=flow.plan.source
        )
    except (DatabaseError, OSError, StoreUnavailableError) as error:
        flow.log.warning("images.kept", summary=f"cannot prune: {error}")
        return
    if gone.names:
        flow.log.info(
            "images.pruned",
            summary=f"{len(gone.names)} old images, {gone.bytes // 2**20} MiB",
        )
