"""Which of the pages an answer holds count, and when everything is to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from daemon.context import SourceContext
from daemon.notion.errors import ItemRefusedError, NotionUnavailableError, PageGoneError
from daemon.notion.model import Page, Schema, Urgency
from daemon.notion.page_cache import PageCache
from db import posts
from db.models import Post, SourceState

_SWEEP_EVERY = timedelta(days=1)
#: A tick seen this soon after our own un-tick may be the one we removed.
_DOUBTFUL = timedelta(minutes=1)


def is_sweep_due(state: SourceState | None, now: datetime) -> bool:
    """Say whether everything is to be looked at: never done, or a day ago."""
    if state is None or state.swept_at is None:
        return True
    return abs(now - state.swept_at) >= _SWEEP_EVERY


def split_outdated(
    views: PageCache, pages: Sequence[Page], mark: int
) -> tuple[list[Page], list[Page]]:
    """Part pages that count from those with a newer view, or a write of ours since."""
    counting: list[Page] = []
    outdated: list[Page] = []
    for page in pages:
        (outdated if views.is_outdated(page.id, mark) else counting).append(page)
    return counting, outdated


async def confirm_ticks(
    flow: SourceContext,
    schema: Schema,
    pages: Sequence[Page],
    asked_at: datetime,
    urgency: Urgency,
) -> list[Page]:
    """Ask again about ticks that may be the ones we have just removed.

    Args:
        asked_at: When the query that returned *pages* was sent.
    """
    ticked = [page.id for page in pages if page.regenerate]
    if not ticked:
        return list(pages)
    async with flow.db.read_transaction() as tx:
        known = await posts.get_many(tx, flow.plan.source, ticked)
    sure: list[Page] = []
    for page in pages:
        if not _is_doubtful_tick(page, known, asked_at):
            sure.append(page)
            continue
        try:
            newest = await flow.door.fetch_page(schema, page.id, urgency)
        # It is still ticked at the next look: one page does not stop the others.
        except (PageGoneError, ItemRefusedError, NotionUnavailableError):
            continue
        sure.append(newest)
    return sure


def _is_doubtful_tick(
    page: Page, known: Mapping[str, Post], asked_at: datetime
) -> bool:
    post = known.get(page.id)
    unticked = post.unticked_at if post else None
    if not page.regenerate or unticked is None:
        return False
    return abs(asked_at - unticked) < _DOUBTFUL
