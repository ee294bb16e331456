"""Compares rows, files and pages, and repairs the differences."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from daemon.context import SourceContext
from daemon.imaging import files
from daemon.maintenance.backup import file_sha256
from daemon.notion.model import Page
from daemon.sync.apply import apply_pages
from db import attempts, images, posts, source_state
from db.models import ImageRecord

_BATCH = 200
_GONE = "the file is missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference.

    Attributes:
        what: Name of the file or page.
        wrong: Description of the difference.
        fixed: Description of the repair; empty if there was none.
    """

    what: str
    wrong: str
    fixed: str = ""


async def verify_files(source: SourceContext, *, fix: bool) -> AsyncIterator[Finding]:
    """Compare the image rows with the folder and the shared store, both ways.

    Raises:
        StoreUnavailableError: The store cannot be listed.
    """
    async with source.app.db.read_transaction() as tx:
        rows = await images.not_pruned(tx)
        open_attempts = await attempts.list_open(tx)
    remote_sizes = await asyncio.to_thread(source.app.store.remote_sizes)
    recorded = {row.name for row in rows}
    for row in rows:
        local = await asyncio.to_thread(
            _check_local_file, source.app.image_folder / row.name, row
        )
        remote = None if remote_sizes is None else _check_remote_copy(remote_sizes, row)
        repair = choose_repair(local, remote)
        if repair is not None:
            fixed = await _apply_repair(source, row, repair) if fix else ""
            yield Finding(row.name, repair.wrong, fixed)
    # An open call may have its file before its row.
    recorded |= {attempt.file_name for attempt in open_attempts}
    for path in _unknown_files(source.app.image_folder, recorded):
        yield Finding(path.name, "the file is not in the database")
    for path in sorted(files.lettered_folder(source.app.image_folder).glob("*.png")):
        if images.plain_name(path.name) not in recorded:
            if fix:
                path.unlink(missing_ok=True)
            fixed = "removed" if fix else ""
            yield Finding(path.name, "its image no longer exists", fixed)
    for name in sorted((remote_sizes or {}).keys() - recorded):
        yield Finding(name, "the file on the store is not in the database")


def _check_local_file(path: Path, row: ImageRecord) -> str:
    try:
        is_intact = file_sha256(path) == row.sha256
    except FileNotFoundError:
        return _GONE
    except OSError as error:
        return f"the file cannot be read: {error.strerror}"
    return "" if is_intact else "the file is damaged (its checksum differs)"


def _check_remote_copy(sizes: Mapping[str, int], row: ImageRecord) -> str:
    if row.name not in sizes:
        return "missing on the store"
    # More than the size would need a download.
    return "" if sizes[row.name] == row.bytes else "has another size on the store"


@dataclass(frozen=True, slots=True)
class Repair:
    """What is wrong with an image, and how to repair it."""

    wrong: str
    action: Literal["mark_deleted", "remove_local", "upload"]


def choose_repair(local: str, remote: str | None) -> Repair | None:
    """Return the repair of an image; None if nothing is wrong; pure.

    Args:
        local: What is wrong with the file; empty if nothing is.
        remote: What is wrong on the shared store; None if there is no store.
    """
    if remote is None:
        return Repair(local, "mark_deleted") if local else None
    # The folder is a cache, so an image may be on the store only.
    if not remote and local in {"", _GONE}:
        return None
    # The next use fetches the image again.
    if not remote:
        return Repair(local, "remove_local")
    if not local:
        return Repair(remote, "upload")
    return Repair(f"{local}, and {remote}", "mark_deleted")


async def _apply_repair(source: SourceContext, row: ImageRecord, repair: Repair) -> str:
    """Repair an image; return what was done."""
    match repair.action:
        case "remove_local":
            await asyncio.to_thread((source.app.image_folder / row.name).unlink)
            return "removed the local file; the store has the image"
        case "upload":
            await asyncio.to_thread(source.app.store.replace_remote, row.name)
            return "uploaded to the store"
        case "mark_deleted":
            async with source.app.db.write_transaction() as tx:
                await images.set_pruned(tx, row.id, source.app.now())
            return "marked as deleted in the database"


def _unknown_files(folder: Path, recorded: set[str]) -> Iterator[Path]:
    for path in sorted(folder.glob("*")):
        if path.is_file() and path.name not in recorded and path.name != ".gitignore":
            yield path


async def verify_pages(
    source: SourceContext, pages: Sequence[Page], *, fix: bool
) -> AsyncIterator[Finding]:
    """Compare the files that pages show with the stored state of their posts."""
    for start in range(0, len(pages), _BATCH):
        batch = pages[start : start + _BATCH]
        async with source.app.db.read_transaction() as tx:
            ids = [page.id for page in batch]
            post_by_page = await posts.get_many(tx, source.name, ids)
        for page in batch:
            post = post_by_page.get(page.id)
            shown = tuple(file.name for file in page.image)
            if post is None or post.shown_files == shown:
                continue
            wrong = (
                f"shows {_join_names(shown)}, but the database has "
                f"{_join_names(post.shown_files)}"
            )
            if fix:
                await apply_pages(source, [page], hold="too many")
            fixed = "updated the database" if fix else ""
            yield Finding(f"'{page.title}'", wrong, fixed)


def _join_names(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


async def read_all_pages(source: SourceContext) -> list[Page]:
    """Read every page of a source.

    Raises:
        NotionError: Notion is unavailable, or refuses the request.
    """
    source.state.bot_user = await source.notion.fetch_bot_user()
    info = await source.notion.resolve_source(source.options.notion.data_source)
    async with source.app.db.read_transaction() as tx:
        state = await source_state.load_source_state(tx, source.name)
    columns = state.columns if state and state.data_source == info.id else {}
    schema = source.state.schema = await source.notion.fetch_schema(info.id, columns)
    pages = {
        page.id: page
        async for batch, _has_more in source.notion.iterate_page_batches(schema)
        for page in batch
    }
    return list(pages.values())
