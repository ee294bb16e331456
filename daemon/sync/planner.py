"""What a page wants: pure, one comment per branch.

`plan_actions` looks at the page as it is now and at what we remember of it, and returns
actions; `daemon.sync.apply` carries them out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.decision_settings import Rules
from daemon.notion.filters import matches_filter
from daemon.sync.plan_types import (
    AcknowledgeRepeat,
    Action,
    CancelJob,
    CreateJob,
    MergeIntoQueued,
    PageSnapshot,
    SavePost,
    ScheduleNext,
    StoredState,
)
from db.models import ImageRecord, Job, Post
from db.states import JobReason, JobState

#: Notion floors times to the minute, so an edit may be this much younger.
_FLOOR = timedelta(minutes=1)


def plan_actions(
    sight: PageSnapshot, memory: StoredState, rules: Rules, now: datetime
) -> list[Action]:
    """Return what is to be done about a page."""
    post = merge_post(sight, memory.post, rules, now)
    # What it shows has changed since we last looked.
    news = memory.post is None or has_changed(post, memory.post)
    actions: list[Action] = [SavePost(post)] if news else []
    wish = _plan_job(sight, memory, rules, post, now)
    return [*actions, wish] if wish else actions


def _plan_job(
    sight: PageSnapshot, memory: StoredState, rules: Rules, post: Post, now: datetime
) -> Action | None:
    # In the trash, archived or out of the source: nothing is wanted any more.
    if post.gone:
        return CancelJob("the page is gone") if memory.job else None
    # No text, no wish; a tick waits on the page until there are words.
    if not sight.inputs.prompt:
        unasked = memory.job is not None and _is_queued_unticked(memory.job)
        return CancelJob("the page has no words any more") if unasked else None
    # The box is ticked: always obeyed.
    if sight.page.regenerate:
        return _plan_ticked(sight, memory, now)
    if memory.job is not None:
        return _plan_open_job(sight, memory, memory.job, rules, post=post, now=now)
    return _plan_automatic(sight, memory, rules, post, now)


def _plan_ticked(
    sight: PageSnapshot, memory: StoredState, now: datetime
) -> Action | None:
    job = memory.job
    # Nothing under way: a job that starts with the un-tick.
    if job is None:
        return CreateJob(JobReason.REGENERATE, now, "ticked")
    # Our un-tick has not been confirmed yet: this is the tick we know of.
    if job.owed == "untick":
        return None
    same = _is_same_request(sight, job.fingerprint, job.inputs)
    if job.state is JobState.QUEUED:
        # It was ticked for the same image and waits: the same wish.
        if same and job.reason is JobReason.REGENERATE:
            return AcknowledgeRepeat()
        # It waits for another reason or with older inputs: one job for both.
        return MergeIntoQueued(JobReason.REGENERATE, now, ticked=True, why="ticked")
    # In work on just this: the image that comes is the one that is wanted.  A
    # replacement may end without one, so it does not count.
    if same and job.reason is not JobReason.REPLACE:
        return AcknowledgeRepeat()
    # In work on something else: the next job.
    return ScheduleNext(JobReason.REGENERATE, ticked=True, why="ticked during the work")


def _plan_open_job(
    sight: PageSnapshot,
    memory: StoredState,
    job: Job,
    rules: Rules,
    *,
    post: Post,
    now: datetime,
) -> Action | None:
    if _is_queued_unticked(job):
        # It left the posts postbrush looks after before its turn came.
        if post.skipped or not post.chosen:
            return CancelJob("the post no longer matches posts.only, or posts.skip")
        # A person put an image there.
        if classify_images(sight.page.id, post.shows, memory.known).foreign:
            return CancelJob("the page has an image now")
    # Nothing the image is made of has changed.
    if job.fingerprint == sight.fingerprint:
        # Words that only a card shows: a waiting job takes them at once.
        if job.state is JobState.QUEUED and job.inputs["words"] != sight.inputs.words:
            return MergeIntoQueued(job.reason, job.due_at, ticked=False, why="edited")
        return None
    if job.state is JobState.QUEUED:
        # A person asked for it by hand: at once, with the newest words.
        if job.reason is JobReason.REGENERATE:
            return MergeIntoQueued(job.reason, job.due_at, ticked=False, why="edited")
        # Still being written: the text has to be still again.
        return MergeIntoQueued(
            job.reason, now + rules.wait_after_edit, ticked=False, why="edited"
        )
    noted = (job.again or {}).get("fingerprint")
    # In work on older words, and edits are followed: the next job.
    if rules.on_edit == "regenerate" and noted != sight.fingerprint:
        return ScheduleNext(
            JobReason.EDITED, ticked=False, why="edited during the work"
        )
    return None  # The box would make another.


def _is_queued_unticked(job: Job) -> bool:
    return job.state is JobState.QUEUED and job.reason is not JobReason.REGENERATE


def _plan_automatic(
    sight: PageSnapshot, memory: StoredState, rules: Rules, post: Post, now: datetime
) -> Action | None:
    # Not one of those postbrush looks after, or waiting for `approve`.
    if post.skipped or not post.chosen or memory.held:
        return None
    # A failed or cancelled job was the answer to exactly these inputs.
    if post.answered == sight.fingerprint:
        return None
    shown = classify_images(sight.page.id, post.shows, memory.known)
    # A duplicate of another page: wants its own once it says something else.
    if shown.copies and shown.copies != {sight.fingerprint}:
        return CreateJob(
            JobReason.NEW, _settles_at(sight, post, rules, now), "a duplicated page"
        )
    # No image on the page and none made.
    if not sight.page.image and post.made is None:
        return CreateJob(
            JobReason.NEW, _settles_at(sight, post, rules, now), "no image yet"
        )
    # Its words have changed since our image was made, and edits are followed.
    changed = post.made is not None and post.made != sight.fingerprint
    if rules.on_edit == "regenerate" and changed and shown.only_ours:
        return CreateJob(
            JobReason.EDITED, _settles_at(sight, post, rules, now), "edited"
        )
    return None


def _settles_at(
    sight: PageSnapshot, post: Post, rules: Rules, now: datetime
) -> datetime:
    """Return when the text will have been still for `posts.wait_after_edit`."""
    settled = min(post.changed_at, now) + rules.wait_after_edit
    first_seen = post.changed_at == post.seen_at
    # Seen for the first time: Notion's own time may show that it is still already.
    if first_seen:
        settled = min(settled, sight.page.edited_at + _FLOOR + rules.wait_after_edit)
    return max(now, settled)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageColumnState:
    """What the Image column holds, as far as we know its files.

    Attributes:
        copies: Fingerprints of images made for other pages.
        cards_only: Every file is a card of ours for this page (or there is none).
        only_ours: There are files, and all were made for this page.
        foreign: Some file is not of our making at all.
    """

    copies: frozenset[str]
    cards_only: bool
    only_ours: bool
    foreign: bool


def classify_images(
    page_id: str, names: Sequence[str], known: Mapping[str, ImageRecord]
) -> ImageColumnState:
    """Sort the names in a page's Image column."""
    found = [known[name] for name in names if name in known]
    mine = [one for one in found if one.page_id == page_id]
    return ImageColumnState(
        copies=frozenset(one.fingerprint for one in found if one.page_id != page_id),
        cards_only=len(mine) == len(names) and all(one.is_card for one in mine),
        only_ours=bool(mine) and len(mine) == len(names),
        foreign=len(found) < len(names),
    )


