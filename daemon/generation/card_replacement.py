"""Queues the replacement of placeholder cards when a service is available again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from daemon.context import SourceContext
from daemon.generation import provider_selection
from daemon.generation.chain_input import ChainInput, read_image_spec
from daemon.jobs import job_log
from daemon.jobs.budget import day_start, next_day
from daemon.jobs.lifecycle import build_job
from db import jobs, posts, queue, spending
from db.engine import Tx
from db.models import Post
from db.states import JobReason
from providers.chain import CallProvider, Decision, Exhausted, HealthCheck


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
    services = provider_selection.list_services(source.providers, source.chain)
    max_age = source.options.posts.replace_cards
    if max_age is None or not services:
        return None
    # The leader waits for the first answer of Notion.
    if source.state.is_leader and source.state.schema is None:
        return None
    now, zone = source.app.now(), source.app.clock.zone
    today = day_start(now, zone)
    async with source.app.db.read_transaction() as tx:
        candidates = await _load_candidates(tx, source, now, max_age)
        if not candidates:
            return None
        created = await queue.count_created_since(
            tx, source.name, JobReason.REPLACE, today
        )
        fresh = [post for post in candidates if not _tried_today(post, today)]
        if created >= source.options.posts.replacements_per_day or not fresh:
            return next_day(now, zone)
        choice = await _first_available(tx, source, fresh[0], services)
    match choice:
        case HealthCheck(name):
            check_provider(name)
        case CallProvider():
            await _create_replacement(source, fresh[0], now)
        case Exhausted(until):
            return until
    return None


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
) -> Decision:
    today = day_start(source.app.now(), source.app.clock.zone)
    calls_today = await spending.count_paid_calls(tx, [post.page_id], today)
    chain_input = ChainInput(
        image=read_image_spec(post.inputs, post.page_id),
        chain=services,
        card_allowed=False,
        page_today=calls_today.get(post.page_id, 0),
    )
    state = await provider_selection.load_chain_state(tx, source)
    return provider_selection.choose_provider(source, chain_input, state)


async def _create_replacement(source: SourceContext, post: Post, now: datetime) -> None:
    async with source.app.db.write_transaction() as tx:
        # A person or another daemon has queued a job since the candidates were read.
        if await jobs.find_open(tx, post.source, post.page_id) is not None:
            return
        if await jobs.has_open(tx, post.source, JobReason.REPLACE):
            return
        why = "a service is available again, so the card is replaced"
        job = await jobs.create(
            tx, build_job(post, JobReason.REPLACE, now), now=now, why=why
        )
        await posts.update_fields(tx, post.source, post.page_id, replace_tried_at=now)
    job_log.log_job_queued(source, job)
    source.app.signals.kick.set()
