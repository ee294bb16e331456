"""Drop outdated pages, confirm recent ticks, and tell when a sweep is due."""

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
