"""The stored pages, and the posts that wait for approval."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from db.engine import Tx
from db.mapping import (
    CleanText,
    fetch_all,
    fetch_one,
    fetch_scalar,
    if_given,
    in_chunks,
    insert_row,
    values_of,
)
from db.models import HeldPost, Post
from db.states import OPEN, JobReason
from db.tables import counters, held, images, jobs, posts

T = TypeVar("T")

#: Posts that a search by title returns.
_MAX_FOUND = 20

_OF = sa.bindparam("of", type_=CleanText())
_PAGE = sa.bindparam("page", type_=CleanText())
_PAGES: sa.BindParameter[Any] = sa.bindparam("pages", expanding=True)
_IS_PAGE = (posts.c.source == _OF, posts.c.page_id == _PAGE)
_AMONG_PAGES = (posts.c.source == _OF, posts.c.page_id.in_(_PAGES))
_ONE = sa.select(posts).where(*_IS_PAGE)
_SOME = sa.select(posts).where(*_AMONG_PAGES)
_ROW_IDS = sa.select(posts.c.id).where(*_AMONG_PAGES)
_CHANGE = posts.update().where(*_IS_PAGE)
_PRESENT = (
    sa.select(posts.c.id, posts.c.page_id, posts.c.seen_at)
    .where(
        posts.c.id > sa.bindparam("after"),
        posts.c.source == _OF,
        posts.c.removed.is_(False),
    )
    .order_by(posts.c.id)
    .limit(sa.bindparam("most"))
)
_HELD_AMONG = sa.select(held.c.page_id).where(
    held.c.source == _OF, held.c.page_id.in_(_PAGES)
)
_ONE_HELD = sa.select(held).where(held.c.id == sa.bindparam("which"))
_RELEASE = held.delete().where(held.c.source == _OF, held.c.page_id == _PAGE)
_NEWER = images.alias("newer")
_HAS_NEWER_IMAGE = (
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
        jobs.c.state.in_(OPEN),
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
        posts.c.removed.is_(False),
        posts.c.matches_skip.is_(False),
        ~_HAS_NEWER_IMAGE,
        ~_HAS_OPEN_JOB,
    )
    .order_by(posts.c.date == "", posts.c.date, posts.c.created_at.desc())
)


async def get(tx: Tx, source: str, page_id: str) -> Post | None:
    """Return the stored state of a page."""
    return await fetch_one(tx, Post, _ONE, of=source, page=page_id)


async def get_many(tx: Tx, source: str, page_ids: list[str]) -> dict[str, Post]:
    """Return the stored states of several pages, by page id."""
    return {
        post.page_id: post
        for chunk in in_chunks(page_ids)
        for post in await fetch_all(tx, Post, _SOME, of=source, pages=chunk)
    }


async def save(tx: Tx, post: Post) -> None:
    """Insert or replace the stored state of a page; `post.id` is ignored."""
    values = values_of(post) | {
        "shown_files": list(post.shown_files),
        "inputs": dict(post.inputs),
    }
    del values["id"]
    key = {"of": post.source, "page": post.page_id}
    if (await tx.execute(_CHANGE, values | key)).rowcount == 0:
        await insert_row(tx, posts, values)


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
    return await fetch_all(tx, Post, newest.order_by(posts.c.id.desc()))


async def match_titles(
    tx: Tx, column: sa.Column[T], words: str, *, source: str | None = None
) -> list[T]:
    """Return a column of the posts whose title contains every word, oldest first.

    Python compares, because SQLite and PostgreSQL fold the case of different letters.
    """
    query = sa.select(column, posts.c.title).where(*if_given(posts.c.source, source))
    needed = words.casefold().split()
    return [
        value
        for value, title in await tx.execute(query.order_by(posts.c.id))
        if all(word in title.casefold() for word in needed)
    ]


async def find_by_page_id(tx: Tx, page_id: str) -> Post | None:
    """Return a stored page of any source by its page id."""
    return await fetch_one(tx, Post, sa.select(posts).where(posts.c.page_id == page_id))


async def count(tx: Tx, *, source: str | None = None) -> int:
    """Return the number of stored posts of a source; None for all sources."""
    query = sa.select(sa.func.sum(counters.c.count)).where(
        counters.c.what == "posts", *if_given(counters.c.source, source)
    )
    return await fetch_scalar(tx, query)


async def row_ids(tx: Tx, source: str, page_ids: list[str]) -> list[int]:
    """Return the row ids of those of several pages that are stored."""
    return [
        row_id
        for chunk in in_chunks(page_ids)
        for (row_id,) in await tx.execute(_ROW_IDS, {"of": source, "pages": chunk})
    ]


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
    return await fetch_all(tx, Post, _REPLACEABLE, of=source, made_after=made_after)


async def hold_posts(
    tx: Tx, source: str, requests: Iterable[tuple[str, JobReason]], now: datetime
) -> None:
    """Store page ids and reasons that wait for approval; posts already held stay."""
    for page_id, reason in requests:
        if not await held_among(tx, source, [page_id]):
            values = {"source": source, "page_id": page_id, "reason": reason}
            await insert_row(tx, held, {**values, "held_at": now})


async def release_post(tx: Tx, source: str, page_id: str) -> bool:
    """Delete a post from those waiting for approval; return whether it was one."""
    deleted = await tx.execute(_RELEASE, {"of": source, "page": page_id})
    return deleted.rowcount > 0


async def held_among(tx: Tx, source: str, page_ids: list[str]) -> set[str]:
    """Return those of several pages that wait for approval."""
    return {
        page_id
        for chunk in in_chunks(page_ids)
        for (page_id,) in await tx.execute(_HELD_AMONG, {"of": source, "pages": chunk})
    }


async def held_row_ids(
    tx: Tx, *, source: str | None = None, limit: int | None = None
) -> list[int]:
    """Return the row ids of `held`, newest page first; the query runs in a thread."""
    is_post = sa.and_(
        posts.c.source == held.c.source, posts.c.page_id == held.c.page_id
    )
    query = (
        sa.select(held.c.id)
        .join(posts, is_post)
        .where(*if_given(held.c.source, source))
        .order_by(posts.c.created_at.desc(), held.c.id)
    )
    return list((await tx.execute_in_thread(query.limit(limit))).scalars())


async def load_held(tx: Tx, row_id: int) -> tuple[HeldPost, Post] | None:
    """Return a row of `held` with its page; None if either no longer exists."""
    held_post = await fetch_one(tx, HeldPost, _ONE_HELD, which=row_id)
    post = await get(tx, held_post.source, held_post.page_id) if held_post else None
    return (held_post, post) if held_post and post else None


async def latest_held(tx: Tx, *, limit: int) -> list[Post]:
    """Return the pages that were held last, the last one first."""
    query = sa.select(held).order_by(held.c.id.desc()).limit(limit)
    rows = await fetch_all(tx, HeldPost, query)
    pages = [await get(tx, row.source, row.page_id) for row in rows]
    return [post for post in pages if post is not None]


async def count_held(tx: Tx, *, source: str | None = None) -> int:
    """Return how many posts of a source wait for approval; None for all sources."""
    query = sa.select(sa.func.count(held.c.id)).where(*if_given(held.c.source, source))
    return await fetch_scalar(tx, query)
