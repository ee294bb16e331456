"""Finds images on disk that a job can use instead of paying for new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.jobs.inputs import Inputs
from db import images, jobs
from db.engine import Tx
from db.models import ImageRecord, Job
from db.states import JobReason


def select_usable_images(
    job: Job, page_images: Sequence[ImageRecord], makers: Mapping[int, Job]
) -> list[ImageRecord]:
    """Return the images that *job* has or may use, ordered by number; pure.

    Args:
        page_images: Images of its page, from any job.
        makers: The jobs that generated them, by ID.
    """
    # A merged newer request changes the fingerprint; older images no longer count.
    usable = [
        image
        for image in page_images
        if image.fingerprint == job.fingerprint and image.pruned_at is None
    ]
    own = [image for image in usable if image.job_id == job.id]
    if own:
        return sorted(own, key=lambda image: image.number)
    others = [image for image in usable if _is_usable_by(job, image, makers)]
    newest = max((image.job_id or 0 for image in others), default=0)
    of_newest = [image for image in others if image.job_id == newest]
    of_newest.sort(key=lambda image: image.number)
    return of_newest[: Inputs.from_dict(job.inputs).variants]


def _is_usable_by(job: Job, image: ImageRecord, makers: Mapping[int, Job]) -> bool:
    maker = makers.get(image.job_id or 0)
    # A card costs nothing, and a service may be available by now.
    if maker is None or image.is_card:
        return False
    match job.reason:
        # A tick asks for a new image, unless it repeats a request without a result.
        case JobReason.REGENERATE:
            request = (maker.inputs.get("prompt"), maker.fingerprint)
            is_same = request == (job.inputs.get("prompt"), job.fingerprint)
            return image.shown_at is None and is_same
        # An image the page showed before its card was replaced on request.
        case JobReason.REPLACE:
            return image.shown_at is None
        case _:
            return True


async def load_usable_images(
    tx: Tx, waiting: Sequence[Job]
) -> dict[int, list[ImageRecord]]:
    """Return the images that each job of one source has or may use, by job ID."""
    if not waiting:
        return {}
    source = waiting[0].source
    pages = {job.page_id: job.fingerprint for job in waiting}
    by_page: dict[str, list[ImageRecord]] = {}
    for image in await images.of_inputs(tx, source, pages):
        by_page.setdefault(image.page_id, []).append(image)
    maker_ids = {
        image.job_id
        for page_images in by_page.values()
        for image in page_images
        if image.job_id is not None
    }
    others = sorted(maker_ids - {job.id for job in waiting})
    makers = {job.id: job for job in await jobs.get_many(tx, others)}
    return {
        job.id: select_usable_images(job, by_page.get(job.page_id, ()), makers)
        for job in waiting
    }


async def adopt_images(tx: Tx, job: Job, adopted: Sequence[ImageRecord]) -> str:
    """Assign images to *job*; return the reason for the history of the job."""
    others = [image for image in adopted if image.job_id != job.id]
    for image in others:
        await images.assign_to_job(tx, image.id, job.id)
    if not others:
        return "its images are on disk"
    return f"its images are on disk: job {others[0].job_id} made them"
