"""Pages as we remember them, what is held, and where each source stands."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import HeldPost, Post, SourceState
from db.states import JobReason
from db.tables import held, images, jobs, posts, sync, tallies
from db.types import CleanText

_MOST_FOUND = 20

_OF = sa.bindparam("of", type_=CleanText())
_PAGE = sa.bindparam("page", type_=CleanText())
_ONE = sa.select(posts).where(posts.c.source == _OF, posts.c.page_id == _PAGE)
_SOME = sa.select(posts).where(
    posts.c.source == _OF,
    posts.c.page_id.in_(sa.bindparam("pages", expanding=True)),
)
_CHANGE = posts.update().where(posts.c.source == _OF, posts.c.page_id == _PAGE)
_ROW_IDS = sa.select(posts.c.id).where(
    posts.c.source == _OF,
    posts.c.page_id.in_(sa.bindparam("pages", expanding=True)),
)
_PRESENT = (
    sa.select(posts.c.id, posts.c.page_id, posts.c.seen_at)
    .where(
        posts.c.id > sa.bindparam("after"),
        posts.c.source == _OF,
        posts.c.gone.is_(False),
    )
    .order_by(posts.c.id)
    .limit(sa.bindparam("most"))
)
_HELD_AMONG = sa.select(held.c.page_id).where(
    held.c.source == _OF,
    held.c.page_id.in_(sa.bindparam("pages", expanding=True)),
)
_ONE_HELD = sa.select(held).where(held.c.id == sa.bindparam("which"))
_RELEASE = held.delete().where(held.c.source == _OF, held.c.page_id == _PAGE)
_SYNC = sa.select(sync).where(sync.c.source == _OF)


async def get(tx: Tx, source: str, page_id: str) -> Post | None:
    return await mapping.fetch_one(tx, Post, _ONE, of=source, page=page_id)


async def get_many(tx: Tx, source: str, page_ids: list[str]) -> dict[str, Post]:
    """Return what is remembered of several pages, by page id."""
    found: dict[str, Post] = {}
    for start in range(0, len(page_ids), 500):  # SQLite's limit of parameters
        some = page_ids[start : start + 500]
        known = await mapping.fetch_all(tx, Post, _SOME, of=source, pages=some)
        found |= {post.page_id: post for post in known}
    return found


async def save(tx: Tx, post: Post) -> None:
    """Insert or replace what is remembered of a page."""
    values: dict[str, Any] = mapping.values_of(post) | {"shows": list(post.shows)}
    values["inputs"] = dict(post.inputs)
    del values["id"]
    changed = await tx.execute(
        _CHANGE, {**values, "of": post.source, "page": post.page_id}
    )
    if changed.rowcount == 0:
        await mapping.insert_row(tx, posts, values)


async def update_fields(tx: Tx, source: str, page_id: str, **values: object) -> None:
    """Set some columns of one remembered page."""
    await tx.execute(_CHANGE, {**values, "of": source, "page": page_id})


async def reset_replace_tries(tx: Tx) -> None:
    """Let cards whose replacement was tried today be tried again today."""
    await tx.execute(
        posts.update()
        .where(posts.c.replace_tried_at.is_not(None))
        .values(replace_tried_at=None)
    )


async def find_by_title(tx: Tx, words: str, *, source: str | None = None) -> list[Post]:
    """Return pages whose title has all of *words*, newest first.

    Compared here: each database folds the case of its own letters.
    """
    wanted = words.casefold().split()
    query = sa.select(posts.c.id, posts.c.title).order_by(posts.c.id)
    if source is not None:
        query = query.where(posts.c.source == source)
    titles = await tx.execute(query)
    found = [
        row_id
        for row_id, title in titles
        if all(word in title.casefold() for word in wanted)
    ]
    newest = sa.select(posts).where(posts.c.id.in_(found[-_MOST_FOUND:]))
    return await mapping.fetch_all(tx, Post, newest.order_by(posts.c.id.desc()))


async def find_by_page_id(tx: Tx, page_id: str) -> Post | None:
    """Return a remembered page of any source by its id."""
    return await mapping.fetch_one(
        tx, Post, sa.select(posts).where(posts.c.page_id == page_id)
    )


async def count(tx: Tx, *, source: str | None = None) -> int:
    total = sa.select(sa.func.sum(tallies.c.count)).where(tallies.c.what == "posts")
    if source is not None:
        total = total.where(tallies.c.source == source)
    return await mapping.fetch_scalar(tx, total)


async def row_ids(tx: Tx, source: str, page_ids: list[str]) -> list[int]:
    """Return the row ids of those of several pages that are remembered."""
    found: list[int] = []
    for start in range(0, len(page_ids), 500):  # SQLite's limit of parameters
        values = {"of": source, "pages": page_ids[start : start + 500]}
        found += (await tx.execute(_ROW_IDS, values)).scalars()
    return found


async def list_present_after(
    tx: Tx, source: str, row_id: int, *, limit: int
) -> list[tuple[int, str, datetime]]:
    """Return remembered pages that were there when last seen, by row id.

    In batches, each read in a thread: there may be any number of them.

    Returns:
        Row id, page id and when each was first seen, of rows after *row_id*.
    """
    values = {"of": source, "after": row_id, "most": limit}
    found = await tx.execute_in_thread(_PRESENT, values)
    return [(key, page_id, seen_at) for key, page_id, seen_at in found]


async def list_replaceable(tx: Tx, source: str, *, made_after: datetime) -> list[Post]:
    """Return pages whose newest image is a card made because services were away.

    Soonest first by their date, then newest; without those that have an open job.
    """
    newer = images.alias("newer")
    is_newest = ~(
        sa.select(newer.c.id)
        .where(
            newer.c.source == images.c.source,
            newer.c.page_id == images.c.page_id,
            newer.c.id > images.c.id,
            newer.c.shown_at.is_not(None),
        )
        .exists()
    )
    is_open = (
        sa.select(jobs.c.id)
        .where(
            jobs.c.source == posts.c.source,
            jobs.c.page_id == posts.c.page_id,
            jobs.c.state.in_(["queued", "generating", "uploading"]),
        )
        .exists()
    )
    return await mapping.fetch_all(
        tx,
        Post,
        sa.select(posts)
        .join(
            images,
            sa.and_(
                images.c.source == posts.c.source, images.c.page_id == posts.c.page_id
            ),
        )
        .where(
            # Written as its index is, which holds these and no others.
            sa.text("images.replaceable"),
            images.c.source == source,
            images.c.made_at >= made_after,
            images.c.shown_at.is_not(None),
            posts.c.gone.is_(False),
            posts.c.skipped.is_(False),
            is_newest,
            ~is_open,
        )
        .order_by(posts.c.date == "", posts.c.date, posts.c.created_at.desc()),
    )


async def hold_posts(
    tx: Tx, source: str, wishes: Iterable[tuple[str, JobReason]], now: datetime
) -> None:
    """Remember pages that wait for `approve`; one already held stays as it is."""
    for page_id, reason in wishes:
        known = sa.select(held.c.id).where(
            held.c.source == source, held.c.page_id == page_id
        )
        if (await tx.execute(known)).first() is None:
            await tx.execute(
                held.insert().values(
                    source=source, page_id=page_id, reason=reason, held_at=now
                )
            )


async def release_post(tx: Tx, source: str, page_id: str) -> bool:
    """Forget that a page is held; say whether it was."""
    result = await tx.execute(_RELEASE, {"of": source, "page": page_id})
    return result.rowcount > 0


async def held_among(tx: Tx, source: str, page_ids: list[str]) -> set[str]:
    """Return those of several pages that are held."""
    found: set[str] = set()
    for start in range(0, len(page_ids), 500):  # SQLite's limit of parameters
        values = {"of": source, "pages": page_ids[start : start + 500]}
        found.update((await tx.execute(_HELD_AMONG, values)).scalars())
    return found


async def held_row_ids(
    tx: Tx, *, source: str | None = None, limit: int | None = None
) -> list[int]:
    """Return the row ids of what is held, newest page first, read in a thread."""
    query = (
        sa.select(held.c.id)
        .join(
            posts,
            sa.and_(posts.c.source == held.c.source, posts.c.page_id == held.c.page_id),
        )
        .order_by(posts.c.created_at.desc(), held.c.id)
        .limit(limit)
    )
    if source is not None:
        query = query.where(held.c.source == source)
    return list((await tx.execute_in_thread(query)).scalars())


async def load_held(tx: Tx, row_id: int) -> tuple[HeldPost, Post] | None:
    """Return one that is held, with its page."""
    found = await mapping.fetch_one(tx, HeldPost, _ONE_HELD, which=row_id)
    post = await get(tx, found.source, found.page_id) if found else None
    return (found, post) if found and post else None


async def latest_held(tx: Tx, *, limit: int) -> list[Post]:
    """Return the pages that were held last."""
    last = sa.select(held).order_by(held.c.id.desc()).limit(limit)
    found = await mapping.fetch_all(tx, HeldPost, last)
    pages = [await get(tx, one.source, one.page_id) for one in found]
    return [post for post in pages if post is not None]


async def count_held(tx: Tx, *, source: str | None = None) -> int:
    query = sa.select(sa.func.count()).select_from(held)
    if source is not None:
        query = query.where(held.c.source == source)
    return await mapping.fetch_scalar(tx, query)


async def load_source_state(tx: Tx, source: str) -> SourceState | None:
    row = (await tx.execute(_SYNC, {"of": source})).first()
    return SourceState(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's public name for it


async def sources_of(tx: Tx, data_source: str) -> set[str]:
    """Return the names of the sources that are this data source of Notion's."""
    query = sa.select(sync.c.source).where(sync.c.data_source == data_source)
    return set((await tx.execute(query)).scalars())


async def save_source_state(tx: Tx, state: SourceState) -> None:
    values = mapping.values_of(state) | {"columns": dict(state.columns)}
    changed = await tx.execute(
        sync.update().where(sync.c.source == state.source).values(**values)
    )
    if changed.rowcount == 0:
        await tx.execute(sync.insert().values(**values))
