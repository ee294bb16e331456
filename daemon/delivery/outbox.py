"""Sends to pages what they are still to be told, until Notion confirms each write.

A job's pending write is an un-tick, a note (Waiting, Failed) or an image prompt; else a
page is told that its post is queued or waits for approval, and that it no longer does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.context import SourceContext
from daemon.jobs import job_log
from daemon.jobs.job_validity import classify_images
from daemon.jobs.retry_policy import TELL_AFTER
from daemon.notion.errors import (
    ItemRefusedError,
    PageGoneError,
    PageUnreachableError,
    WriteRefusedError,
)
from daemon.notion.model import Page, PageUpdate, Status, Urgency
from daemon.notion.page_writes import build_payload
from daemon.notion.schema import can_show_status
from daemon.service.tasks import TaskKey, TaskKind
from daemon.sync.apply import apply_pages, cancel_missing_page
from db import images, jobs, posts
from db.engine import Tx
from db.models import Job, Post
from db.states import JobEventType, JobReason, JobState

_STATUS = {"untick": Status.QUEUED, "waiting": Status.WAITING}
#: Statuses that come with a note of ours.
_WITH_NOTE = frozenset({Status.WAITING, Status.APPROVAL})
#: Before a status whose write may not have arrived; it is written again.
_UNCONFIRMED = "?"
_APPROVAL_NOTE = "Waiting for approval. Tick Regenerate to get an image for this post."


async def send_pending_write(source: SourceContext, job: Job) -> None:
    """Send the pending write of *job* to its page, and record that it arrived.

    Raises:
        NotionError: The write stays pending, and the caller schedules the next try.
            While Notion refuses an un-tick, the job causes no cost.
    """
    is_untick = job.pending_write == "untick"
    change = await _compose_change(source, job)
    # The source has no property for a note.  An un-tick is always confirmed by Notion.
    properties = build_payload(change, source.known_schema)[0]["properties"]
    if not is_untick and not properties:
        async with source.app.db.write_transaction() as tx:
            await jobs.clear_pending_write(tx, job)
        return
    urgency = Urgency.REGENERATION if is_untick else Urgency.JOB
    try:
        with source.page_cache.track_write(job.page_id):
            written = await source.notion.update_page(
                source.known_schema, job.page_id, change, urgency
            )
    except PageGoneError as error:
        is_unreachable = isinstance(error, PageUnreachableError)
        # The next poll shows whether the page still exists.
        if is_unreachable and is_untick and job.is_open:
            source.state.unreachable_pages.add(job.page_id)
            raise
        await cancel_missing_page(source, job)
        return
    except WriteRefusedError as error:
        if is_untick:
            raise
        source.log.warning(
            "note.refused", summary=str(error), job=job.id, page=job.page_id
        )
        async with source.app.db.write_transaction() as tx:
            await jobs.clear_pending_write(tx, job)
        return
    source.state.unreachable_pages.discard(job.page_id)
    job_log.log_omitted_properties(source, written.left_out)
    async with source.app.db.write_transaction() as tx:
        if (shown := _interim_status(job, change)) is not None:
            await posts.update_fields(tx, job.source, job.page_id, interim_status=shown)
        await _confirm_write(source, job, tx)
        await apply_pages(source, [written.page], tx=tx)
    source.app.signals.kick.set()


async def _confirm_write(source: SourceContext, job: Job, tx: Tx) -> None:
    now = source.app.now()
    current = await jobs.get(tx, job.id)
    if current is None or current.pending_write != job.pending_write:
        return
    if job.pending_write == "untick":
        await posts.update_fields(tx, job.source, job.page_id, unticked_at=now)
        if current.is_open:
            why = "Notion confirmed that the checkbox is cleared"
            event = JobEventType.ACKNOWLEDGED
            acked = current.acked_at or now
            await jobs.apply_event(
                tx, current, event, now=now, why=why, pending_write="", acked_at=acked
            )
            return
    await jobs.clear_pending_write(tx, job)


async def _compose_change(source: SourceContext, job: Job) -> PageUpdate:
    async with source.app.db.read_transaction() as tx:
        post = await posts.get(tx, job.source, job.page_id)
        names = list(post.shown_files) if post else []
        ours = await images.by_names(tx, names)
    cards_only = classify_images(job.page_id, names, ours).cards_only
    match job.pending_write:
        case "untick":
            # The note is about the status that the page showed before.
            had_note = post is not None and post.interim_status in _WITH_NOTE
            note = "" if had_note else None
            status = _open_status(source, job)
            return PageUpdate(regenerate=False, status=status, note=note)
        case "waiting":
            return PageUpdate(status=_open_status(source, job), note=job.pending_note)
        case "failed":
            # A page that keeps its earlier image keeps the status of that image.
            kept = Status.CARD if cards_only else Status.DONE
            status = kept if names else Status.FAILED
            return PageUpdate(status=status, note=job.pending_note)
        case _:
            return PageUpdate(prompt=job.pending_note)


def _interim_status(job: Job, change: PageUpdate) -> str | None:
    """Return what to store of a change for later; None leaves it as it is."""
    # Without a property for it, the note alone says that the post waits.
    if job.pending_write == "waiting":
        return Status.WAITING
    if change.status is None:
        return "" if change.note == "" else None
    return change.status if change.status in _STATUS.values() else ""


def _open_status(source: SourceContext, job: Job) -> Status | None:
    """Return the status of an open job; None leaves the status unchanged."""
    status = _STATUS[job.pending_write]
    rules = source.options.posts
    is_shown = job.is_open and can_show_status(source.known_schema, rules, status)
    return status if is_shown else None


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
    if status and not can_show_status(schema, source.options.posts, status):
        return None
    try:
        change = await _compose_status(source, state.post, status)
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


async def _compose_status(
    source: SourceContext, post: Post, status: Status
) -> PageUpdate | None:
    """Return the update with a status; None if a person has changed the status."""
    before = post.interim_status.removeprefix(_UNCONFIRMED)
    # Our note about the status before.
    had_note = before in _WITH_NOTE
    if status is Status.APPROVAL:
        return PageUpdate(status=status, note=_APPROVAL_NOTE)
    if status is Status.QUEUED:
        return PageUpdate(status=status, note="" if had_note else None)
    schema = source.known_schema
    page = await source.notion.fetch_page(schema, post.page_id, Urgency.JOB)
    has_status = can_show_status(schema, source.options.posts, before)
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
