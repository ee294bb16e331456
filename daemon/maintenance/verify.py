"""Rows, files and pages against each other: what does not fit, and mending it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from daemon.context import SourceContext
from daemon.notion.model import Page
from daemon.notion.query_position import QueryPosition
from daemon.sync.apply import apply_pages
from db import attempts, images, posts
from db.models import ImageRecord

_BATCH = 200
_GONE = "its file is gone"


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


async def verify_files(flow: SourceContext, *, fix: bool) -> AsyncIterator[Finding]:
    """Compare the rows with the files, both ways; the store is listed, once.

    Raises:
        StoreAwayError: It cannot be asked.
    """
    async with flow.db.read_transaction() as tx:
        rows = await images.not_pruned(tx)
        calls = await attempts.list_open(tx)
    shared = await asyncio.to_thread(flow.store.remote_sizes)
    known = {one.name for one in rows}
    for row in rows:
        here = await asyncio.to_thread(
            _check_local_file, flow.image_folder / row.name, row
        )
        found = choose_repair(
            here, None if shared is None else _check_remote_copy(shared, row)
        )
        if found is not None:
            fixed = await _apply_repair(flow, row, found) if fix else ""
            yield Finding(row.name, found.wrong, fixed)
    # A call that is under way may have its file before its row.
    coming = {one.file_name for one in calls}
    for path in _unknown_files(flow.image_folder, known | coming):
        yield Finding(path.name, "a file that no row names")
    for name in sorted((shared or {}).keys() - known - coming):
        yield Finding(name, "no row names it, and it is on the store")


def _check_local_file(path: Path, row: ImageRecord) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return _GONE
    except OSError as error:
        return f"its file cannot be read: {error.strerror}"
    if hashlib.sha256(data).hexdigest() != row.sha256:
        return "its file is not what was written"
    return ""


def _check_remote_copy(shared: Mapping[str, int], row: ImageRecord) -> str:
    if row.name not in shared:
        return "it is missing on the store"
    # To know more it would have to be fetched.
    return "" if shared[row.name] == row.bytes else "on the store it has another size"


@dataclass(frozen=True, slots=True)
class Repair:
    """What is wrong with an image, and what mends it."""

    wrong: str
    mend: Literal["give up", "drop here", "put there"]


def choose_repair(here: str, there: str | None) -> Repair | None:
    """Say what is wrong with an image; None: nothing is.

    Args:
        here: What is wrong with the file; empty: nothing.
        there: What is wrong on the store; None: there is no store.
    """
    # All there is.
    if there is None:
        return Repair(here, "give up") if here else None
    # What others made is fetched when it is asked for.
    if not there and here in {"", _GONE}:
        return None
    # It is fetched anew when it is asked for.
    if not there:
        return Repair(here, "drop here")
    # The other machines cannot have it.
    if not here:
        return Repair(there, "put there")
    return Repair(f"{here}, and {there}", "give up")


async def _apply_repair(flow: SourceContext, row: ImageRecord, found: Repair) -> str:
    """Mend it; return what was done."""
    match found.mend:
        case "drop here":
            await asyncio.to_thread((flow.image_folder / row.name).unlink)
            return "removed here: the store has it"
        case "put there":
            await asyncio.to_thread(flow.store.replace_remote, row.name)
            return "it is on the store now"
        case "give up":
            async with flow.db.write_transaction() as tx:
                await images.set_pruned(tx, row.id, flow.now())
            return "its row says so now"


def _unknown_files(folder: Path, known: set[str]) -> Iterator[Path]:
    for path in sorted(folder.glob("*")):
        if path.is_file() and path.name not in known and path.name != ".gitignore":
            yield path


async def verify_pages(
    flow: SourceContext, pages: Sequence[Page], *, fix: bool
) -> AsyncIterator[Finding]:
    """Compare what pages show with what we believe they show."""
    for start in range(0, len(pages), _BATCH):
        some = pages[start : start + _BATCH]
        async with flow.db.read_transaction() as tx:
            ids = [page.id for page in some]
            known = await posts.get_many(tx, flow.plan.source, ids)
        for page in some:
            post = known.get(page.id)
            shown = tuple(file.name for file in page.image)
            if post is None or post.shows == shown:
                continue
            wrong = (
                f"shows {_join_names(shown)}, and we believed {_join_names(post.shows)}"
            )
            if fix:
                await apply_pages(flow, [page], hold="too many")
            fixed = "we believe it now" if fix else ""
            yield Finding(f"'{page.title}'", wrong, fixed)


def _join_names(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


async def read_all_pages(flow: SourceContext, target: str) -> list[Page]:
    """Read every page of the source.

    Raises:
        NotionError: Notion is away, or refuses.
    """
    flow.me = await flow.door.fetch_bot_user()
    info = await flow.door.resolve_source(target)
    async with flow.db.read_transaction() as tx:
        known = await posts.load_source_state(tx, flow.plan.source)
    columns = known.columns if known and known.data_source == info.id else {}
    flow.schema = await flow.door.fetch_schema(info.id, columns)
    found: dict[str, Page] = {}
    position: QueryPosition | None = None
    while True:
        some, position = await flow.door.fetch_page_batch(flow.schema, after=position)
        found |= {page.id: page for page in some}
        if position is None:
            return list(found.values())
