"""Read the page of an old request again before money is spent on it."""

from __future__ import annotations

from datetime import timedelta

from daemon.config.model import PostsSection
from daemon.context import SourceContext
from daemon.jobs import job_log
from daemon.jobs.lifecycle import end_job
from daemon.notion.errors import PageGoneError, PageUnreachableError
from daemon.notion.filters import matches_filter
from daemon.notion.model import Page, Urgency
from daemon.sync.apply import apply_pages
from daemon.sync.planner import classify_images
from db import images, jobs
from db.engine import Tx
from db.models import ImageRecord, Job
from db.states import JobEventType, JobReason, JobState

#: Age from which a request may no longer be current.
_OLD = timedelta(minutes=10)
#: Age from which a page or poll may be outdated.
_FRESH = timedelta(minutes=1)


def needs_reread(source: SourceContext, job: Job) -> bool:
    """Return whether the page of *job* must be read before its next paid call."""
    now = source.app.now()
    # The page was read less than a minute ago.
    if job.read_at is not None and abs(now - job.read_at) < _FRESH:
        return False
    waited = now - max(job.created_at, job.acked_at or job.created_at)
    # The request is old, or it is an automatic replacement.
    if job.reason is JobReason.REPLACE or waited >= _OLD:
        return True
    # A recent poll knows whether the post still matches posts.only.
    steady_now = source.app.steady_now()
    is_polled = (
        source.state.polled_at is not None
        and steady_now - source.state.polled_at < _FRESH
    )
    return (
        source.state.is_leader
        and depends_on_filter(source.options.posts, job)
        and not is_polled
    )


def depends_on_filter(settings: PostsSection, job: Job) -> bool:
    """Return whether *job* is only valid while its post matches the filters."""
    return job.reason is not JobReason.REGENERATE and bool(
        settings.only or settings.skip
    )


def filtered_reason(settings: PostsSection, page: Page) -> str | None:
    """Return why the post gets no automatic image; None: it matches the filters."""
    is_skipped = bool(settings.skip) and matches_filter(page.properties, settings.skip)
    if is_skipped or not matches_filter(page.properties, settings.only):
        return "the post no longer matches posts.only, or posts.skip"
    return None


async def revalidate_page(source: SourceContext, job: Job) -> None:
    """Read the page of a queued job, and cancel the job if it is no longer valid.

    Raises:
        NotionError: Notion cannot be reached.
    """
    page: Page | None = None
    is_answer = False
    try:
        page = await source.notion.fetch_page(
            source.known_schema, job.page_id, Urgency.JOB
        )
        await apply_pages(source, [page])
    except PageGoneError as error:
        is_answer = isinstance(error, PageUnreachableError)
    async with source.app.db.write_transaction() as tx:
        now, current = source.app.now(), await jobs.get(tx, job.id)
        # The job was claimed, cancelled, or ended by the plan of its page.
        if current is None or current.state is not JobState.QUEUED:
            return
        why = await _load_cancel_reason(tx, source, current, page)
        if why is None:
            await jobs.mark_page_read(tx, current, now)
            return
        ended = await end_job(
            tx, current, JobEventType.CANCELLED, now=now, why=why, is_answer=is_answer
        )
    job_log.log_job_ended(source, ended, why)


async def _load_cancel_reason(
    tx: Tx, source: SourceContext, job: Job, page: Page | None
) -> str | None:
    if page is None:
        return "the page is gone"
    our_images = await images.by_names(tx, [file.name for file in page.image])
    return cancel_reason(source, job, page, our_images)


def cancel_reason(
    source: SourceContext, job: Job, page: Page, our_images: dict[str, ImageRecord]
) -> str | None:
    """Return why a job is no longer valid for *page*; None: it is valid."""
    shown = classify_images(page.id, [file.name for file in page.image], our_images)
    # The page is in the trash or archived.
    if page.gone:
        return "the page is gone"
    # A person requested it, so no other rule applies.
    if job.reason is JobReason.REGENERATE:
        return None
    # The post no longer matches the filters.
    if (why := filtered_reason(source.options.posts, page)) is not None:
        return why
    # A person added a file, which stays.
    if shown.foreign:
        return "the page shows an image of somebody else's making"
    # The card was removed or replaced.
    if job.reason is JobReason.REPLACE and not (page.image and shown.cards_only):
        return "the page no longer shows the card"
    # The page got an image in another way.
    if job.reason is JobReason.NEW and page.image and not shown.copies:
        return "the page has an image now"
    return None
