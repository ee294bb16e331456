"""An image on disk is used before another one is paid for.  Pure, but for one write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.jobs.inputs import Inputs
from db import images, jobs
from db.engine import Tx
from db.models import ImageRecord, Job
from db.states import JobReason


def select_usable_images(
    job: Job, found: Sequence[ImageRecord], makers: Mapping[int, Job]
) -> list[ImageRecord]:
    """Return the images that *job* has or may use, in the order of their numbers.

    Args:
        found: Images of its page, whatever job made them.
        makers: The jobs that made them, by id.
    """
    # A request with newer words took the job over: what it had made is not wanted.
    usable = [
        image
        for image in found
        if image.fingerprint == job.fingerprint and image.pruned_at is None
    ]
    own = [image for image in usable if image.job_id == job.id]
    if own:
        return sorted(own, key=lambda image: image.number)
    others = [image for image in usable if _is_usable_by(job, image, makers)]
    newest = max((image.job_id or 0 for image in others), default=0)
    left = [image for image in others if image.job_id == newest]
    by_number = sorted(left, key=lambda image: image.number)
    return by_number[: Inputs.from_dict(job.inputs).variants]


def _is_usable_by(job: Job, image: ImageRecord, makers: Mapping[int, Job]) -> bool:
    maker = makers.get(image.job_id or 0)
    # A card costs nothing, and a service may be available by now.
    if maker is None or image.is_card:
        return False
    match job.reason:
        # A tick wants another image, unless it repeats a request that brought none.
        case JobReason.REGENERATE:
            asked = (maker.inputs.get("prompt"), maker.fingerprint)
            same = asked == (job.inputs.get("prompt"), job.fingerprint)
            return image.shown_at is None and same
        # The page has shown it before its card: somebody wanted another one.
        case JobReason.REPLACE:
            return image.shown_at is None
        case _:
            return True


async def load_usable_images(
    tx: Tx, waiting: Sequence[Job]
) -> dict[int, list[ImageRecord]]:
    """Return the images each of these jobs of one source has or may use, by job id."""
    if not waiting:
        return {}
    source = waiting[0].source
    pages = {job.page_id: job.fingerprint for job in waiting}
    by_page: dict[str, list[ImageRecord]] = {}
    for image in await images.of_inputs(tx, source, pages):
        by_page.setdefault(image.page_id, []).append(image)
    every = [image.job_id for some in by_page.values() for image in some]
    known = {job.id for job in waiting}
    others = sorted({one for one in every if one is not None} - known)
    makers = {job.id: job for job in await jobs.get_many(tx, others)}
    return {
        job.id: select_usable_images(job, by_page.get(job.page_id, ()), makers)
        for job in waiting
    }


async def adopt_images(tx: Tx, job: Job, made: Sequence[ImageRecord]) -> str:
    """Make *made* the images of *job*; return why they are there."""
    others = [image for image in made if image.job_id != job.id]
    for image in others:
        await images.assign_to_job(tx, image.id, job.id)
    if not others:
        return "its images are on disk"
    return f"its images are on disk: job {others[0].job_id} made them"
