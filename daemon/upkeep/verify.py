"""Rows, files and pages against each other: what does not fit, and mending it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from daemon.flow.absorb import absorb
from daemon.flow.context import Flow
from daemon.notion.model import Page
from db import attempts, images, posts
from db.records import ImageRecord

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit.

    Attributes:
        what: The file, page or call.
        wrong: In words.
        fixed: What was done about it; empty: nothing, or nothing can be.
    """

    what: str
    wrong: str
    fixed: str = ""


async def verify_files(flow: Flow, *, fix: bool) -> AsyncIterator[Finding]:
    """Compare the rows with the files, both ways."""
    async with flow.db.reading() as tx:
        rows = await images.kept(tx)
        calls = await attempts.still_open(tx)
    known = {one.name for one in rows}
    for row in rows:
        wrong = await asyncio.to_thread(_compare, flow.images / row.name, row)
        if wrong:
            yield await _mend_row(flow, row, wrong, fix=fix)
    # A call that is under way may have its file before its row.
    coming = {one.file_name for one in calls}
    for path in _strangers(flow.images, known | coming):
        yield Finding(path.name, "a file that no row names")


def _compare(path: Path, row: ImageRecord) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return "its file is gone"
    except OSError as error:
        return f"its file cannot be read: {error.strerror}"
    if hashlib.sha256(data).hexdigest() != row.sha256:
        return "its file is not what was written"
    return ""


async def _mend_row(flow: Flow, row: ImageRecord, wrong: str, *, fix: bool) -> Finding:
    if not fix:
        return Finding(row.name, wrong)
    async with flow.db.writing() as tx:
        await images.set_pruned(tx, row.id, flow.now())
    return Finding(row.name, wrong, "its row says so now")


def _strangers(folder: Path, known: set[str]) -> Iterator[Path]:
    for path in sorted(folder.glob("*")):
        if path.is_file() and path.name not in known and path.name != ".gitignore":
            yield path


async def verify_pages(
    flow: Flow, pages: Sequence[Page], *, fix: bool
) -> AsyncIterator[Finding]:
    """Compare what pages show with what we believe they show."""
    for start in range(0, len(pages), _BATCH):
        some = pages[start : start + _BATCH]
        async with flow.db.reading() as tx:
            ids = [page.id for page in some]
            known = await posts.get_many(tx, flow.plan.source, ids)
        for page in some:
            post = known.get(page.id)
            shown = tuple(file.name for file in page.image)
            if post is None or post.shows == shown:
                continue
            wrong = f"shows {_names(shown)}, and we believed {_names(post.shows)}"
            if fix:
                await absorb(flow, [page], hold="too many")
            fixed = "we believe it now" if fix else ""
            yield Finding(f"'{page.title}'", wrong, fixed)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


async def all_pages(flow: Flow, target: str) -> list[Page]:
    """Read every page of the source.

    Raises:
        NotionError: Notion is away, or refuses.
    """
    flow.me = await flow.door.me()
    info = await flow.door.resolve(target)
    async with flow.db.reading() as tx:
        known = await posts.load_sync(tx, flow.plan.source)
    columns = known.columns if known and known.data_source == info.id else {}
    flow.schema = await flow.door.schema(info.id, columns)
    found: list[Page] = []
    created_from: datetime | None = None
    while True:
        some, created_from = await flow.door.everything(
            flow.schema, created_from=created_from
        )
        found += some
        if created_from is None:
            return found
