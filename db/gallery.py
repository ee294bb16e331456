"""The gallery: pages of images, newest first, filtered.

The queries start at `attempts`, which is indexed by provider and time, and join the
image by its file name.  So the cost of a page does not grow with their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from db.engine import Tx
from db.models import ImageRecord
from db.posts import match_titles
from db.tables import attempts, images, jobs, posts

#: The newest posts with a matching title that a search covers.
_MAX_POSTS = 400
_ORDER = (attempts.c.started_at, attempts.c.id)
_ITEMS = (
    sa.select(
        images,
        sa.func.coalesce(jobs.c.title, "").label("title"),
        attempts.c.cost,
        attempts.c.included_cost,
        attempts.c.started_at,
    )
    .select_from(attempts)
    .join(images, images.c.name == attempts.c.file_name)
    .outerjoin(jobs, jobs.c.id == images.c.job_id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryFilter:
    """Which images to show; an empty value does not filter.

    Attributes:
        words: The title of the post contains all of these words.
        since: The call started then or later.
        until: The call started before.
    """

    provider: str = ""
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryItem:
    """One image with its post and its cost.

    Attributes:
        title: Title of the post when the job was created; empty without a job.
        cost: US dollars charged.
        included_cost: US dollars covered by credits included in the plan.
        seconds: From the start of the call until the image was stored.
    """

    image: ImageRecord
    title: str
    cost: float
    included_cost: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryPage:
    """One page of images, newest first, and whether there are newer and older ones."""

    tiles: tuple[GalleryItem, ...] = ()
    newer: bool = False
    older: bool = False


async def load_page(
    tx: Tx,
    gallery_filter: GalleryFilter,
    *,
    limit: int,
    before: int | None = None,
    after: int | None = None,
) -> GalleryPage:
    """Return one page of images.

    Args:
        limit: Images on a page.
        before: Return the images before the one with this id.
        after: Return the images after the one with this id, unless `before` is given.
            Without both, the page has the newest images.
    """
    conditions = await _build_conditions(tx, gallery_filter)
    if conditions is None:
        return GalleryPage()
    edge = before if before is not None else after
    ascending = before is None and after is not None
    if (position := await _position_of(tx, edge)) is not None:
        here = sa.tuple_(*_ORDER)
        conditions.append(here > position if ascending else here < position)
    query = _ITEMS.where(*conditions).order_by(
        *(_ORDER if ascending else [column.desc() for column in _ORDER])
    )
    # One row more than the page has tells whether there is another page.
    items = await _fetch_items(tx, query.limit(limit + 1))
    more, items = len(items) > limit, items[:limit]
    if ascending:
        return GalleryPage(tiles=tuple(reversed(items)), newer=more, older=True)
    return GalleryPage(tiles=tuple(items), newer=edge is not None, older=more)


async def load_item(tx: Tx, image_id: int) -> GalleryItem | None:
    """Return one image by its id."""
    items = await _fetch_items(tx, _ITEMS.where(images.c.id == image_id))
    return items[0] if items else None


async def of_page(
    tx: Tx, source: str, page_id: str, *, limit: int
) -> list[GalleryItem]:
    """Return the newest images of one page."""
    query = _ITEMS.where(images.c.source == source, images.c.page_id == page_id)
    return await _fetch_items(tx, query.order_by(images.c.id.desc()).limit(limit))


async def providers_with_images(tx: Tx, names: list[str]) -> list[str]:
    """Return those of *names* that have generated an image, in the given order."""
    providers = []
    for name in names:
        query = sa.select(attempts.c.id).where(
            attempts.c.provider == name, attempts.c.outcome == "image"
        )
        if (await tx.execute(query.limit(1))).first() is not None:
            providers.append(name)
    return providers


async def _fetch_items(tx: Tx, query: sa.Select[Any]) -> list[GalleryItem]:
    return [_to_item(row._asdict()) for row in await tx.execute(query)]


def _to_item(values: dict[str, Any]) -> GalleryItem:
    post = {key: values.pop(key) for key in ("title", "cost", "included_cost")}
    started_at: datetime = values.pop("started_at")
    image = ImageRecord(**values)
    seconds = (image.made_at - started_at).total_seconds()
    return GalleryItem(image=image, seconds=max(0.0, seconds), **post)


async def _build_conditions(
    tx: Tx, gallery_filter: GalleryFilter
) -> list[sa.ColumnElement[bool]] | None:
    """Return the filter in SQL; None if no post matches its words."""
    conditions: list[sa.ColumnElement[bool]] = []
    if gallery_filter.provider:
        conditions.append(attempts.c.provider == gallery_filter.provider)
    if gallery_filter.since is not None:
        conditions.append(attempts.c.started_at >= gallery_filter.since)
    if gallery_filter.until is not None:
        conditions.append(attempts.c.started_at < gallery_filter.until)
    if gallery_filter.words:
        page_ids = await match_titles(tx, posts.c.page_id, gallery_filter.words)
        if not page_ids:
            return None
        conditions.append(images.c.page_id.in_(page_ids[-_MAX_POSTS:]))
    return conditions


async def _position_of(
    tx: Tx, image_id: int | None
) -> sa.ColumnElement[tuple[Any, ...]] | None:
    """Return when the call of an image started, and the call's id, as SQL."""
    if image_id is None:
        return None
    query = (
        sa.select(*_ORDER)
        .join(images, images.c.attempt_id == attempts.c.id)
        .where(images.c.id == image_id)
    )
    row = (await tx.execute(query)).first()
    if row is None:
        return None
    return sa.tuple_(*(sa.literal(v, c.type) for v, c in zip(row, _ORDER, strict=True)))
