"""Plan pages from the stored state: load it, renew old fingerprints, ask the planner.

An earlier version computed other fingerprints.  They are replaced by current ones;
otherwise every post would look edited after an upgrade.  While the page has an open
job, only the planner sees the current fingerprints, and the job keeps its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from daemon.config.model import Options
from daemon.context import SourceContext
from daemon.jobs.inputs import compute_former_fingerprint, read_inputs
from daemon.notion.model import Page
from daemon.sync.plan_values import (
    Action,
    CreateJob,
    PageSnapshot,
    SavePost,
    StoredState,
    merge_post,
)
from daemon.sync.planner import plan_actions
from db import images, jobs, posts
from db.engine import Tx
from db.models import ImageRecord, Post
from db.states import JobReason

#: Pages planned, in a few milliseconds, before the event loop runs other tasks.
_YIELD_EVERY = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePlan:
    """A page and its planned actions.

    Attributes:
        former: Stored fingerprint of an earlier version to replace; empty: none.
    """

    sight: PageSnapshot
    memory: StoredState
    actions: Sequence[Action]
    former: str = ""

    @property
    def automatic_request(self) -> CreateJob | None:
        """The action that creates a job without a tick."""
        for action in self.actions:
            if (
                isinstance(action, CreateJob)
                and action.reason is not JobReason.REGENERATE
            ):
                return action
        return None


async def plan_pages(
    tx: Tx, source: SourceContext, pages: Sequence[Page]
) -> list[PagePlan]:
    """Plan the actions of *pages* from the stored state, without applying them."""
    ids, now = [page.id for page in pages], source.app.now()
    stored_posts = await posts.get_many(tx, source.name, ids)
    open_jobs = {
        job.page_id: job for job in await jobs.open_of_pages(tx, source.name, ids)
    }
    names = [file.name for page in pages for file in page.image]
    our_images = await images.by_names(tx, names)
    held_ids = await posts.held_among(tx, source.name, ids)
    plans = []
    for number, page in enumerate(pages, 1):
        if number % _YIELD_EVERY == 0:
            await asyncio.sleep(0)
        stored = StoredState(
            post=stored_posts.get(page.id),
            job=open_jobs.get(page.id),
            known={
                file.name: our_images[file.name]
                for file in page.image
                if file.name in our_images
            },
            held=page.id in held_ids,
        )
        if page.pick != (stored.post.inputs.get("pick") if stored.post else None):
            stored = replace(stored, variants=await _load_variants(tx, page, stored))
        plans.append(plan_page(page, stored, source.options, now))
    return plans


async def _load_variants(tx: Tx, page: Page, stored: StoredState) -> list[ImageRecord]:
    """Return the images of the job whose images the page shows, by number."""
    ours = [stored.known[file.name] for file in page.image if file.name in stored.known]
    first = next((image for image in ours if image.page_id == page.id), None)
    if first is None or first.job_id is None or first.is_card:
        return []
    return [
        image
        for image in await images.of_job(tx, first.job_id)
        if image.fingerprint == first.fingerprint and image.pruned_at is None
    ]


async def plan_dry_run(
    source: SourceContext, pages: Sequence[Page], *, has_database: bool
) -> list[PagePlan]:
    """Plan the actions of *pages* for `plan`, without writing anything.

    Args:
        has_database: Use the stored state.  Without a database it is empty.
    """
    if has_database:
        async with source.app.db.read_transaction() as tx:
            return await plan_pages(tx, source, pages)
    now = source.app.now()
    return [plan_page(page, StoredState(), source.options, now) for page in pages]


def plan_page(
    page: Page, stored: StoredState, options: Options, now: datetime
) -> PagePlan:
    """Plan the actions of a page with current fingerprints.  Pure."""
    inputs, fingerprint = read_inputs(page, options)
    snapshot = PageSnapshot(page=page, inputs=inputs, fingerprint=fingerprint)
    former = compute_former_fingerprint(page, options)
    renewed = _renew_state(stored, former, fingerprint)
    actions = plan_actions(snapshot, renewed, options.posts, now)
    # An open job keeps its fingerprint, so its page is renewed later.
    if renewed.post == stored.post or stored.job is not None:
        return PagePlan(sight=snapshot, memory=renewed, actions=actions)
    save_post = SavePost(merge_post(snapshot, renewed.post, options.posts, now))
    others = [action for action in actions if not isinstance(action, SavePost)]
    return PagePlan(
        sight=snapshot, memory=renewed, actions=[save_post, *others], former=former
    )


def _renew_state(stored: StoredState, former: str, current: str) -> StoredState:
    """Return the stored state of a page with current fingerprints."""
    known = {
        name: replace(image, fingerprint=current)
        if image.fingerprint == former
        else image
        for name, image in stored.known.items()
    }
    job = stored.job
    if job is not None and job.fingerprint == former:
        job = replace(job, fingerprint=current)
    post = _renew_post(stored.post, former, current)
    return replace(stored, post=post, job=job, known=known)


def _renew_post(post: Post | None, former: str, current: str) -> Post | None:
    if post is None:
        return None
    renewed: dict[str, Any] = {
        name: current
        for name in ("fingerprint", "rejected_fingerprint", "image_fingerprint")
        if getattr(post, name) == former
    }
    return replace(post, **renewed)
