"""The stored images, and which of them a page shows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from db.engine import Tx
from db.mapping import (
    CleanText,
    fetch_all,
    fetch_one,
    if_given,
    in_chunks,
    insert_record,
)
from db.models import ImageRecord
from db.states import OPEN
from db.tables import images, jobs

_ALL = sa.select(images)
_OF_JOB = _ALL.where(images.c.job_id == sa.bindparam("job")).order_by(images.c.number)
_OF_PAGES = _ALL.where(
    images.c.source == sa.bindparam("of", type_=CleanText()),
    images.c.page_id.in_(sa.bindparam("pages", expanding=True)),
).order_by(images.c.id)
_BY_NAMES = _ALL.where(images.c.name.in_(sa.bindparam("names", expanding=True)))
#: Characters of the key in the name of an image with words.
_KEY = 12
_LETTERED = re.compile(rf"_text_[0-9a-f]{{{_KEY}}}\.png$")
_CHANGE = images.update().where(images.c.id.in_(sa.bindparam("these", expanding=True)))


async def add(tx: Tx, **values: Any) -> int:  # noqa: ANN401 - the columns of the table
    """Insert an image whose file is already stored; return its id."""
    record = await insert_record(tx, images, ImageRecord(id=0, **values))
    return record.id


async def by_id(tx: Tx, image_id: int) -> ImageRecord | None:
    """Return an image by its id."""
    return await fetch_one(tx, ImageRecord, _ALL.where(images.c.id == image_id))


async def by_name(tx: Tx, name: str) -> ImageRecord | None:
    """Return the image with this file name."""
    return await fetch_one(tx, ImageRecord, _BY_NAMES, names=[name])


async def by_names(tx: Tx, names: list[str]) -> dict[str, ImageRecord]:
    """Return, by file name, the images of any page with one of these file names.

    A name with words on the image leads to the image without them.
    """
    plain_names = {name: plain_name(name) for name in names}
    found = {
        image.name: image
        for chunk in in_chunks(sorted(set(plain_names.values())))
        for image in await fetch_all(tx, ImageRecord, _BY_NAMES, names=chunk)
    }
    return {name: found[plain] for name, plain in plain_names.items() if plain in found}


def lettered_name(name: str, key: str) -> str:
    """Return the file name of an image with words on it; *key* tells them apart."""
    return f"{name.removesuffix('.png')}_text_{key[:_KEY]}.png"


def plain_name(name: str) -> str:
    """Return the file name of the image without words, which `images` has."""
    return _LETTERED.sub(".png", name)


async def of_attempt(tx: Tx, attempt_id: int) -> ImageRecord | None:
    """Return the image of a provider call."""
    return await fetch_one(
        tx, ImageRecord, _ALL.where(images.c.attempt_id == attempt_id)
    )


async def of_job(tx: Tx, job_id: int) -> list[ImageRecord]:
    """Return a job's images in the order of their numbers."""
    return await fetch_all(tx, ImageRecord, _OF_JOB, job=job_id)


async def of_page(tx: Tx, source: str, page_id: str) -> list[ImageRecord]:
    """Return all images of a page, newest first."""
    oldest_first = await fetch_all(
        tx, ImageRecord, _OF_PAGES, of=source, pages=[page_id]
    )
    return oldest_first[::-1]


async def of_inputs(
    tx: Tx, source: str, inputs: Mapping[str, str]
) -> list[ImageRecord]:
    """Return the images of some pages that were generated from given inputs.

    Args:
        inputs: Fingerprint of the inputs, by page id.
    """
    return [
        image
        for chunk in in_chunks(list(inputs))
        for image in await fetch_all(tx, ImageRecord, _OF_PAGES, of=source, pages=chunk)
        if image.fingerprint == inputs[image.page_id]
    ]


async def list_newest(
    tx: Tx, *, limit: int, source: str | None = None
) -> list[ImageRecord]:
    """Return the newest images of a source, newest first; None for all sources."""
    query = _ALL.where(*if_given(images.c.source, source)).order_by(images.c.id.desc())
    return await fetch_all(tx, ImageRecord, query.limit(limit))


async def not_pruned(tx: Tx) -> list[ImageRecord]:
    """Return all images whose file has not been pruned, oldest first."""
    query = _ALL.where(images.c.pruned_at.is_(None)).order_by(images.c.id)
    return await fetch_all(tx, ImageRecord, query)


async def list_prunable(
    tx: Tx, made_before: datetime, *, source: str | None = None
) -> list[ImageRecord]:
    """Return older images that no page shows and no open job needs, oldest first.

    A page shows the images that Notion confirmed last, whatever the last poll saw.

    Args:
        made_before: Only images generated before this time.
        source: Only this source; None for all.
    """
    shown = (
        sa.select(images.c.page_id, sa.func.max(images.c.shown_at).label("at"))
        .group_by(images.c.page_id)
        .subquery()
    )
    open_jobs = sa.select(jobs.c.id).where(jobs.c.state.in_(OPEN))
    query = (
        _ALL.outerjoin(shown, shown.c.page_id == images.c.page_id)
        .where(
            images.c.pruned_at.is_(None),
            images.c.made_at < made_before,
            sa.or_(images.c.shown_at.is_(None), images.c.shown_at < shown.c.at),
            sa.or_(images.c.job_id.is_(None), images.c.job_id.not_in(open_jobs)),
            *if_given(images.c.source, source),
        )
        .order_by(images.c.id)
    )
    return await fetch_all(tx, ImageRecord, query)


async def assign_to_job(tx: Tx, image_id: int, job_id: int) -> None:
    """Move an image to another job of its page, which uploads it again."""
    values = {"these": [image_id], "job_id": job_id, "upload_id": None}
    await tx.execute(_CHANGE, values)


async def set_upload(tx: Tx, image_id: int, upload_id: str | None) -> None:
    """Store the id of Notion's file upload; the caller commits before use."""
    await tx.execute(_CHANGE, {"these": [image_id], "upload_id": upload_id})


async def set_shown(tx: Tx, image_ids: Sequence[int], now: datetime) -> None:
    """Store when Notion confirmed that the page shows these images."""
    await tx.execute(_CHANGE, {"these": image_ids, "shown_at": now})


async def set_pruned(tx: Tx, image_id: int, now: datetime) -> None:
    """Store that an image's file is pruned, before the file is removed."""
    await tx.execute(_CHANGE, {"these": [image_id], "pruned_at": now})
