"""Actions of a person, by a command or on the web page, in one transaction each.

They change only the database; the daemon reads the change when it is woken.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from daemon.errors import PostbrushError
from daemon.jobs import breaker_store
from daemon.jobs.lifecycle import build_job, end_job, newest_inputs
from daemon.jobs.writing import Writing
from db import images, jobs, posts
from db import source_state as stored
from db.engine import Tx
from db.models import ImageRecord, Job, Post
from db.states import JobEventType, JobReason, JobState
from providers import breaker


async def request_regeneration(
    tx: Tx, post: Post, now: datetime, *, seed: int | None = None
) -> Job:
    """Request another image for a page, as a tick does.

    Args:
        seed: Seed of the image, and of its variants counted from there; None for
            random ones.

    Raises:
        PostbrushError: The page is gone or has no text.
    """
    if post.removed:
        raise PostbrushError(f"“{post.title}” was deleted or moved out of the database")
    if not post.inputs.get("prompt"):
        raise PostbrushError(f"“{post.title}” has no text to generate an image from")
    why = "another image was requested"
    job = await jobs.find_open(tx, post.source, post.page_id)
    if job is None:
        new = build_job(post, JobReason.REGENERATE, now, acked_at=now, seed=seed)
        return await jobs.create(tx, new, now=now, why=why)
    request = {"reason": JobReason.REGENERATE, **newest_inputs(post, seed)}
    if job.state is JobState.QUEUED:
        acked_at = job.acked_at if job.pending_write == "untick" else now
        changes = {"due_at": now, "acked_at": acked_at, **request}
        return await jobs.apply_event(
            tx, job, JobEventType.FOLDED, now=now, why=why, **changes
        )
    # The running job already generates this image.
    is_same = job.fingerprint == post.fingerprint and not job.inputs.get("chosen_files")
    has_same_seed = job.inputs.get("seed") == seed
    if is_same and has_same_seed and job.reason is not JobReason.REPLACE:
        why = "the same request again"
        return await jobs.apply_event(tx, job, JobEventType.REPEATED, now=now, why=why)
    return await jobs.apply_event(
        tx, job, JobEventType.NOTED, now=now, why=why, again=request
    )


async def approve_held(
    tx: Tx, newest: int | None, now: datetime, *, source: str | None = None
) -> list[Job]:
    """Queue posts that wait for approval, newest pages first.

    Args:
        newest: Maximum number of posts; None: all.
        source: Only posts of this source; None: of all sources.

    Returns:
        The created jobs.
    """
    created: list[Job] = []
    for row_id in await posts.held_row_ids(tx, source=source, limit=newest):
        stored = await posts.load_held(tx, row_id)
        if stored is None:
            continue
        held_post, post = stored
        # Another command has approved it in the meantime.
        if not await posts.release_post(tx, held_post.source, held_post.page_id):
            continue
        has_no_text = not post.inputs.get("prompt")
        open_job = await jobs.find_open(tx, held_post.source, held_post.page_id)
        # The page was trashed, emptied or ticked in the meantime.
        if post.removed or has_no_text or open_job is not None:
            continue
        new = build_job(post, held_post.reason, now)
        created.append(await jobs.create(tx, new, now=now, why="approved"))
    return created


async def retry_job(tx: Tx, job: Job, now: datetime) -> Job:
    """Queue a failed or cancelled job again, with the newest inputs of its page.

    Raises:
        PostbrushError: The job is in another state, or its page has an open job.
    """
    if job.state not in {JobState.FAILED, JobState.CANCELLED}:
        raise PostbrushError(
            f"only failed or cancelled jobs can be retried; job {job.id} is {job.state}"
        )
    other = await jobs.find_open(tx, job.source, job.page_id)
    if other is not None:
        raise PostbrushError(
            f"the page already has an open job: {other.id} ({other.state})"
        )
    post = await posts.get(tx, job.source, job.page_id)
    changes: dict[str, object] = {
        "due_at": now,
        "reopened_at": now,
        "rounds": job.rounds + 1,
        "tries": 0,
        "first_waited_at": None,
        "waiting_notified_at": None,
        "outcome": "",
        "pending_write": "",
        "pending_note": "",
        # A manual request counts as a confirmed un-tick.
        "acked_at": now if job.reason is JobReason.REGENERATE else job.acked_at,
    }
    # The prompt writer had no answer, so it is asked again, too.
    if job.written is not None and Writing.from_dict(job.written).problem:
        changes["written"] = None
    if post is not None:
        changes |= newest_inputs(post, job.inputs.get("seed"))
        await posts.update_fields(
            tx, job.source, job.page_id, rejected_fingerprint=None
        )
    why = "a retry was requested"
    return await jobs.apply_event(
        tx, job, JobEventType.REOPENED, now=now, why=why, **changes
    )


async def cancel_job(tx: Tx, job: Job, now: datetime) -> Job:
    """Cancel an open job; its paid images stay on disk.

    Raises:
        PostbrushError: The job has already ended.
    """
    if not job.is_open:
        raise PostbrushError(f"job {job.id} has already ended ({job.state})")
    why = "cancelled by hand"
    return await end_job(
        tx, job, JobEventType.CANCELLED, now=now, why=why, is_answer=True
    )


async def reattach_image(
    tx: Tx,
    post: Post,
    image: ImageRecord,
    now: datetime,
    *,
    alone: bool = False,
    headline: str | None = None,
) -> Job:
    """Queue the job of an earlier image again, to show the image on its page.

    The variants of the image follow it on the page.

    Args:
        alone: Leave the variants out.
        headline: Words to put on the images; None: the usual ones.

    Raises:
        PostbrushError: The file of the image was pruned, no finished job made it, or
            its page has an open job.
    """
    job = await find_finished_job(tx, post, image)
    names = await _reattached_files(tx, image, alone)
    why = f"{image.name} was chosen by hand"
    return await show_images_of(
        tx, job, post.fingerprint, names, why=why, now=now, headline=headline
    )


async def find_finished_job(tx: Tx, post: Post, image: ImageRecord) -> Job:
    """Return the job of an image, which may show it again.

    Raises:
        PostbrushError: It may not, see `reattach_image`.
    """
    if image.pruned_at is not None:
        raise PostbrushError(f"the file {image.name} was deleted (images.keep_days)")
    other = await jobs.find_open(tx, post.source, post.page_id)
    if other is not None:
        raise PostbrushError(
            f"the page has an open job: {other.id} ({other.state}). Cancel it or wait"
        )
    job = await jobs.get(tx, image.job_id) if image.job_id is not None else None
    if job is None or job.state is not JobState.DONE:
        raise PostbrushError(f"{image.name} was never attached to a page")
    return job


async def show_images_of(
    tx: Tx,
    job: Job,
    fingerprint: str,
    names: Sequence[str],
    *,
    why: str,
    now: datetime,
    headline: str | None = None,
) -> Job:
    """Queue a finished job again, to show some of its images on its page.

    Args:
        fingerprint: Of the inputs that the images answer.
        names: File names, in their order on the page.
        headline: A person's words for them; None: the usual ones.
    """
    inputs = {**job.inputs, "chosen_files": [*names], "chosen_headline": headline}
    if headline is None:
        del inputs["chosen_headline"]
    changes: dict[str, object] = {
        "due_at": now,
        "reopened_at": now,
        # The reason of a tick, since the image may replace a generated one.
        "reason": JobReason.REGENERATE,
        "acked_at": now,
        "outcome": "",
        "fingerprint": fingerprint,
        "inputs": inputs,
    }
    return await jobs.apply_event(
        tx, job, JobEventType.REOPENED, now=now, why=why, **changes
    )


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
            f"“{post.title}” does not show an image that a headline can be put on"
        )
    job = await find_finished_job(tx, post, shown[0])
    names = [image.name for image in shown if image.job_id == job.id]
    why = "the headline was changed by hand"
    # The image stays the answer to the text that it answers now.
    answers = post.image_fingerprint or post.fingerprint
    return await show_images_of(
        tx, job, answers, names, why=why, now=now, headline=headline
    )


async def _reattached_files(tx: Tx, image: ImageRecord, alone: bool) -> list[str]:  # noqa: FBT001 - private
    """Return the names of the files to show on the page, *image* first."""
    if alone or image.job_id is None:
        return [image.name]
    variants = [
        variant.name
        for variant in await images.of_job(tx, image.job_id)
        if variant.fingerprint == image.fingerprint
        and variant.pruned_at is None
        and variant.id != image.id
    ]
    return [image.name, *variants]


async def reset_breaker(tx: Tx, name: str, now: datetime) -> bool:
    """Close the breaker of a provider, and allow further card replacements today.

    Returns:
        Whether the breaker was open or half-open.
    """
    row = (await stored.load_breakers(tx)).get(name)
    if row is not None:
        await breaker_store.save_breaker(
            tx, breaker.close_breaker(breaker_store.breaker_from_record(row))
        )
        await posts.reset_replace_tries(tx)
    await jobs.wake_waiting(tx, name, now)
    await jobs.wake_paused(tx, now)
    return row is not None and row.state != "closed"
