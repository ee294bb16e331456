"""Puts other words on the images that a page shows, without a call."""

from __future__ import annotations

from datetime import datetime

from daemon.errors import PostbrushError
from daemon.jobs.actions import find_finished_job, show_images_of
from db import images, posts
from db.engine import Tx
from db.models import Job, Post


async def reletter_images(
    tx: Tx, post: Post, headline: str | None, now: datetime
) -> Job:
    """Queue the job of the images on a page again, with other words on them.

    Args:
        headline: The words, "" for none; None: those of the page, which have changed.

    Raises:
        PostbrushError: The page shows no image that words can be put on, or it cannot
            be attached again, see `reattach_image`.
    """
    known = await images.by_names(tx, list(post.shown_files))
    shown = [
        image
        for image in known.values()
        if image.page_id == post.page_id and not image.is_card
    ]
    if not shown:
        raise PostbrushError(
            f"“{post.title}” has no image that a headline can be put on"
        )
    job = await find_finished_job(tx, post, shown[0])
    names = [image.name for image in shown if image.job_id == job.id]
    why = "the headline was changed by hand"
    # The image stays the answer to the text that it answers now.
    answers = post.image_fingerprint or post.fingerprint
    return await show_images_of(
        tx, job, answers, names, why=why, now=now, headline=headline
    )


async def reletter_changed(
    tx: Tx, source: str, page_id: str, now: datetime
) -> Job | None:
    """Queue the job of the images on a page again, as its headline has changed.

    Returns:
        The job; None if the images cannot be attached again.
    """
    post = await posts.get(tx, source, page_id)
    try:
        return await reletter_images(tx, post, None, now) if post else None
    # The job of the image has failed meanwhile, or its file was pruned.
    except PostbrushError:
        return None
