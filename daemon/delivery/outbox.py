"""Sends pending writes to pages: un-ticks, notes (Waiting, Failed), image prompts."""

from __future__ import annotations

from daemon.context import SourceContext
from daemon.jobs import job_log
from daemon.jobs.job_validity import classify_images
from daemon.notion.errors import (
    PageGoneError,
    PageUnreachableError,
    WriteRefusedError,
)
from daemon.notion.model import PageUpdate, Urgency
from daemon.sync.apply import apply_pages, cancel_missing_page
from db import images, jobs, posts
from db.engine import Tx
from db.models import Job
from db.states import JobEventType

_STATUS = {"untick": "Queued", "waiting": "Waiting"}


async def send_pending_write(source: SourceContext, job: Job) -> None:
    """Send the pending write of *job* to its page, and record that it arrived.

    Raises:
        NotionError: The write stays pending, and the caller schedules the next try.
            While Notion refuses an un-tick, the job causes no cost.
    """
    is_untick = job.pending_write == "untick"
    change = PageUpdate(
        regenerate=False if is_untick else None,
        status=await _status_of(source, job),
        note=job.pending_note if job.pending_write in {"waiting", "failed"} else None,
        prompt=job.pending_note if job.pending_write == "prompt" else None,
    )
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
            await jobs.clear_pending_write(tx, job, job.pending_write)
        return
    source.state.unreachable_pages.discard(job.page_id)
    job_log.log_omitted_properties(source, written.left_out)
    async with source.app.db.write_transaction() as tx:
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
    await jobs.clear_pending_write(tx, current, job.pending_write)


async def _status_of(source: SourceContext, job: Job) -> str | None:
    """Return the value of the status property; None leaves it unchanged."""
    if job.pending_write != "failed":
        return _STATUS.get(job.pending_write) if job.is_open else None
    async with source.app.db.read_transaction() as tx:
        post = await posts.get(tx, job.source, job.page_id)
        names = list(post.shown_files) if post else []
        ours = await images.by_names(tx, names) if names else {}
    # A page that keeps its earlier image keeps the status of that image.
    if not names:
        return "Failed"
    return "Card" if classify_images(job.page_id, names, ours).cards_only else "Done"
