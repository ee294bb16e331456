"""What a page is still owed besides its image: the un-tick, Waiting, Failed."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from daemon.flow import tell
from daemon.flow.absorb import absorb
from daemon.flow.context import Flow
from daemon.flow.ending import end_job
from daemon.flow.wants import look
from daemon.notion.errors import (
    PageGoneError,
    PageUnreachableError,
    RefusedWriteError,
)
from daemon.notion.model import Change, Urgency
from db import images, jobs, posts
from db.engine import Tx
from db.records import Job
from db.states import Event

_STATUS = {"untick": "Queued", "waiting": "Waiting"}


async def pay(flow: Flow, job: Job) -> None:
    """Make good what *job* owes its page.

    Raises:
        NotionError: For the caller, who knows when to try again.  While Notion refuses
            an un-tick, the job costs nothing.
    """
    change = Change(
        regenerate=False if job.owed == "untick" else None,
        status=await _status_of(flow, job),
        note=job.owed_note if job.owed != "untick" else None,
    )
    ticked = job.owed == "untick"
    urgency = Urgency.REGENERATION if ticked else Urgency.JOB
    try:
        with flow.views.writing(job.page_id):
            written = await flow.door.update(
                flow.known_schema, job.page_id, change, urgency
            )
    except PageUnreachableError:
        # The next poll shows whether it is still there: one job, however often.
        if ticked and job.is_open:
            flow.unreachable.add(job.page_id)
            raise
        await _cancel_missing(flow, job)
        return
    except PageGoneError:
        await _cancel_missing(flow, job)
        return
    except RefusedWriteError as error:
        if ticked:
            raise
        flow.log.warning(
            "note.refused", summary=str(error), job=job.id, page=job.page_id
        )
        async with flow.db.writing() as tx:
            await jobs.settle_debt(tx, job, job.owed)
        return
    flow.unreachable.discard(job.page_id)
    tell.say_left_out(flow, written.left_out)
    async with flow.db.writing() as tx:
        await _confirmed(flow, job, tx)
        page = written.page
        await absorb(flow, [page], tx=tx)
    flow.kick.set()


async def _confirmed(flow: Flow, job: Job, tx: Tx) -> None:
    now = flow.now()
    current = await jobs.get(tx, job.id)
    if current is None or current.owed != job.owed:
        return
    if job.owed == "untick":
        await posts.change(tx, job.source, job.page_id, unticked_at=now)
        if current.is_open:
            why = "Notion confirmed the un-tick"
            event = Event.ACKNOWLEDGED
            acked = current.acked_at or now
            await jobs.move(
                tx, current, event, now=now, why=why, owed="", acked_at=acked
            )
            return
    await jobs.settle_debt(tx, current, job.owed)


async def end_missing(flow: Flow, listed: AbstractSet[str], mark: int) -> None:
    """Cancel jobs whose un-tick was answered 404 and whose page no poll lists.

    Args:
        listed: Pages that a poll has found; every ticked page is among them.
        mark: The moment that poll was sent.
    """
    for page_id in sorted(flow.unreachable - listed):
        # The un-tick was answered while the poll was under way.
        if flow.views.disturbed(page_id, mark):
            continue
        flow.unreachable.discard(page_id)
        async with flow.db.reading() as tx:
            job = await jobs.open_of(tx, flow.plan.source, page_id)
        if job is not None and job.owed == "untick":
            await _cancel_missing(flow, job)


async def _cancel_missing(flow: Flow, job: Job) -> None:
    """Cancel a job whose page is gone; what was paid for stays on disk."""
    ended: Job | None = None
    async with flow.db.writing() as tx:
        await jobs.settle_debt(tx, job, job.owed)
        current = await jobs.get(tx, job.id)
        if current is not None and current.is_open:
            now, why = flow.now(), "the page is gone"
            ended = await end_job(tx, current, Event.CANCELLED, now=now, why=why)
    if ended is not None:
        tell.say_ended(flow, ended, ended.outcome)


async def _status_of(flow: Flow, job: Job) -> str | None:
    """Return what the page is to say of its image besides the note."""
    if job.owed != "failed":
        return _STATUS[job.owed] if job.is_open else None
    async with flow.db.reading() as tx:
        post = await posts.get(tx, job.source, job.page_id)
        names = list(post.shows) if post else []
        known = await images.by_names(tx, names) if names else {}
    # Its image was kept: nobody is to read "Failed" above a picture.
    if names:
        return "Card" if look(job.page_id, names, known).cards_only else "Done"
    return "Failed"
