"""Replace fingerprints that an earlier version stored by current ones.

Otherwise every post would look edited after an upgrade.  If the page has an open job,
only the planner sees the current fingerprints and the job keeps its own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from daemon.config.model import Options
from daemon.jobs.inputs import read_former_fingerprint
from daemon.sync.plan_types import Action, PageSnapshot, SavePost, StoredState
from daemon.sync.planner import merge_post, plan_actions
from db import jobs
from db.engine import Tx
from db.models import Post


def plan_page(
    snapshot: PageSnapshot, stored: StoredState, options: Options, now: datetime
) -> tuple[StoredState, list[Action], str]:
    """Plan the actions of a page with current fingerprints.

    Returns:
        The stored state with current fingerprints, the actions, and the fingerprint
        to replace in the database; empty: nothing to replace, or not yet.
    """
    former = read_former_fingerprint(snapshot.page, options)
    renewed = _renew_state(stored, former, snapshot.fingerprint)
    actions = plan_actions(snapshot, renewed, options.posts, now)
    # An open job keeps its fingerprint, so its page is renewed later.
    if renewed.post == stored.post or stored.job is not None:
        return renewed, actions, ""
    save_post = SavePost(merge_post(snapshot, renewed.post, options.posts, now))
    others = [action for action in actions if not isinstance(action, SavePost)]
    return renewed, [save_post, *others], former


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
    return replace(
        stored, post=_renew_post(stored.post, former, current), job=job, known=known
    )


def _renew_post(post: Post | None, former: str, current: str) -> Post | None:
    if post is None:
        return None
    renewed = {former: current}
    return replace(
        post,
        fingerprint=renewed.get(post.fingerprint, post.fingerprint),
        answered=renewed.get(post.answered or "", post.answered),
        made=renewed.get(post.made or "", post.made),
    )


async def renew_stored_fingerprints(
    tx: Tx, source: str, snapshot: PageSnapshot, former: str
) -> None:
    """Replace the former fingerprint in the ended jobs and images of a page."""
    await jobs.replace_fingerprint(
        tx, source, snapshot.page.id, former, snapshot.fingerprint
    )
