"""The stored pages, the posts that wait for approval, and the state of each source."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import HeldPost, Post, SourceState
from db.states import JobReason
from db.tables import held, images, jobs, posts, sync, tallies
from db.types import CleanText

T = TypeVar("T")

#: Posts that a search by title returns.
_MAX_FOUND = 20

_OF = sa.bindparam("of", type_=CleanText())
_PAGE = sa.bindparam("page", type_=CleanText())
_PAGES: sa.BindParameter[Any] = sa.bindparam("pages", expanding=True)
_ONE = sa.select(posts).where(posts.c.source == _OF, posts.c.page_id == _PAGE)
_SOME = sa.select(posts).where(posts.c.source == _OF, posts.c.page_id.in_(_PAGES))
_CHANGE = posts.update().where(posts.c.source == _OF, posts.c.page_id == _PAGE)
_ROW_IDS = sa.select(posts.c.id).where(
    posts.c.source == _OF, posts.c.page_id.in_(_PAGES)
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
    held.c.source == _OF, held.c.page_id.in_(_PAGES)
)
_ONE_HELD = sa.select(held).where(held.c.id == sa.bindparam("which"))
_RELEASE = held.delete().where(held.c.source == _OF, held.c.page_id == _PAGE)
_SYNC = sa.select(sync).where(sync.c.source == _OF)
_NEWER = images.alias("newer")
_IS_NEWEST = ~(
    sa.select(_NEWER.c.id)
    .where(
        _NEWER.c.source == images.c.source,
        _NEWER.c.page_id == images.c.page_id,
        _NEWER.c.id > images.c.id,
        _NEWER.c.shown_at.is_not(None),
    )
    .exists()
)
_HAS_OPEN_JOB = (
    sa.select(jobs.c.id)
    .where(
        jobs.c.source == posts.c.source,
        jobs.c.page_id == posts.c.page_id,
        jobs.c.state.in_(["queued", "generating", "uploading"]),
    )
    .exists()
)
_REPLACEABLE = (
    sa.select(posts)
    .join(
        images,
        sa.and_(images.c.source == posts.c.source, images.c.page_id == posts.c.page_id),
    )
    .where(
        # The condition of the partial index, word for word, so that it is used.
        sa.text("images.replaceable"),
        images.c.source == _OF,
        images.c.made_at >= sa.bindparam("made_after", type_=images.c.made_at.type),
        images.c.shown_at.is_not(None),
        posts.c.gone.is_(False),
        posts.c.skipped.is_(False),
        _IS_NEWEST,
        ~_HAS_OPEN_JOB,
    )
    .order_by(posts.c.date == "", posts.c.date, posts.c.created_at.desc())
)


async def get(tx: Tx, source: str, page_id: str) -> Post | None:
    """Return the stored state of a page."""
    return await mapping.fetch_one(tx, Post, _ONE, of=source, page=page_id)


async def get_many(tx: Tx, source: str, page_ids: list[str]) -> dict[str, Post]:
    """Return the stored states of several pages, by page id."""
    by_page_id: dict[str, Post] = {}
    for chunk in mapping.in_chunks(page_ids):
        rows = await mapping.fetch_all(tx, Post, _SOME, of=source, pages=chunk)
        by_page_id |= {post.page_id: post for post in rows}
    return by_page_id


async def save(tx: Tx, post: Post) -> None:
    """Insert or replace the stored state of a page; `post.id` is ignored."""
    values: dict[str, Any] = mapping.values_of(post) | {"shows": list(post.shows)}
    values["inputs"] = dict(post.inputs)
    del values["id"]
    updated = await tx.execute(
        _CHANGE, {**values, "of": post.source, "page": post.page_id}
    )
    if updated.rowcount == 0:
        await mapping.insert_row(tx, posts, values)


async def update_fields(tx: Tx, source: str, page_id: str, **values: object) -> None:
    """Set some columns of one page."""
    await tx.execute(_CHANGE, {**values, "of": source, "page": page_id})


async def reset_replace_tries(tx: Tx) -> None:
    """Allow cards whose replacement was tried today to be tried again today."""
    await tx.execute(
        posts.update()
        .where(posts.c.replace_tried_at.is_not(None))
        .values(replace_tried_at=None)
    )


async def find_by_title(tx: Tx, words: str, *, source: str | None = None) -> list[Post]:
    """Return the 20 newest pages whose title contains every word, newest first."""
    found = await match_titles(tx, posts.c.id, words, source=source)
    newest = sa.select(posts).where(posts.c.id.in_(found[-_MAX_FOUND:]))
    return await mapping.fetch_all(tx, Post, newest.order_by(posts.c.id.desc()))


async def match_titles(
    tx: Tx, column: sa.Column[T], words: str, *, source: str | None = None
) -> list[T]:
    """Return a column of the posts whose title contains every word, oldest first.

    Python compares, because SQLite and PostgreSQL fold the case of different letters.
    """
    query = sa.select(column, posts.c.title).order_by(posts.c.id)
    if source is not None:
        query = query.where(posts.c.source == source)
    needed = words.casefold().split()
    return [
        value
        for value, title in await tx.execute(query)
        if all(word in title.casefold() for word in needed)
    ]


async def find_by_page_id(tx: Tx, page_id: str) -> Post | None:
    """Return a stored page of any source by its page id."""
    return await mapping.fetch_one(
        tx, Post, sa.select(posts).where(posts.c.page_id == page_id)
    )


async def count(tx: Tx, *, source: str | None = None) -> int:
    """Return the number of stored posts of a source; None for all sources."""
    total = sa.select(sa.func.sum(tallies.c.count)).where(tallies.c.what == "posts")
    if source is not None:
        total = total.where(tallies.c.source == source)
    return await mapping.fetch_scalar(tx, total)


async def row_ids(tx: Tx, source: str, page_ids: list[str]) -> list[int]:
    """Return the row ids of those of several pages that are stored."""
    ids: list[int] = []
    for chunk in mapping.in_chunks(page_ids):
        ids += (await tx.execute(_ROW_IDS, {"of": source, "pages": chunk})).scalars()
    return ids


async def list_present_after(
    tx: Tx, source: str, row_id: int, *, limit: int
) -> list[tuple[int, str, datetime]]:
    """Return one batch of the pages that are not removed, by row id.

    The query runs in a thread, because there may be any number of pages.

    Returns:
        Row id, page id and time when first seen, for rows after *row_id*.
    """
    values = {"of": source, "after": row_id, "most": limit}
    rows = await tx.execute_in_thread(_PRESENT, values)
    return [(key, page_id, seen_at) for key, page_id, seen_at in rows]


async def list_replaceable(tx: Tx, source: str, *, made_after: datetime) -> list[Post]:
    """Return the pages whose newest shown image is a replaceable placeholder card.

    Pages with an open job are left out.  The order is by date, pages without a date
    first, then newest first.

    Args:
        made_after: Only cards rendered then or later.
    """
    return await mapping.fetch_all(
        tx, Post, _REPLACEABLE, of=source, made_after=made_after
    )


async def hold_posts(
    tx: Tx, source: str, requests: Iterable[tuple[str, JobReason]], now: datetime
) -> None:
    """Store page ids and reasons that wait for approval; posts already held stay."""
    for page_id, reason in requests:
        existing = sa.select(held.c.id).where(
            held.c.source == source, held.c.page_id == page_id
        )
        if (await tx.execute(existing)).first() is None:
            await tx.execute(
                held.insert().values(
                    source=source, page_id=page_id, reason=reason, held_at=now
                )
            )


async def release_post(tx: Tx, source: str, page_id: str) -> bool:
    """Delete a post from those waiting for approval; return whether it was one."""
    deleted = await tx.execute(_RELEASE, {"of": source, "page": page_id})
    return deleted.rowcount > 0


async def held_among(tx: Tx, source: str, page_ids: list[str]) -> set[str]:
    """Return those of several pages that wait for approval."""
    page_ids_held: set[str] = set()
    for chunk in mapping.in_chunks(page_ids):
        rows = await tx.execute(_HELD_AMONG, {"of": source, "pages": chunk})
        page_ids_held.update(rows.scalars())
    return page_ids_held


async def held_row_ids(
    tx: Tx, *, source: str | None = None, limit: int | None = None
) -> list[int]:
    """Return the row ids of `held`, newest page first; the query runs in a thread."""
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
    """Return a row of `held` with its page; None if either no longer exists."""
    held_post = await mapping.fetch_one(tx, HeldPost, _ONE_HELD, which=row_id)
    post = await get(tx, held_post.source, held_post.page_id) if held_post else None
    return (held_post, post) if held_post and post else None


async def latest_held(tx: Tx, *, limit: int) -> list[Post]:
    """Return the pages that were held last, the last one first."""
    query = sa.select(held).order_by(held.c.id.desc()).limit(limit)
    rows = await mapping.fetch_all(tx, HeldPost, query)
    pages = [await get(tx, row.source, row.page_id) for row in rows]
    return [post for post in pages if post is not None]


async def count_held(tx: Tx, *, source: str | None = None) -> int:
    """Return how many posts of a source wait for approval; None for all sources."""
    query = sa.select(sa.func.count()).select_from(held)
    if source is not None:
        query = query.where(held.c.source == source)
    return await mapping.fetch_scalar(tx, query)


async def load_source_state(tx: Tx, source: str) -> SourceState | None:
    """Return the stored state of a source; None before its first poll."""
    row = (await tx.execute(_SYNC, {"of": source})).first()
    return SourceState(**row._mapping) if row else None  # noqa: SLF001 - SQLAlchemy's public name for it


async def sources_of(tx: Tx, data_source: str) -> set[str]:
    """Return the names of the sources that use this Notion data source."""
    query = sa.select(sync.c.source).where(sync.c.data_source == data_source)
    return set((await tx.execute(query)).scalars())


async def save_source_state(tx: Tx, state: SourceState) -> None:
    """Insert or replace the stored state of a source."""
    values = mapping.values_of(state) | {"columns": dict(state.columns)}
    updated = await tx.execute(
        sync.update().where(sync.c.source == state.source).values(**values)
    )
    if updated.rowcount == 0:
        await tx.execute(sync.insert().values(**values))
