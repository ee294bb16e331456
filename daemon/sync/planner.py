"""Plan the actions of a page.  Pure, one comment per branch.

`plan_actions` compares a page with its stored state and returns actions, which
`daemon.sync.apply` carries out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from daemon.config.model import PostsSection
from daemon.jobs.job_validity import (
    PAGE_GONE,
    Stage,
    cancel_reason,
    classify_images,
)
from daemon.sync.plan_values import (
    AcknowledgeRepeat,
    Action,
    CancelJob,
    CreateJob,
    MergeIntoQueued,
    PageSnapshot,
    ReleasePost,
    ReletterImages,
    SavePost,
    ScheduleNext,
    ShowVariants,
    StoredState,
    merge_post,
)
from db.models import Job, Post
from db.states import JobReason, JobState

#: Notion rounds times down to the minute, so an edit may be this much younger.
_FLOOR = timedelta(minutes=1)


def plan_actions(
    snapshot: PageSnapshot, stored: StoredState, settings: PostsSection, now: datetime
) -> list[Action]:
    """Return the actions of a page, at most one of them about its job."""
    post = merge_post(snapshot, stored.post, settings, now)
    # A pick waits for the end of the job, whose images it may be about.
    if stored.job is not None:
        post = _with_pick(post, _pick_of(stored.post))
    # The page is new, or it has changed since it was last read.
    is_changed = stored.post is None or has_changed(post, stored.post)
    actions: list[Action] = [SavePost(post)] if is_changed else []
    job_action = _plan_job(snapshot, stored, settings, post, now)
    return [*actions, job_action] if job_action else actions


def _plan_job(
    snapshot: PageSnapshot,
    stored: StoredState,
    settings: PostsSection,
    post: Post,
    now: datetime,
) -> Action | None:
    # The page is in the trash, archived or out of the source.
    if post.removed:
        return CancelJob(PAGE_GONE) if stored.job else _release_post(stored)
    # The page has no text; a tick stays on the page until there is one.
    if not snapshot.inputs.prompt:
        is_automatic = stored.job is not None and _is_queued_unticked(stored.job)
        if is_automatic:
            return CancelJob("the post has no text now")
        return _release_post(stored)
    # The box is ticked: a tick always requests an image.
    if snapshot.page.regenerate:
        return _plan_ticked(snapshot, stored, now)
    if stored.job is not None:
        return _plan_open_job(snapshot, stored, stored.job, settings, now=now)
    # A person has picked another variant, or none any more.
    if (picked := _plan_pick(snapshot, stored)) is not None:
        return picked
    request = _automatic_request(snapshot, stored, settings, post, now)
    # The post waits for approval, but needs no image any more.
    if request is None and stored.held:
        return ReleasePost()
    # The post needs an image, and no approval.
    if request is not None and not stored.held:
        return request
    # Only the words on the image have changed, which costs no call.
    return ReletterImages() if _has_new_headline(snapshot, stored) else None


def _release_post(stored: StoredState) -> Action | None:
    return ReleasePost() if stored.held else None


def _has_new_headline(snapshot: PageSnapshot, stored: StoredState) -> bool:
    """Return whether a person has changed the headline of our image."""
    before = stored.post.inputs.get("headline") if stored.post else None
    after = snapshot.inputs.headline
    # The property is new, or it is not used.
    if before is None or after is None or before.strip() == after.strip():
        return False
    names = [file.name for file in snapshot.page.image]
    return any(
        image.page_id == snapshot.page.id and not image.is_card
        for name in names
        if (image := stored.known.get(name)) is not None
    )


def _plan_ticked(
    snapshot: PageSnapshot, stored: StoredState, now: datetime
) -> Action | None:
    job = stored.job
    # A tick on a post that waits for approval approves this post.
    if job is None and stored.held:
        return CreateJob(JobReason.REGENERATE, now, "approved by a tick")
    # No open job: create a job, which begins with the un-tick.
    if job is None:
        return CreateJob(JobReason.REGENERATE, now, "ticked")
    # Our un-tick is not confirmed yet, so this is a tick that the job covers.
    if job.pending_write == "untick":
        return None
    # A job that shows an earlier image again generates none, and a tick does not ask
    # for the seed that a person has named.
    is_other = job.inputs.get("chosen_files") or job.inputs.get("seed") is not None
    is_same = not is_other and _is_same_request(snapshot, job.fingerprint, job.inputs)
    if job.state is JobState.QUEUED:
        # A queued job was ticked for the same image: the request is repeated.
        if is_same and job.reason is JobReason.REGENERATE:
            return AcknowledgeRepeat()
        # The queued job has another reason or older inputs: merge both requests.
        return MergeIntoQueued(JobReason.REGENERATE, now, ticked=True, why="ticked")
    # A running job already generates this image.  A replacement may end without an
    # image, so it does not count.
    if is_same and job.reason is not JobReason.REPLACE:
        return AcknowledgeRepeat()
    # The running job generates something else: schedule the next job.
    return ScheduleNext(JobReason.REGENERATE, ticked=True, why="ticked while running")


def _plan_open_job(
    snapshot: PageSnapshot,
    stored: StoredState,
    job: Job,
    settings: PostsSection,
    *,
    now: datetime,
) -> Action | None:
    if _is_queued_unticked(job):
        why = cancel_reason(job, snapshot.page, stored.known, settings, Stage.PLANNING)
        # The job is no longer wanted.
        if why is not None:
            return CancelJob(why)
    # The inputs of the image are unchanged.
    if job.fingerprint == snapshot.fingerprint:
        # Words that only a card shows have changed: update the queued job.
        if (
            job.state is JobState.QUEUED
            and job.inputs["words"] != snapshot.inputs.words
        ):
            return MergeIntoQueued(job.reason, job.due_at, ticked=False, why="edited")
        return None
    if job.state is JobState.QUEUED:
        # The request came from a person: keep its due time, take the newest text.
        if job.reason is JobReason.REGENERATE:
            return MergeIntoQueued(job.reason, job.due_at, ticked=False, why="edited")
        # The text is still being written: wait until it settles again.
        return MergeIntoQueued(
            job.reason, now + settings.wait_after_edit, ticked=False, why="edited"
        )
    next_fingerprint = (job.again or {}).get("fingerprint")
    # The running job has older text and edits are followed: schedule the next job.
    if settings.on_edit == "regenerate" and next_fingerprint != snapshot.fingerprint:
        return ScheduleNext(JobReason.EDITED, ticked=False, why="edited while running")
    # Edits are not followed: only a tick requests another image.
    return None


def _plan_pick(snapshot: PageSnapshot, stored: StoredState) -> Action | None:
    pick, variants = snapshot.inputs.pick, stored.variants
    # The pick is unchanged, so it is not a request; or there is nothing to pick from.
    if pick == _pick_of(stored.post) or len(variants) < 2:  # noqa: PLR2004 - a choice
        return None
    # No variant has that number.
    if pick is not None and not 1 <= pick <= len(variants):
        return None
    wanted = variants if pick is None else variants[pick - 1 : pick]
    names = tuple(image.name for image in wanted)
    files = [file.name for file in snapshot.page.image]
    shown = [stored.known[name].name for name in files if name in stored.known]
    job_id = variants[0].job_id
    # The page shows it already.
    if shown == [*names] or job_id is None:
        return None
    why = "all images chosen" if pick is None else f"number {pick} was picked"
    return ShowVariants(job_id, names, why)


def _pick_of(post: Post | None) -> object:
    return post.inputs.get("pick") if post else None


def _with_pick(post: Post, pick: object) -> Post:
    inputs = {name: value for name, value in post.inputs.items() if name != "pick"}
    return replace(post, inputs=inputs | ({"pick": pick} if pick else {}))


def _is_queued_unticked(job: Job) -> bool:
    return job.state is JobState.QUEUED and job.reason is not JobReason.REGENERATE


def _automatic_request(
    snapshot: PageSnapshot,
    stored: StoredState,
    settings: PostsSection,
    post: Post,
    now: datetime,
) -> CreateJob | None:
    # The post does not match the filters.
    if post.matches_skip or not post.matches_only:
        return None
    # A job for exactly these inputs has failed or was cancelled.
    if post.rejected_fingerprint == snapshot.fingerprint:
        return None
    due_at = _settles_at(snapshot, post, settings, now)
    shown = classify_images(snapshot.page.id, post.shown_files, stored.known)
    # A duplicate of another page gets its own image once its text differs.
    if shown.copies and shown.copies != {snapshot.fingerprint}:
        return CreateJob(JobReason.NEW, due_at, "duplicated page")
    # The page has no image, and none was made for it.
    if not snapshot.page.image and post.image_fingerprint is None:
        return CreateJob(JobReason.NEW, due_at, "no image yet")
    # The text has changed since our image was made, and edits are followed.
    is_edited = (
        post.image_fingerprint is not None
        and post.image_fingerprint != snapshot.fingerprint
    )
    if settings.on_edit == "regenerate" and is_edited and shown.only_ours:
        return CreateJob(JobReason.EDITED, due_at, "edited")
    return None


def _settles_at(
    snapshot: PageSnapshot, post: Post, settings: PostsSection, now: datetime
) -> datetime:
    """Return when the text will have been unchanged for `posts.wait_after_edit`."""
    settled = min(post.changed_at, now) + settings.wait_after_edit
    first_seen = post.changed_at == post.seen_at
    # On first sight, Notion's edit time may show that the text has settled already.
    if first_seen:
        settled = min(
            settled, snapshot.page.edited_at + _FLOOR + settings.wait_after_edit
        )
    return max(now, settled)


def has_changed(new: Post, old: Post) -> bool:
    """Return whether the post differs from the stored one."""
    same_inputs = dict(new.inputs) == dict(old.inputs)
    return not same_inputs or new != replace(old, inputs=new.inputs)


def _is_same_request(
    snapshot: PageSnapshot, fingerprint: str, inputs: Mapping[str, object]
) -> bool:
    feedback = str(inputs.get("feedback", ""))
    # Empty feedback may be the result of our own write, so it is not a change.
    return fingerprint == snapshot.fingerprint and snapshot.inputs.feedback in {
        feedback,
        "",
    }
