"""Read the page of an old request again before money is spent on it."""

from __future__ import annotations

from datetime import timedelta

from daemon.context import SourceContext
from daemon.jobs import job_log
from daemon.jobs.job_validity import (
    PAGE_GONE,
    Stage,
    cancel_reason,
    depends_on_filter,
)
from daemon.jobs.lifecycle import end_job
from daemon.notion.errors import PageGoneError, PageUnreachableError
from daemon.notion.model import Page, Urgency
from daemon.sync.apply import apply_pages
from db import images, jobs
from db.engine import Tx
from db.models import Job
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
        return PAGE_GONE
    known = await images.by_names(tx, [file.name for file in page.image])
    return cancel_reason(job, page, known, source.options.posts, Stage.PAYING)
