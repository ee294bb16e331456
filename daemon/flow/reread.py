"""Before money is spent on an old wish, the page is read once more."""

from __future__ import annotations

from datetime import timedelta

from daemon.flow.absorb import absorb
from daemon.flow.context import Flow
from daemon.flow.wants import look
from daemon.notion.errors import PageGoneError
from daemon.notion.model import Page, Urgency, matches
from db import images
from db.records import ImageRecord, Job
from db.states import Reason

#: A wish older than this may no longer be one.
_OLD = timedelta(minutes=10)


def is_to_be_read(flow: Flow, job: Job) -> bool:
    """Say whether the page of *job* has to be read before money is spent on it."""
    waited = flow.now() - max(job.created_at, job.acked_at or job.created_at)
    return job.reason is Reason.REPLACE or waited >= _OLD


async def still_wanted(flow: Flow, job: Job) -> str | None:
    """Return None when *job* may go on, else why it is no longer wanted.

    Raises:
        NotionError: The page had to be read, and Notion is away.
    """
    if not is_to_be_read(flow, job):
        return None
    try:
        page = await flow.door.page(flow.known_schema, job.page_id, Urgency.JOB)
    except PageGoneError:
        return "the page is gone"
    await absorb(flow, [page])
    async with flow.db.reading() as tx:
        names = [file.name for file in page.image]
        known = await images.by_names(tx, names)
    return objection(flow, job, page, known)


def objection(
    flow: Flow, job: Job, page: Page, known: dict[str, ImageRecord]
) -> str | None:
    """Say what speaks against a job now that its page was read."""
    shown = look(page.id, [file.name for file in page.image], known)
    rules = flow.plan.rules
    # In the trash or archived.
    if page.gone:
        return "the page is gone"
    # A person asked for it: nothing else matters.
    if job.reason is Reason.REGENERATE:
        return None
    # It left the posts postbrush looks after.
    skipped = bool(rules.skip) and matches(page.columns, rules.skip)
    if skipped or not matches(page.columns, rules.only):
        return "the post no longer matches posts.only, or posts.skip"
    # A person put a file there: it stays.
    if shown.foreign:
        return "the page shows an image of somebody else's making"
    # Somebody removed the card, or it is no longer a card.
    if job.reason is Reason.REPLACE and not (page.image and shown.cards_only):
        return "the page no longer shows the card"
    # It got its image in another way.
    if job.reason is Reason.NEW and page.image and not shown.copies:
        return "the page has an image now"
    return None
