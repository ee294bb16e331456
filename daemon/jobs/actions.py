"""What a person orders by a command or on the web page, in one transaction each.

All of it is on the database; the daemon follows as soon as it is woken.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from daemon.errors import PostbrushError
from daemon.jobs import breaker_store
from daemon.jobs.lifecycle import end_job
from db import breakers as stored
from db import images, jobs, posts
from db.engine import Tx
from db.models import ImageRecord, Job, NewJob, Post
from db.states import JobEventType, JobReason, JobState
from providers import breaker


async def request_regeneration(tx: Tx, post: Post, now: datetime) -> Job:
    """Wish for another image of a page, as a tick would.

    Raises:
        PostbrushError: The page is gone or has no words.
    """
    if post.gone:
        raise PostbrushError(f"'{post.title}' is in the trash or out of the source")
    if not post.inputs.get("prompt"):
        raise PostbrushError(f"'{post.title}' has no words to make an image of")
    why = "a person asked for another image"
    job = await jobs.find_open(tx, post.source, post.page_id)
    if job is None:
        new = _new_job(post, JobReason.REGENERATE, now, acked_at=now)
        return await jobs.create(tx, new, now=now, why=why)
    if job.state is JobState.QUEUED:
        changes = {
            "reason": JobReason.REGENERATE,
            "due_at": now,
            **_newest_inputs(post),
        }
        acked = job.acked_at if job.owed == "untick" else now
        return await jobs.apply_event(
            tx, job, JobEventType.FOLDED, now=now, why=why, acked_at=acked, **changes
        )
    # In work on just this: the image that comes is the one that is wanted.
    if job.fingerprint == post.fingerprint and job.reason is not JobReason.REPLACE:
        return await jobs.apply_event(
            tx, job, JobEventType.REPEATED, now=now, why="asked again"
        )
    again: Mapping[str, Any] = {"reason": JobReason.REGENERATE, **_newest_inputs(post)}
    return await jobs.apply_event(
        tx, job, JobEventType.NOTED, now=now, why=why, again=again
    )


def _newest_inputs(post: Post) -> dict[str, Any]:
    return {
        "title": post.title,
        "fingerprint": post.fingerprint,
        "inputs": dict(post.inputs),
    }


def _new_job(
    post: Post, reason: JobReason, now: datetime, *, acked_at: datetime | None = None
) -> NewJob:
    return NewJob(
        source=post.source,
        page_id=post.page_id,
        reason=reason,
        due_at=now,
        acked_at=acked_at,
        **_newest_inputs(post),
    )


async def approve_held(
    tx: Tx, newest: int | None, now: datetime, *, source: str | None = None
) -> list[Job]:
    """Queue what is held, the newest pages first; None: all of it, of all sources."""
    made: list[Job] = []
    for row_id in await posts.held_row_ids(tx, source=source, limit=newest):
        found = await posts.load_held(tx, row_id)
        if found is None:
            continue
        one, post = found
        await posts.release_post(tx, one.source, one.page_id)
        wordless = not post.inputs.get("prompt")
        taken = await jobs.find_open(tx, one.source, one.page_id) is not None
        # Trashed, emptied or ticked since it was held.
        if post.gone or wordless or taken:
            continue
        new = _new_job(post, one.reason, now)
        made.append(await jobs.create(tx, new, now=now, why="approved"))
    return made


async def retry_job(tx: Tx, job: Job, now: datetime) -> Job:
    """Give a failed or cancelled job another try, with the page's newest words.

    Raises:
        PostbrushError: It did not fail, or its page has another job by now.
    """
    if job.state not in {JobState.FAILED, JobState.CANCELLED}:
        raise PostbrushError(f"job {job.id} is {job.state}: nothing to try again")
    other = await jobs.find_open(tx, job.source, job.page_id)
    if other is not None:
        raise PostbrushError(f"its page has job {other.id} already ({other.state})")
    post = await posts.get(tx, job.source, job.page_id)
    changes: dict[str, object] = {
        "due_at": now,
        "reopened_at": now,
        "rounds": job.rounds + 1,
        "tries": 0,
        "waited_since": None,
        "told_waiting": False,
        "outcome": "",
        "owed": "",
        "owed_note": "",
        # A person asked for it by hand: as good as a confirmed un-tick.
        "acked_at": now if job.reason is JobReason.REGENERATE else job.acked_at,
    }
    if post is not None:
        changes |= _newest_inputs(post)
        await posts.update_fields(tx, job.source, job.page_id, answered=None)
    why = "a person asked for another try"
    return await jobs.apply_event(
        tx, job, JobEventType.REOPENED, now=now, why=why, **changes
    )


async def cancel_job(tx: Tx, job: Job, now: datetime) -> Job:
    """End an open job; what was paid for stays on disk.

    Raises:
        PostbrushError: It has ended already.
    """
    if not job.is_open:
        raise PostbrushError(f"job {job.id} is {job.state} already")
    why = "cancelled by a person"
    return await end_job(
        tx, job, JobEventType.CANCELLED, now=now, why=why, is_answer=True
    )


async def reattach_image(
    tx: Tx, post: Post, image: ImageRecord, now: datetime, *, alone: bool = False
) -> Job:
    """Put an earlier image of a page back, before the variants it came with.

    Args:
        alone: Without them.

    Raises:
        PostbrushError: Its file is gone, it was made by hand, the page is at work.
    """
    if image.pruned_at is not None:
        raise PostbrushError(f"{image.name} was pruned: its file is gone")
    job = await jobs.get(tx, image.job_id) if image.job_id is not None else None
    if job is None or job.state is not JobState.DONE:
        raise PostbrushError(f"{image.name} was never put on a page by a job")
    other = await jobs.find_open(tx, post.source, post.page_id)
    if other is not None:
        raise PostbrushError(
            f"its page has job {other.id} ({other.state}): cancel it, or wait for it"
        )
    changes: dict[str, object] = {
        "due_at": now,
        "reopened_at": now,
        # As good as a tick: it may take the place of a real image.
        "reason": JobReason.REGENERATE,
        "acked_at": now,
        "outcome": "",
        # It is the answer to the words of now, whatever it was made of.
        "fingerprint": post.fingerprint,
        "inputs": {
            **job.inputs,
            "chosen_files": await _reattached_files(tx, image, alone),
        },
    }
    why = f"a person wants {image.name} back"
    return await jobs.apply_event(
        tx, job, JobEventType.REOPENED, now=now, why=why, **changes
    )


async def _reattached_files(tx: Tx, image: ImageRecord, alone: bool) -> list[str]:  # noqa: FBT001 - private
    """Return the files the page is to show, *image* first."""
    if alone or image.job_id is None:
        return [image.name]
    variants = [
        one.name
        for one in await images.of_job(tx, image.job_id)
        if one.fingerprint == image.fingerprint
        and one.pruned_at is None
        and one.id != image.id
    ]
    return [image.name, *variants]


async def reset_breaker(tx: Tx, name: str, now: datetime) -> bool:
    """Close a provider's breaker; say whether it was not closed.

    Pages whose card could not be replaced today get another chance today.
    """
    row = (await stored.load_all(tx)).get(name)
    if row is not None:
        await breaker_store.save_breaker(
            tx, breaker.close_breaker(breaker_store.breaker_from_record(row))
        )
        await posts.reset_replace_tries(tx)
    await jobs.wake_waiting(tx, name, now)
    return row is not None and row.state != "closed"
