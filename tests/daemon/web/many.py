"""A lot of images at once: as rows and files, without making any."""

from __future__ import annotations

import io
from datetime import timedelta

from PIL import Image

from daemon.context import SourceContext
from daemon.imaging.files import file_name
from db import attempts, images, jobs
from db.engine import Tx
from db.models import Job, NewJob
from db.states import JobEventType, JobReason

_SIZES = ((1080, 1080), (1080, 1350), (1200, 630), (1080, 1920))
_POSTS = 100
_COLOURS = ("#7aa5c9", "#d98b66", "#7fae86", "#c2a2d8")


async def many_images(source: SourceContext, count: int) -> None:
    """Remember *count* images of a hundred posts, newest now."""
    for size, colour in zip(_SIZES, _COLOURS, strict=True):
        out = io.BytesIO()
        Image.new("RGB", size, colour).save(out, "PNG")
        (source.app.image_folder / f"model_{size[1]}.png").write_bytes(out.getvalue())
    async with source.app.db.write_transaction() as tx:
        made = [await _job(tx, source, number) for number in range(_POSTS)]
        for number in range(count):
            await _image(tx, source, made[number % _POSTS], number, count)


async def _job(tx: Tx, source: SourceContext, number: int) -> Job:
    new = NewJob(
        source="default",
        page_id=f"{number:032d}",
        title=f"Post {number}",
        reason=JobReason.NEW,
        due_at=source.app.now(),
        fingerprint="f",
        inputs={"prompt": "bread", "format": "square", "variants": 1},
    )
    job = await jobs.create(tx, new, now=source.app.now(), why="no image yet")
    return await jobs.apply_event(
        tx, job, JobEventType.CANCELLED, now=source.app.now(), why="done with"
    )


async def _image(
    tx: Tx, source: SourceContext, job: Job, number: int, count: int
) -> None:
    at = source.app.now() - timedelta(minutes=20 * (count - number))
    width, height = _SIZES[number % len(_SIZES)]
    card = number % 5 == 0
    provider = "freeapi" if card else "flux"
    name = file_name(provider, at.astimezone(source.app.clock.zone), number + 1)
    (source.app.image_folder / name).hardlink_to(
        source.app.image_folder / f"model_{height}.png"
    )
    common = {
        "source": "default",
        "page_id": job.page_id,
        "job_id": job.id,
        "number": 1,
        "provider": provider,
        "seed": number,
    }
    attempt = await attempts.start_attempt(
        tx,
        **common,
        round=0,
        generation=0,
        price=0.0035,
        cost=0.0,
        included_cost=0.0,
        started_at=at,
        file_name=name,
    )
    await attempts.end_attempt(tx, attempt, "image", now=at, free=False)
    await images.add(
        tx,
        **common,
        attempt_id=attempt.id,
        is_card=card,
        card_why="",
        replaceable=False,
        name=name,
        width=width,
        height=height,
        bytes=1000,
        sha256=f"{number:064d}",
        model=None,
        prompt="bread",
        fingerprint="f",
        made_at=at,
    )
