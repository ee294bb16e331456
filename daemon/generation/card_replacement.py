"""A card that stood in for a service is replaced when one is back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

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
    flow: SourceContext, greet: Callable[[str], None]
) -> datetime | None:
    """Queue one replacement if there is one to make; return when to look again.

    For a moment in which no other job waits.

    Args:
        greet: Called with a provider of which is to be known whether it is up.
    """
    services = [n for n in flow.plan.chain if not flow.providers[n].traits.is_card]
    if flow.plan.replace_cards is None or not services:
        return None
    # Not before Notion has answered, if it is we who ask it.
    if flow.speaks and flow.schema is None:
        return None
    now = flow.now()
    today = day_start(now, flow.clock.zone)
    async with flow.db.read_transaction() as tx:
        posts_left = await _load_candidates(tx, flow, now)
        if not posts_left:
            return None
        made = await job_lists.count_created_since(
            tx, flow.plan.source, JobReason.REPLACE, today
        )
        if made >= flow.plan.replacements_per_day:
            return next_day(now, flow.clock.zone)
        fresh = [post for post in posts_left if not _tried_today(post, today)]
        if not fresh:
            return next_day(now, flow.clock.zone)
        choice = await _first_available(tx, flow, fresh[0], services)
    if isinstance(choice, HealthCheck):
        greet(choice.name)
        return None
    if isinstance(choice, CallProvider):
        await _create_replacement(flow, fresh[0], now)
        return None
    return choice.until if isinstance(choice, Exhausted) else None


async def _load_candidates(tx: Tx, flow: SourceContext, now: datetime) -> list[Post]:
    age = flow.plan.replace_cards
    if age is None:
        return []
    found = await posts.list_replaceable(tx, flow.plan.source, made_after=now - age)
    today = now.astimezone(flow.clock.zone).date().isoformat()
    # A date that is past: it has been posted, as a card.
    return [post for post in found if not post.date or post.date[:10] >= today]


def _tried_today(post: Post, today: datetime) -> bool:
    return post.replace_tried_at is not None and post.replace_tried_at >= today


async def _first_available(
    tx: Tx, flow: SourceContext, post: Post, services: list[str]
) -> provider_selection.Choice:
    today = day_start(flow.now(), flow.clock.zone)
    calls = await attempts.count_paid_calls(tx, [post.page_id], today)
    case = ChainInput(
        page_id=post.page_id,
        chain=services,
        megapixels=megapixels_of(Inputs.from_dict(post.inputs).format),
        card_allowed=False,
        page_today=calls.get(post.page_id, 0),
    )
    return provider_selection.choose_provider(
        flow, case, await provider_selection.load_chain_state(tx, flow)
    )


async def _create_replacement(flow: SourceContext, post: Post, now: datetime) -> None:
    async with flow.db.write_transaction() as tx:
        # Somebody was faster: a person, or another daemon with this or another card.
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
    job_log.log_job_queued(flow, job)
    flow.kick.set()