def merge_post(
    sight: PageSnapshot, old: Post | None, rules: Rules, now: datetime
) -> Post:
    """Return what to remember of a page, on top of what was."""
    page = sight.page
    base = old or Post(
        source="",
        page_id=page.id,
        url=page.url,
        title=page.title,
        date=page.date,
        created_at=page.created_at,
        seen_at=now,
        changed_at=now,
        fingerprint=sight.fingerprint,
        inputs={},
        shows=(),
        chosen=True,
        skipped=False,
    )
    moved = base.fingerprint != sight.fingerprint
    return replace(
        base,
        url=page.url,
        title=page.title,
        date=page.date,
        changed_at=now if moved else base.changed_at,
        fingerprint=sight.fingerprint,
        inputs=sight.inputs.to_dict(),
        shows=tuple(file.name for file in page.image),
        chosen=matches_filter(page.columns, rules.only),
        skipped=bool(rules.skip) and matches_filter(page.columns, rules.skip),
        gone=page.gone,
    )


def has_changed(new: Post, old: Post) -> bool:
    """Say whether there is anything to write."""
    same_inputs = dict(new.inputs) == dict(old.inputs)
    return not same_inputs or new != replace(old, inputs=new.inputs)


def _is_same_request(
    sight: PageSnapshot, fingerprint: str, inputs: Mapping[str, object]
) -> bool:
    feedback = str(inputs.get("feedback", ""))
    # Feedback that our own write has just cleared is no new feedback.
    return fingerprint == sight.fingerprint and sight.inputs.feedback in {feedback, ""}
