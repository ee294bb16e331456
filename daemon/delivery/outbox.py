"""Sends pending writes to pages: un-ticks, notes (Waiting, Failed), image prompts."""

from __future__ import annotations

from daemon.context import SourceContext
from daemon.delivery.page_status import can_show
from daemon.jobs import job_log
from daemon.jobs.job_validity import classify_images
from daemon.notion.errors import (
    PageGoneError,
    PageUnreachableError,
    WriteRefusedError,
)
from daemon.notion.model import PageUpdate, Status, Urgency
from daemon.notion.page_writes import build_payload
from daemon.sync.apply import apply_pages, cancel_missing_page
from db import images, jobs, posts
from db.engine import Tx
from db.models import Job
from db.states import JobEventType

_STATUS = {"untick": Status.QUEUED, "waiting": Status.WAITING}
#: Statuses that come with a note of ours.
_WITH_NOTE = frozenset({Status.WAITING, Status.APPROVAL})


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
    except PageUnreachableError:
        # The next poll shows whether the page still exists.
        if is_untick and job.is_open:
            source.state.unreachable_pages.add(job.page_id)
            raise
        await cancel_missing_page(source, job)
        return
    except PageGoneError:
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
    is_shown = job.is_open and can_show(source.known_schema, rules, status)
    return status if is_shown else None
