"""Before money is spent on an old wish, the page is read once more."""

from __future__ import annotations

from datetime import timedelta

from daemon.context import SourceContext
from daemon.decision_settings import Rules
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

#: A wish older than this may no longer be one.
_OLD = timedelta(minutes=10)


#: What was read longer ago than this may have changed.
_FRESH = timedelta(minutes=1)


def needs_reread(flow: SourceContext, job: Job) -> bool:
    """Say whether the page of *job* has to be read before money is spent on it."""
    now = flow.now()
    # It was read just now.
    if job.read_at is not None and abs(now - job.read_at) < _FRESH:
        return False
    waited = now - max(job.created_at, job.acked_at or job.created_at)
    # It has waited for long, or nobody is waiting for it.
    if job.reason is JobReason.REPLACE or waited >= _OLD:
        return True
    # Whether it still matches posts.only is known as of the last poll.
    steady = flow.steady()
    polled = flow.looked_at is not None and steady - flow.looked_at < _FRESH
    return flow.speaks and depends_on_filter(flow.plan.rules, job) and not polled


def depends_on_filter(rules: Rules, job: Job) -> bool:
    """Say whether *job* is only wanted while its post matches posts.only and skip."""
    return job.reason is not JobReason.REGENERATE and bool(rules.only or rules.skip)


def filtered_reason(rules: Rules, page: Page) -> str | None:
    """Say that a post has left the posts that get images automatically."""
    skipped = bool(rules.skip) and matches_filter(page.columns, rules.skip)
    if skipped or not matches_filter(page.columns, rules.only):
        return "the post no longer matches posts.only, or posts.skip"
    return None


async def revalidate_page(flow: SourceContext, job: Job) -> None:
    """Read the page of a waiting job: it may go on, or is no longer wanted.

    Raises:
        NotionError: Notion is away.
    """
    page: Page | None = None
    is_answer = False
    try:
        page = await flow.door.fetch_page(flow.known_schema, job.page_id, Urgency.JOB)
        await apply_pages(flow, [page])
    except PageGoneError as error:
        is_answer = isinstance(error, PageUnreachableError)
    async with flow.db.write_transaction() as tx:
        now, current = flow.now(), await jobs.get(tx, job.id)
        # Claimed, cancelled, or ended by what was just absorbed.
        if current is None or current.state is not JobState.QUEUED:
            return
        why = await _load_cancel_reason(tx, flow, current, page)
        if why is None:
            await jobs.mark_page_read(tx, current, now)
            return
        ended = await end_job(
            tx, current, JobEventType.CANCELLED, now=now, why=why, is_answer=is_answer
        )
    job_log.log_job_ended(flow, ended, why)


async def _load_cancel_reason(
    tx: Tx, flow: SourceContext, job: Job, page: Page | None
) -> str | None:
    if page is None:
        return "the page is gone"
    known = await images.by_names(tx, [file.name for file in page.image])
    return cancel_reason(flow, job, page, known)


def cancel_reason(
    flow: SourceContext, job: Job, page: Page, known: dict[str, ImageRecord]
) -> str | None:
    """Say what speaks against a job now that its page was read."""
    shown = classify_images(page.id, [file.name for file in page.image], known)
    # In the trash or archived.
    if page.gone:
        return "the page is gone"
    # A person asked for it: nothing else matters.
    if job.reason is JobReason.REGENERATE:
        return None
    # It left the posts postbrush looks after.
    if (why := filtered_reason(flow.plan.rules, page)) is not None:
        return why
    # A person put a file there: it stays.
    if shown.foreign:
        return "the page shows an image of somebody else's making"
    # Somebody removed the card, or it is no longer a card.
    if job.reason is JobReason.REPLACE and not (page.image and shown.cards_only):
        return "the page no longer shows the card"
    # It got its image in another way.
    if job.reason is JobReason.NEW and page.image and not shown.copies:
        return "the page has an image now"
    return None
