"""The images we made, and which of them a page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from db import mapping
from db.engine import Tx
from db.models import ImageRecord
from db.states import OPEN
from db.tables import images, jobs
from db.types import CleanText

_OF_JOB = (
    sa.select(images)
    .where(images.c.job_id == sa.bindparam("job"))
    .order_by(images.c.number)
)
_OF_PAGES = (
    sa.select(images)
    .where(
        images.c.source == sa.bindparam("of", type_=CleanText()),
        images.c.page_id.in_(sa.bindparam("pages", expanding=True)),
    )
    .order_by(images.c.id)
)
_BY_NAMES = sa.select(images).where(
    images.c.name.in_(sa.bindparam("names", expanding=True))
)
_CHANGE = images.update().where(images.c.id == sa.bindparam("which"))
_CHANGE_SOME = images.update().where(
    images.c.id.in_(sa.bindparam("these", expanding=True))
)


async def add(tx: Tx, **values: Any) -> int:  # noqa: ANN401 - the columns of the table
    """Remember an image that is on disk."""
    return await mapping.insert_row(
        tx, images, {"upload_id": None, "shown_at": None, "pruned_at": None, **values}
    )


async def by_id(tx: Tx, image_id: int) -> ImageRecord | None:
    return await mapping.fetch_one(
        tx, ImageRecord, sa.select(images).where(images.c.id == image_id)
    )


async def of_job(tx: Tx, job_id: int) -> list[ImageRecord]:
    """Return a job's images in the order of their numbers."""
    return await mapping.fetch_all(tx, ImageRecord, _OF_JOB, job=job_id)


async def of_page(tx: Tx, source: str, page_id: str) -> list[ImageRecord]:
    """Return all images made for a page, newest first."""
    return await mapping.fetch_all(
        tx,
        ImageRecord,
        sa.select(images)
        .where(images.c.source == source, images.c.page_id == page_id)
        .order_by(images.c.id.desc()),
    )


async def of_inputs(
    tx: Tx, source: str, inputs: Mapping[str, str]
) -> list[ImageRecord]:
    """Return images of some pages made of certain inputs: page id to fingerprint."""
    found: list[ImageRecord] = []
    pages = list(inputs)
    for start in range(0, len(pages), 500):  # SQLite's limit of parameters
        some = pages[start : start + 500]
        made = await mapping.fetch_all(
            tx, ImageRecord, _OF_PAGES, of=source, pages=some
        )
        found += [one for one in made if one.fingerprint == inputs[one.page_id]]
    return found


async def renew_fingerprint(
    tx: Tx, source: str, page_id: str, former: str, newest: str
) -> None:
    """Put today's fingerprint in the place of an earlier version's."""
    await tx.execute(
        images.update()
        .where(
            images.c.source == source,
            images.c.page_id == page_id,
            images.c.fingerprint == former,
        )
        .values(fingerprint=newest)
    )


async def assign_to_job(tx: Tx, image_id: int, job_id: int) -> None:
    """Let another job of its page deliver an image; it is uploaded anew."""
    await tx.execute(
        images.update()
        .where(images.c.id == image_id)
        .values(job_id=job_id, upload_id=None)
    )


async def by_names(tx: Tx, names: list[str]) -> dict[str, ImageRecord]:
    """Return those of *names* that are ours, made for whatever page."""
    found: dict[str, ImageRecord] = {}
    for start in range(0, len(names), 500):  # SQLite's limit of parameters
        some = names[start : start + 500]
        ours = await mapping.fetch_all(tx, ImageRecord, _BY_NAMES, names=some)
        found |= {one.name: one for one in ours}
    return found


async def of_attempt(tx: Tx, attempt_id: int) -> ImageRecord | None:
    return await mapping.fetch_one(
        tx, ImageRecord, sa.select(images).where(images.c.attempt_id == attempt_id)
    )


async def list_newest(
    tx: Tx, *, limit: int, source: str | None = None
) -> list[ImageRecord]:
    """Return the newest images, newest first; None: of all sources."""
    query = sa.select(images).order_by(images.c.id.desc()).limit(limit)
    if source is not None:
        query = query.where(images.c.source == source)
    return await mapping.fetch_all(tx, ImageRecord, query)


async def set_upload(tx: Tx, image_id: int, upload_id: str | None) -> None:
    """Store the id of the file upload before it is used."""
    await tx.execute(_CHANGE, {"which": image_id, "upload_id": upload_id})


async def set_shown(tx: Tx, image_ids: Sequence[int], now: datetime) -> None:
    """Notion confirmed that the page shows these images."""
    await tx.execute(_CHANGE_SOME, {"these": image_ids, "shown_at": now})


async def by_name(tx: Tx, name: str) -> ImageRecord | None:
    """Return the image of that file name."""
    return await mapping.fetch_one(
        tx, ImageRecord, sa.select(images).where(images.c.name == name)
    )


async def not_pruned(tx: Tx) -> list[ImageRecord]:
    """Return all images whose file should be there, oldest first."""
    query = sa.select(images).where(images.c.pruned_at.is_(None)).order_by(images.c.id)
    return await mapping.fetch_all(tx, ImageRecord, query)


async def list_prunable(
    tx: Tx, made_before: datetime, *, source: str | None = None
) -> list[ImageRecord]:
    """Return images made before then that no page shows and no open job needs.

    What a page shows is the newest that Notion has confirmed, whatever we saw last.
    """
    latest = sa.select(
        images.c.page_id, sa.func.max(images.c.shown_at).label("at")
    ).group_by(images.c.page_id)
    shown = latest.subquery()
    working = sa.select(jobs.c.id).where(jobs.c.state.in_([one.value for one in OPEN]))
    query = (
        sa.select(images)
        .outerjoin(shown, shown.c.page_id == images.c.page_id)
        .where(
            images.c.pruned_at.is_(None),
            images.c.made_at < made_before,
            sa.or_(images.c.shown_at.is_(None), images.c.shown_at < shown.c.at),
            sa.or_(images.c.job_id.is_(None), images.c.job_id.not_in(working)),
        )
        .order_by(images.c.id)
    )
    if source is not None:
        query = query.where(images.c.source == source)
    return await mapping.fetch_all(tx, ImageRecord, query)


async def set_pruned(tx: Tx, image_id: int, now: datetime) -> None:
    """Its file is about to be removed."""
    await tx.execute(
        images.update().where(images.c.id == image_id).values(pruned_at=now)
    )
