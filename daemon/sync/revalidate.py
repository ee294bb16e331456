"""Read pages again: doubtful ticks before they count, old requests before they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from daemon.context import SourceContext
from daemon.jobs import job_log
from daemon.jobs.job_validity import (
    PAGE_GONE,
    Stage,
    cancel_reason,
    depends_on_filter,
)
from daemon.jobs.lifecycle import end_job
from daemon.notion.errors import (
    ItemRefusedError,
    NotionUnavailableError,
    PageGoneError,
    PageUnreachableError,
)
from daemon.notion.model import Page, Schema, Urgency
from daemon.notion.page_cache import PageCache
from daemon.sync.apply import apply_pages
from db import images, jobs, posts
from db.engine import Tx
from db.models import Job, Post, SourceState
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
    job_log.log_job_ended(source, ended)


async def _load_cancel_reason(
    tx: Tx, source: SourceContext, job: Job, page: Page | None
) -> str | None:
    if page is None:
        return PAGE_GONE
    known = await images.by_names(tx, [file.name for file in page.image])
    return cancel_reason(job, page, known, source.options.posts, Stage.PAYING)


_SWEEP_EVERY = timedelta(days=1)
#: A tick seen this soon after our own un-tick may be the tick that we cleared.
_DOUBTFUL = timedelta(minutes=1)


def is_sweep_due(state: SourceState | None, now: datetime) -> bool:
    """Return whether the last sweep is missing or at least a day ago."""
    if state is None or state.last_sweep_at is None:
        return True
    return abs(now - state.last_sweep_at) >= _SWEEP_EVERY


def split_outdated(
    views: PageCache, pages: Sequence[Page], mark: int
) -> tuple[list[Page], list[Page]]:
    """Split *pages* into current pages and pages read or written after *mark*."""
    current: list[Page] = []
    outdated: list[Page] = []
    for page in pages:
        (outdated if views.is_outdated(page.id, mark) else current).append(page)
    return current, outdated


def next_watermark(applied: Sequence[Page], dropped: Sequence[Page]) -> datetime | None:
    """Return the newest applied last_edited_time, but none after a dropped page."""
    newest = max((page.edited_at for page in applied), default=None)
    oldest_dropped = min((page.edited_at for page in dropped), default=None)
    return min(newest, oldest_dropped) if newest and oldest_dropped else newest


async def confirm_ticks(
    source: SourceContext,
    schema: Schema,
    pages: Sequence[Page],
    asked_at: datetime,
    urgency: Urgency,
) -> list[Page]:
    """Read pages again whose tick may be one that postbrush has just cleared.

    Args:
        asked_at: When the query that returned *pages* was sent.

    Returns:
        The pages, without those that could not be read again.
    """
    ticked = [page.id for page in pages if page.regenerate]
    if not ticked:
        return list(pages)
    async with source.app.db.read_transaction() as tx:
        stored_posts = await posts.get_many(tx, source.name, ticked)
    confirmed: list[Page] = []
    for page in pages:
        if not _is_doubtful_tick(page, stored_posts, asked_at):
            confirmed.append(page)
            continue
        try:
            newest = await source.notion.fetch_page(schema, page.id, urgency)
        # The next poll sees the tick; the other pages are still handled.
        except (PageGoneError, ItemRefusedError, NotionUnavailableError):
            continue
        confirmed.append(newest)
    return confirmed


def _is_doubtful_tick(
    page: Page, stored_posts: Mapping[str, Post], asked_at: datetime
) -> bool:
    post = stored_posts.get(page.id)
    unticked_at = post.unticked_at if post else None
    if not page.regenerate or unticked_at is None:
        return False
    return abs(asked_at - unticked_at) < _DOUBTFUL
