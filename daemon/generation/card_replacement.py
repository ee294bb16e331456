"""Queues the replacement of placeholder cards when a service is available again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from daemon.context import SourceContext
from daemon.generation import provider_selection
from daemon.generation.chain_input_loader import megapixels_of
from daemon.jobs import job_log
from daemon.jobs.budget import day_start, next_day
from daemon.jobs.chain_input import ChainInput
from daemon.jobs.inputs import Inputs
from db import attempts, job_lists, jobs, posts
from db.engine import Tx
from db.models import NewJob, Post
from db.states import JobReason
from providers.chain import CallProvider, Exhausted, HealthCheck


async def queue_replacement(
    source: SourceContext, check_provider: Callable[[str], None]
) -> datetime | None:
    """Queue the replacement of at most one card; return when to look again.

    The caller calls this only while no other job waits.

    Args:
        check_provider: Starts the health check of the provider of that name.

    Returns:
        The next time at which a replacement may be possible; None if a change of
        state sets `kick` first.
    """
    services = [
        name for name in source.chain if not source.providers[name].traits.is_card
    ]
    max_age = source.options.posts.replace_cards
    if max_age is None or not services:
        return None
    # The leader waits for the first answer of Notion.
    if source.state.is_leader and source.state.schema is None:
        return None
    now = source.app.now()
    today = day_start(now, source.app.clock.zone)
    async with source.app.db.read_transaction() as tx:
        candidates = await _load_candidates(tx, source, now, max_age)
        if not candidates:
            return None
        created = await job_lists.count_created_since(
            tx, source.name, JobReason.REPLACE, today
        )
        if created >= source.options.posts.replacements_per_day:
            return next_day(now, source.app.clock.zone)
        fresh = [post for post in candidates if not _tried_today(post, today)]
        if not fresh:
            return next_day(now, source.app.clock.zone)
        choice = await _first_available(tx, source, fresh[0], services)
    if isinstance(choice, HealthCheck):
        check_provider(choice.name)
        return None
    if isinstance(choice, CallProvider):
        await _create_replacement(source, fresh[0], now)
        return None
    return choice.until if isinstance(choice, Exhausted) else None


async def _load_candidates(
    tx: Tx, source: SourceContext, now: datetime, max_age: timedelta
) -> list[Post]:
    with_card = await posts.list_replaceable(tx, source.name, made_after=now - max_age)
    today = now.astimezone(source.app.clock.zone).date().isoformat()
    # A post whose date is past has been published with its card.
    return [post for post in with_card if not post.date or post.date[:10] >= today]


def _tried_today(post: Post, today: datetime) -> bool:
    return post.replace_tried_at is not None and post.replace_tried_at >= today


async def _first_available(
    tx: Tx, source: SourceContext, post: Post, services: list[str]
) -> provider_selection.Choice:
    today = day_start(source.app.now(), source.app.clock.zone)
    calls_today = await attempts.count_paid_calls(tx, [post.page_id], today)
    chain_input = ChainInput(
        page_id=post.page_id,
        chain=services,
        megapixels=megapixels_of(Inputs.from_dict(post.inputs).format),
        card_allowed=False,
        page_today=calls_today.get(post.page_id, 0),
    )
    return provider_selection.choose_provider(
        source, chain_input, await provider_selection.load_chain_state(tx, source)
    )


async def _create_replacement(source: SourceContext, post: Post, now: datetime) -> None:
    async with source.app.db.write_transaction() as tx:
        # A person or another daemon has queued a job since the candidates were read.
        if await jobs.find_open(tx, post.source, post.page_id) is not None:
            return
        if await jobs.has_open(tx, post.source, JobReason.REPLACE):
            return
        job = await jobs.create(
            tx,
            NewJob(
                source=post.source,
                page_id=post.page_id,
                title=post.title,
                reason=JobReason.REPLACE,
                due_at=now,
                fingerprint=post.fingerprint,
                inputs=post.inputs,
            ),
            now=now,
            why="its card stood in for a service, and one may be back",
        )
        await posts.update_fields(tx, post.source, post.page_id, replace_tried_at=now)
    job_log.log_job_queued(source, job)
    source.app.signals.kick.set()
