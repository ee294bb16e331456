"""Loads the chain inputs of jobs: attempts, usable images, state of the page."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.config.parsing import FormatError, parse_format
from daemon.context import SourceContext
from daemon.generation.call_types import ImageSpec
from daemon.generation.kept_images import load_usable_images
from daemon.jobs.budget import day_start
from daemon.jobs.chain_input import ChainInput
from daemon.jobs.inputs import Inputs
from daemon.jobs.job_validity import ImageColumnState, classify_images
from db import attempts, images, posts
from db.engine import Tx
from db.models import Attempt, ImageRecord, Job
from db.states import JobReason


async def load_chain_inputs(
    tx: Tx, source: SourceContext, waiting: Sequence[Job]
) -> dict[int, ChainInput]:
    """Return the chain input of each job of *source*, by job ID."""
    source_name = source.name
    pages = [job.page_id for job in waiting]
    attempts_by_job = await attempts.of_jobs(tx, [job.id for job in waiting])
    post_by_page = await posts.get_many(tx, source_name, pages)
    shown_images = await images.by_names(
        tx, [name for post in post_by_page.values() for name in post.shows]
    )
    today = day_start(source.app.now(), source.app.clock.zone)
    calls_today = await attempts.count_paid_calls(tx, pages, today)
    usable = await load_usable_images(tx, waiting)
    chain_inputs: dict[int, ChainInput] = {}
    for job in waiting:
        post = post_by_page.get(job.page_id)
        chain_inputs[job.id] = _build_chain_input(
            job,
            chain=source.chain,
            tried=[
                attempt
                for attempt in attempts_by_job.get(job.id, ())
                if _counts_towards_limit(job, attempt)
            ],
            made=usable[job.id],
            shows_image=bool(post and post.shows),
            shown=classify_images(
                job.page_id, post.shows if post else (), shown_images
            ),
            page_today=calls_today.get(job.page_id, 0),
        )
    return chain_inputs


def _counts_towards_limit(job: Job, attempt: Attempt) -> bool:
    return job.reopened_at is None or attempt.started_at >= job.reopened_at


def is_complete(job: Job, made: Sequence[ImageRecord]) -> bool:
    """Say whether all images of *job* are among *made*."""
    # A merged newer request changes the fingerprint; older images no longer count.
    usable = [image for image in made if image.fingerprint == job.fingerprint]
    # A card is always the only image of its job.
    has_card = any(image.is_card for image in usable)
    return has_card or len(usable) >= Inputs.from_dict(job.inputs).variants


def _build_chain_input(
    job: Job,
    *,
    chain: Sequence[str],
    tried: Sequence[Attempt],
    made: Sequence[ImageRecord],
    shown: ImageColumnState,
    shows_image: bool,
    page_today: int,
) -> ChainInput:
    inputs = Inputs.from_dict(job.inputs)
    only_services = job.reason is JobReason.REPLACE or bool(made)
    return ChainInput(
        page_id=job.page_id,
        number=len(made) + 1,
        round=job.rounds,
        chain=chain,
        megapixels=megapixels_of(inputs.format),
        tried=tried,
        waited_since=job.waited_since,
        card_allowed=shown.cards_only and not only_services,
        keeps_image=not shown.cards_only,
        shows_image=shows_image,
        page_today=page_today,
        made=made,
        complete=is_complete(job, made),
    )


def build_image_spec(job: Job) -> ImageSpec:
    """Return the spec of the images of *job*.

    Raises:
        FormatError: The format of the job does not exist.
    """
    inputs = Inputs.from_dict(job.inputs)
    return ImageSpec(
        page_id=job.page_id,
        job_id=job.id,
        prompt=inputs.prompt,
        words=inputs.words,
        size=parse_format(inputs.format),
        fingerprint=job.fingerprint,
    )


def megapixels_of(name: str) -> float:
    """Return the megapixels of a format; 0 if the format does not exist."""
    try:
        size = parse_format(name)
    except FormatError:
        return 0.0
    return size.width * size.height / 1e6
