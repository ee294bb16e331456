"""Old images are removed from the disk, never one a page shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from db import images
from db.engine import Database
from db.records import ImageRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was removed, or would be."""

    names: tuple[str, ...]
    bytes: int


async def prune(
    db: Database,
    folder: Path,
    *,
    now: datetime,
    keep: timedelta,
    source: str | None = None,
    dry_run: bool = False,
) -> Pruned:
    """Remove images made longer ago than *keep* that no page shows.

    Args:
        source: Only of this one; else of all of them.

    The row is marked before its file goes: after a crash in between, the next run
    finds the file without being asked (`verify` names it until then).
    """
    async with db.reading() as tx:
        found = await images.prunable(tx, now - keep, source=source)
    if not dry_run:
        for one in found:
            await _remove(db, folder, one, now)
    return Pruned(
        names=tuple(one.name for one in found), bytes=sum(one.bytes for one in found)
    )


async def _remove(db: Database, folder: Path, one: ImageRecord, now: datetime) -> None:
    async with db.writing() as tx:
        await images.set_pruned(tx, one.id, now)
    (folder / one.name).unlink(missing_ok=True)
