"""Fingerprints that an earlier version stored become those of today.

Without it an upgrade would make every post look edited.  Of a page whose job is open
only the decision sees the new ones: that job goes on with what it has.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from daemon.context import SourceSettings
from daemon.jobs.inputs import read_former_fingerprint
from daemon.sync.plan_types import Action, PageSnapshot, SavePost, StoredState
from daemon.sync.planner import merge_post, plan_actions
from db import jobs
from db.engine import Tx
from db.models import Post


def plan_page(
    sight: PageSnapshot, memory: StoredState, plan: SourceSettings, now: datetime
) -> tuple[StoredState, list[Action], str]:
    """Return what `plan_actions` says with today's fingerprints.

    Returns:
        What is remembered with them, the actions, and the fingerprint that is to be
        renewed in the database; empty: none, or not yet.
    """
    former = read_former_fingerprint(sight.page, plan.recipe)
    renewed = _renew_state(memory, former, sight.fingerprint)
    actions = plan_actions(sight, renewed, plan.rules, now)
    # An open job goes on with the fingerprint it has: its page is renewed later.
    if renewed.post == memory.post or memory.job is not None:
        return renewed, actions, ""
    post = SavePost(merge_post(sight, renewed.post, plan.rules, now))
    others = [action for action in actions if not isinstance(action, SavePost)]
    return renewed, [post, *others], former


def _renew_state(memory: StoredState, former: str, newest: str) -> StoredState:
    """Return what is remembered of a page, in today's fingerprints."""
    known = {
        name: replace(image, fingerprint=newest)
        if image.fingerprint == former
        else image
        for name, image in memory.known.items()
    }
    job = memory.job
    if job is not None and job.fingerprint == former:
        job = replace(job, fingerprint=newest)
    return replace(
        memory, post=_renew_post(memory.post, former, newest), job=job, known=known
    )


def _renew_post(post: Post | None, former: str, newest: str) -> Post | None:
    if post is None:
        return None
    today = {former: newest}
    return replace(
        post,
        fingerprint=today.get(post.fingerprint, post.fingerprint),
        answered=today.get(post.answered or "", post.answered),
        made=today.get(post.made or "", post.made),
    )


async def renew_stored_fingerprints(
    tx: Tx, source: str, sight: PageSnapshot, former: str
) -> None:
    """Renew what is stored of a page besides its post: ended jobs, and images."""
    await jobs.replace_fingerprint(tx, source, sight.page.id, former, sight.fingerprint)
