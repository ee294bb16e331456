"""Tells pages that their post is queued or waits for approval, and no longer does.

Other statuses come with another write of the job: `outbox` and `page_change`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.config.model import PostsSection
from daemon.context import SourceContext
from daemon.jobs import job_log
from daemon.jobs.job_validity import classify_images
from daemon.jobs.retry_policy import TELL_AFTER
from daemon.notion.errors import ItemRefusedError, PageGoneError, WriteRefusedError
from daemon.notion.model import Page, PageUpdate, Role, Schema, Status, Urgency
from daemon.service.tasks import TaskKey, TaskKind
from daemon.sync.apply import apply_pages
from db import images, jobs, posts
from db.engine import Tx
from db.models import Job, Post
from db.states import JobReason, JobState

#: Before a status whose write may not have arrived; it is written again.
_UNCONFIRMED = "?"
_APPROVAL_NOTE = "Waiting for approval. Tick Regenerate to get an image for this post."


@dataclass(frozen=True, slots=True, kw_only=True)
class PostState:
    """What decides about the status of a page; `job` is its open or newest job."""

    post: Post
    job: Job | None
    held: bool


def plan_status(state: PostState, now: datetime) -> Status | None:
    """Return the status to write, `Status.NONE` to end the present one, or None.

    Pure, one comment per branch.
    """
    shown, job = state.post.interim_status, state.job
    # The page is in the trash or out of the source.
    if state.post.removed:
        return None
    # Another write of the job sets the status.
    if job is not None and job.pending_write:
        return None
    if job is not None and job.is_open:
        return _plan_open_job(job, shown, now)
    # The post waits for approval, and its page does not say so.
    if state.held:
        return None if shown == Status.APPROVAL else Status.APPROVAL
    # The page says that something is under way, and nothing is.
    return Status.NONE if shown else None


def _plan_open_job(job: Job, shown: str, now: datetime) -> Status | None:
    # The image is on its way, or the card stays until it is replaced.
    if job.state is JobState.UPLOADING or job.reason is JobReason.REPLACE:
        return None
    # The page says already that the post is queued, or why it waits.
    if shown in {Status.QUEUED, Status.WAITING}:
        return None
    # The text may still change, or the image is made at once.
    if now < job.due_at + TELL_AFTER:
        return None
    return Status.QUEUED


def can_show(schema: Schema, rules: PostsSection, status: str) -> bool:
    """Return whether the source has a property for a status, which no filter reads.

    A filter that reads it would exclude the post because of our own write.
    """
    if Role.STATUS not in schema.roles or _is_filtered(schema, rules):
        return False
    return status not in _missing_options(schema)


def _is_filtered(schema: Schema, rules: PostsSection) -> bool:
    found = map(schema.find_property, (*rules.only, *rules.skip))
    return schema.roles[Role.STATUS].id in {other.id for other in found if other}


def _missing_options(schema: Schema) -> list[Status]:
    """Return the statuses that the property cannot show."""
    found = schema.roles[Role.STATUS]
    # Notion adds options to any other property.
    if found.type != "status":
        return []
    options = [option.casefold() for option in found.options]
    return [status for status in Status if status and status.casefold() not in options]


def describe_unshown(schema: Schema, rules: PostsSection) -> str:
    """Return which statuses postbrush does not write, and why, or ""."""
    if Role.STATUS not in schema.roles:
        return ""
    name = schema.roles[Role.STATUS].name
    if _is_filtered(schema, rules):
        return (
            f"posts.only or posts.skip uses '{name}', so postbrush does not write "
            "Queued, Waiting or Waiting for approval to pages"
        )
    missing = ", ".join(_missing_options(schema))
    if not missing:
        return ""
    return (
        f"'{name}' lacks these options: {missing}. Add the ones you want in Notion, "
        "which does not let programs add options to a Status property"
    )


async def tell_pages(
    source: SourceContext, page_ids: Sequence[str], is_busy: Callable[[int], bool]
) -> None:
    """Write the statuses of pages, one after the other.

    Args:
        is_busy: Returns whether another write of a job, by ID, is under way.

    Raises:
        NotionUnavailableError, NoAccessError: The other pages are not written.
    """
    for page_id in page_ids:
        if source.app.signals.stopping.is_set():
            return
        source.state.told_page = page_id
        try:
            await _tell_page(source, page_id, is_busy)
        finally:
            source.state.told_page = ""


async def _tell_page(
    source: SourceContext, page_id: str, is_busy: Callable[[int], bool]
) -> None:
    async with source.app.db.read_transaction() as tx:
        state = await _load_state(tx, source, page_id)
    if state is None or (state.job is not None and is_busy(state.job.id)):
        return
    status = plan_status(state, source.app.now())
    if status is None:
        return
    page = await _write_status(source, state, status)
    async with source.app.db.write_transaction() as tx:
        # A status that cannot be written counts as written: there is no second try.
        await posts.update_fields(tx, source.name, page_id, interim_status=status)
        if page is not None:
            await apply_pages(source, [page], tx=tx)


async def _load_state(tx: Tx, source: SourceContext, page_id: str) -> PostState | None:
    post = await posts.get(tx, source.name, page_id)
    if post is None:
        return None
    history = await jobs.of_page(tx, source.name, page_id)
    active = (job for job in history if job.is_open or job.pending_write)
    newest = next(active, history[0] if history else None)
    held = await posts.held_among(tx, source.name, [page_id])
    return PostState(post=post, job=newest, held=bool(held))


async def _write_status(
    source: SourceContext, state: PostState, status: Status
) -> Page | None:
    """Write a status; return the page, or None if nothing was written."""
    page_id, schema = state.post.page_id, source.known_schema
    if status and not can_show(schema, source.options.posts, status):
        return None
    try:
        change = await _compose(source, state.post, status)
        if change is None:
            return None
        if status:
            async with source.app.db.write_transaction() as tx:
                unconfirmed = f"{_UNCONFIRMED}{status}"
                await posts.update_fields(
                    tx, source.name, page_id, interim_status=unconfirmed
                )
        with source.page_cache.track_write(page_id):
            written = await source.notion.update_page(
                schema, page_id, change, Urgency.JOB
            )
    except (WriteRefusedError, ItemRefusedError, PageGoneError) as error:
        key = TaskKey(TaskKind.NOTE, source.name)
        if source.app.retry_schedule.should_log(
            key, str(error), source.app.steady_now()
        ):
            source.log.warning("note.refused", summary=str(error), page=page_id)
        return None
    job_log.log_omitted_properties(source, written.left_out)
    return written.page


async def _compose(
    source: SourceContext, post: Post, status: Status
) -> PageUpdate | None:
    """Return the update with a status; None if a person has changed the status."""
    before = post.interim_status.removeprefix(_UNCONFIRMED)
    # Our note about the status before.
    had_note = before in {Status.WAITING, Status.APPROVAL}
    if status is Status.APPROVAL:
        return PageUpdate(status=status, note=_APPROVAL_NOTE)
    if status is Status.QUEUED:
        return PageUpdate(status=status, note="" if had_note else None)
    schema = source.known_schema
    page = await source.notion.fetch_page(schema, post.page_id, Urgency.JOB)
    has_status = can_show(schema, source.options.posts, before)
    if page.gone or (has_status and page.status != before):
        return None
    if not has_status:
        return PageUpdate(note="") if had_note else None
    names = [file.name for file in page.image]
    async with source.app.db.read_transaction() as tx:
        ours = await images.by_names(tx, names)
    shown = classify_images(page.id, names, ours)
    # A file that postbrush did not make has no status.
    ended = Status.NONE if shown.foreign or not names else Status.DONE
    if names and shown.cards_only:
        ended = Status.CARD
    return PageUpdate(status=ended, note="" if had_note else None)
