"""The images as people look through them: newest first, filtered, a page at a time.

A call and its image share a name, and calls are indexed by provider and time: that
is the way through them, so that one page costs the same however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from db.engine import Tx
from db.models import ImageRecord
from db.tables import attempts, images, jobs, posts

#: Posts whose title fits the words; who means more says more of them.
_MOST_POSTS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryFilter:
    """What is to be seen.

    Attributes:
        words: All of them are in the title of the post.
        since: Made then or later; likewise `until`, which is not included.
    """

    provider: str = ""
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryItem:
    """One image, with what it is of and what it cost."""

    image: ImageRecord
    title: str
    cost: float
    covered: float
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryPage:
    """Some images, newest first.

    Attributes:
        newer: Whether there are newer ones; likewise `older`.
    """

    tiles: tuple[GalleryItem, ...] = ()
    newer: bool = False
    older: bool = False


async def load_page(
    tx: Tx,
    wanted: GalleryFilter,
    *,
    limit: int,
    before: int | None = None,
    after: int | None = None,
) -> GalleryPage:
    """Return one page of images.

    Args:
        before: Older than this image; else `after`: newer than this one; else the
            newest.
    """
    query = _item_query().limit(limit + 1)
    edge = before if before is not None else after
    ascending = before is None and after is not None
    where = await _build_conditions(tx, wanted)
    if where is None:
        return GalleryPage()
    query = query.where(*where)
    # One row more than is shown says whether there is another page.
    if (position := await _position_of(tx, edge)) is not None:
        here = sa.tuple_(attempts.c.started_at, attempts.c.id)
        there = sa.tuple_(
            sa.literal(position[0], attempts.c.started_at.type),
            sa.literal(position[1], attempts.c.id.type),
        )
        query = query.where(here > there if ascending else here < there)
    order = (attempts.c.started_at, attempts.c.id)
    query = query.order_by(*(order if ascending else [one.desc() for one in order]))
    found = [_to_item(row) for row in await tx.execute(query)]
    more, found = len(found) > limit, found[:limit]
    if ascending:
        return GalleryPage(tiles=tuple(reversed(found)), newer=more, older=True)
    return GalleryPage(tiles=tuple(found), newer=edge is not None, older=more)


async def load_item(tx: Tx, image_id: int) -> GalleryItem | None:
    """Return one image."""
    row = (await tx.execute(_item_query().where(images.c.id == image_id))).first()
    return _to_item(row) if row else None


async def of_page(
    tx: Tx, source: str, page_id: str, *, limit: int
) -> list[GalleryItem]:
    """Return the newest images of one page."""
    query = (
        _item_query()
        .where(images.c.source == source, images.c.page_id == page_id)
        .order_by(images.c.id.desc())
        .limit(limit)
    )
    return [_to_item(row) for row in await tx.execute(query)]


async def providers_with_images(tx: Tx, names: list[str]) -> list[str]:
    """Return those of *names* that have made an image, in their order."""
    found = []
    for name in names:
        query = sa.select(attempts.c.id).where(
            attempts.c.provider == name, attempts.c.outcome == "image"
        )
        if (await tx.execute(query.limit(1))).first() is not None:
            found.append(name)
    return found


def _item_query() -> sa.Select[Any]:
    return (
        sa.select(
            images,
            sa.func.coalesce(jobs.c.title, "").label("title"),
            attempts.c.cost,
            attempts.c.covered,
            attempts.c.started_at,
        )
        .select_from(attempts)
        .join(images, images.c.name == attempts.c.file_name)
        .outerjoin(jobs, jobs.c.id == images.c.job_id)
    )


def _to_item(row: sa.Row[Any]) -> GalleryItem:
    values: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    title, cost, covered = (values.pop(key) for key in ("title", "cost", "covered"))
    began: datetime = values.pop("started_at")
    image = ImageRecord(**values)
    seconds = (image.made_at - began).total_seconds()
    return GalleryItem(
        image=image, title=title, cost=cost, covered=covered, seconds=max(0.0, seconds)
    )


async def _build_conditions(
    tx: Tx, wanted: GalleryFilter
) -> list[sa.ColumnElement[bool]] | None:
    where: list[sa.ColumnElement[bool]] = []
    if wanted.provider:
        where.append(attempts.c.provider == wanted.provider)
    if wanted.since is not None:
        where.append(attempts.c.started_at >= wanted.since)
    if wanted.until is not None:
        where.append(attempts.c.started_at < wanted.until)
    if wanted.words:
        found = await _matching_page_ids(tx, wanted.words)
        if not found:
            return None
        where.append(images.c.page_id.in_(found))
    return where


async def _matching_page_ids(tx: Tx, words: str) -> list[str]:
    # Compared here: each database folds the case of its own letters.
    needed = words.casefold().split()
    query = sa.select(posts.c.page_id, posts.c.title).order_by(posts.c.id)
    titles = await tx.execute(query)
    found = [
        page_id
        for page_id, title in titles
        if all(word in title.casefold() for word in needed)
    ]
    return found[-_MOST_POSTS:]


async def _position_of(tx: Tx, image_id: int | None) -> tuple[datetime, int] | None:
    if image_id is None:
        return None
    query = (
        sa.select(attempts.c.started_at, attempts.c.id)
        .join(images, images.c.attempt_id == attempts.c.id)
        .where(images.c.id == image_id)
    )
    row = (await tx.execute(query)).first()
    return (row[0], row[1]) if row else None
